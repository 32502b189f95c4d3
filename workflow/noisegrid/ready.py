"""Whether this machine is ready for a plan: asked when work starts, so that a study can be planned anywhere."""

import json
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from noisegrid import images
from noisegrid.basics.errors import NoisegridError
from noisegrid.datasets import check_raw_folders
from noisegrid.node import devices
from noisegrid.node.hardware import entry as hardware_entry
from noisegrid.node.hardware import stack
from noisegrid.plan import Plan
from noisegrid.training.record import check_images


def check_machine(plan: Plan, local: bool) -> None:
    """Raw files, images or this environment, devices. Raises NoisegridError.

    `local`: jobs run on this machine, and not on a cluster's nodes.
    """
    unprepared = [d for d in plan.study.values("dataset") if not (Path(plan.config["datasets"]) / d).exists()]
    check_raw_folders(plan.config["dataset_folders"], plan.study.datasets, unprepared)
    if plan.in_containers:
        _check_images(plan)
    elif local:
        _check_environment(plan)
    for name in plan.stacks:
        cells = [cell for cell in plan.study.cells if plan.stack_of(cell.hardware) == name]
        if name not in plan.config["images"]:  # what a given image holds is known when it was looked at
            image = {"definition": plan.definition(name)} if plan.in_containers else None
            check_images(Path(plan.config["results"]), cells, image)
    if local:
        for name in dict.fromkeys([*plan.study.values("hardware"), *(t.hardware for t in plan.study.timings)]):
            devices.check_present(name, hardware_entry(name))


def _check_images(plan: Plan) -> None:
    """What building takes, asked before the first minute of it."""
    images.engine()
    folder = Path(plan.config["containers"])
    for name in plan.stacks:
        if name in plan.config["images"]:
            continue
        inspection = folder / f"{name}.json"
        if inspection.exists() and json.loads(inspection.read_text())["definition"] != stack(name).definition:
            raise NoisegridError(
                f"{folder / name}.sif was built from another definition or other pins than there are now; delete it "
                "and its .json, and it is built again"
            )
        if not (folder / f"{name}.sif").exists():
            images.mirror(plan.config["debian_mirror"])
            images.check_disk(stack(name), folder)


def _check_environment(plan: Plan) -> None:
    """Outside of containers, jobs run in this environment: its framework must be that of the cells' stack."""
    try:
        have = version("torch").partition("+")[0]
    except PackageNotFoundError:
        return  # tables and figures can be drawn without
    for name in plan.stacks:
        wanted = stack(name).packages.get("torch", have)
        if wanted != have:
            raise NoisegridError(
                f"this study needs the stack {name} (torch {wanted}), and this environment has torch {have}; "
                f"add --sdm apptainer, or work in an environment of that stack (make STACK={name} VENV=.venv-{name})"
            )


def check_machine_or_exit(plan: Plan, local: bool) -> None:
    """`check_machine` for the Snakefile's onstart."""
    try:
        check_machine(plan, local)
    except NoisegridError as error:
        sys.exit(f"noisegrid: {error}")
