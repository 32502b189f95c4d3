"""Checks that this machine is ready for the work of a Snakemake call.

The checks run only when work starts, and only for the jobs of the call. Therefore a machine without the devices of a
study can still plan the study or draw its figures again.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from shutil import which
from typing import Any

from noisegrid.common.errors import NoisegridError
from noisegrid.common.provenance import code_digests
from noisegrid.data.prepared import check_raw_folders
from noisegrid.planning import trial
from noisegrid.planning.plan import Plan, refuse
from noisegrid.records.belonging import check_images, check_shared
from noisegrid.records.record import is_complete
from noisegrid.runtime import devices, images, xla
from noisegrid.runtime.environment import HERE
from noisegrid.runtime.hardware import ANALYSIS, stack, stack_of
from noisegrid.runtime.hardware import entry as hardware_entry
from noisegrid.study.check import corrections, remarks
from noisegrid.study.chunk import chunk_of
from noisegrid.study.study import Cell


@dataclass(frozen=True)
class Work:
    """The work of a Snakemake call.

    Attributes
    ----------
    cells : list of Cell
        The cells whose training jobs run.
    unfinished : list of Cell
        Those of the cells that have replicates to train. A job only lists the replicates of the other cells, which
        needs no device.
    timed : list of str
        The hardware entries to time networks on.
    datasets : list of str
        The datasets to prepare.
    """

    cells: list[Cell]
    unfinished: list[Cell]
    timed: list[str]
    datasets: list[str]

    @property
    def hardware(self) -> list[str]:
        """The names of the hardware entries on which jobs train or time networks."""
        return list(dict.fromkeys([*(cell.hardware for cell in self.unfinished), *self.timed]))

    @property
    def stacks(self) -> list[str]:
        """The names of the stacks of all training and timing jobs."""
        return list(dict.fromkeys(map(stack_of, [*(cell.hardware for cell in self.cells), *self.timed])))


def all_of(plan: Plan) -> Work:
    """Return the work of a whole study, as if nothing had been done yet."""
    return Work(
        list(plan.study.cells),
        list(plan.study.cells),
        plan.study.timed_hardware,
        plan.study.values("dataset"),
    )


def work_of(plan: Plan, jobs: Iterable[Any]) -> Work:
    """Return the work that Snakemake's jobs (`workflow.dag.needrun_jobs()`) will do, in the order of the study."""
    cells, unfinished, timed, datasets = set[Cell](), set[Cell](), set[str](), set[str]()
    for job in jobs:
        names = job.wildcards_dict
        if job.rule.name == "train_replicates":
            cells.update(plan.cells_of(names["hardware"], names["chunk"]))
            unfinished.update(_unfinished(plan, names["hardware"], names["chunk"]))
        elif job.rule.name == "run_pilot":
            cells.update(plan.study.siblings(names["hardware"], names["task"]))
            unfinished.update(plan.study.siblings(names["hardware"], names["task"]))
        elif job.rule.name == "time_networks":
            timed.add(names["hardware"])
        elif job.rule.name == "prepare_dataset":
            datasets.add(names["dataset"])
    # Snakemake's jobs have no fixed order; with the study's order, the first error is always the same
    whole = all_of(plan)
    return Work(
        [cell for cell in whole.cells if cell in cells],
        [cell for cell in whole.cells if cell in unfinished],
        [name for name in whole.timed if name in timed],
        [name for name in whole.datasets if name in datasets],
    )


def _unfinished(plan: Plan, hardware: str, chunk: str) -> Iterator[Cell]:
    """Yield the cells of which a job has replicates to train."""
    for cell in plan.cells_of(hardware, chunk):
        if not is_complete(Path(plan.config["results"]), cell, chunk_of(chunk).numbers):
            yield cell


def check_machine(plan: Plan, work: Work, local: bool) -> None:
    """Check that this machine and the existing results allow the work of a Snakemake call to start.

    The function checks, in this order: the folders of raw files; the GPUs of this machine (only if `local`), without
    which no environment helps; that incomplete cells were started with the current training code; the container images
    or, without containers, the Python environment and the compiler (only if `local`); that existing replicates were
    trained in the same container images; that missing images can be built; and a trial of the user's own networks.

    Parameters
    ----------
    plan : Plan
        The plan of the study.
    work : Work
        The work of this Snakemake call.
    local : bool
        Whether jobs run on this machine. If False, they run on the nodes of a cluster.

    Raises
    ------
    NoisegridError
        If a check fails. No further check is then made.
    """
    results = Path(plan.config["results"])
    check_raw_folders(plan.config["dataset_folders"], plan.study.datasets, work.datasets)
    if local:
        for name in work.hardware:
            devices.check_present(name, hardware_entry(name))
    check_code(results, work.cells)
    missing = list[str]()
    if plan.in_containers:
        missing = _missing_images(plan, work)
    elif local:
        _check_environment(list(dict.fromkeys(map(stack_of, work.hardware))))
        if any(hardware_entry(name).is_xla for name in work.hardware):
            xla.check()
        _check_compiler(work.unfinished)
    for name in work.stacks:
        cells = [cell for cell in work.cells if stack_of(cell.hardware) == name]
        # the definition of an image built elsewhere is known only after the image has been inspected
        if name not in plan.config["images"]:
            with_image = plan.in_containers and plan.images.has(name)
            image = {"definition": plan.images.definition(name)} if with_image else None
            check_images(results, cells, image)
    _check_builds(plan, missing)
    for note in try_networks(plan, work):
        print(f"noisegrid: {note}", file=sys.stderr)


def try_networks(plan: Plan, work: Work) -> list[str]:
    """Try the user's own networks of a Snakemake call on two examples, and return what could not be tried, and why.

    Raises
    ------
    NoisegridError
        If a network cannot be built, trained or evaluated.
    """
    folder, entries = Path(plan.config["datasets"]), plan.study.datasets
    timed = [network for network in plan.study.timed_networks if network.hardware in work.timed]
    found, notes = trial.trials_of(
        plan.study, work.unfinished, timed, lambda name: trial.form_of(folder / name, entries[name])
    )
    if found and plan.in_containers:
        return ["own networks are not tried before the jobs, because the jobs run in containers"]
    failed, more = trial.run(found)
    if failed:
        raise NoisegridError("\n".join(failed))
    return [*notes, *more]


def check_code(results: Path, cells: Iterable[Cell]) -> None:
    """Refuse to add replicates to cells that were started with different code.

    This check runs before any work starts.

    Raises
    ------
    NoisegridError
        If the training code, or the code of the cell's network, was edited after an incomplete cell was started.
    """
    for cell in cells:
        if not is_complete(results, cell, range(cell.replicates)):
            digests = code_digests(cell.settings["task"]["build"])
            check_shared(results, cell, {f"code.{key}": value for key, value in digests.items()})


def _missing_images(plan: Plan, work: Work) -> list[str]:
    """Check that existing container images are up to date, and return the stacks whose images must be built."""
    images.engine()
    folder = Path(plan.config["containers"])
    missing = []
    for name in dict.fromkeys([ANALYSIS, *work.stacks, *([plan.images.training_stack] if work.datasets else [])]):
        if name in plan.config["images"] or name == HERE:
            continue
        inspection = folder / f"{name}.json"
        if inspection.exists() and json.loads(inspection.read_text())["definition"] != stack(name).definition:
            raise NoisegridError(
                f"{folder / name}.sif was not built from the current definition and pins; delete this image and its "
                ".json to build it again"
            )
        if not (folder / f"{name}.sif").exists():
            missing.append(name)
    return missing


def _check_builds(plan: Plan, stacks: Iterable[str]) -> None:
    """Check that this machine can build the container images of some stacks."""
    for name in stacks:
        images.mirror(plan.config["debian_mirror"])
        images.check_disk(stack(name), Path(plan.config["containers"]))


def _check_environment(stacks: Iterable[str]) -> None:
    """Check that this Python environment, in which jobs run without containers, has each stack's PyTorch version."""
    try:
        have = version("torch").partition("+")[0]
    except PackageNotFoundError:
        have = "none"
    if HERE in stacks and have == "none":
        raise NoisegridError(f"the stack {HERE} is the installed PyTorch, but this environment has none; install one")
    for name in [name for name in stacks if name != HERE]:
        wanted = stack(name).packages["torch"]
        if wanted != have:
            raise NoisegridError(
                f"this study requires the stack {name} (torch {wanted}), but this environment has torch {have}; "
                f"add --sdm apptainer, or use the installed PyTorch (--config stack={HERE}), or install the stack "
                f"(pip install -r {stack(name).pins})"
            )


def _check_compiler(cells: Iterable[Cell]) -> None:
    """Check that this machine has the C++ compiler that cells with the source `compile` need on a CPU.

    A job compiles something before it trains; this check finds a missing compiler earlier.
    """
    compiler = os.environ.get("CXX", "g++")
    for cell in cells:
        if "compile" in cell.settings["free"] and cell.settings["hardware"]["device"] == "cpu" and not which(compiler):
            raise NoisegridError(
                f"{cell.path} compiles its network, but this machine has no C++ compiler {compiler}; install it "
                "(Debian: apt install g++), name another one in the variable CXX, or remove the noise compile"
            )


def check_machine_or_exit(plan: Plan, jobs: Iterable[Any], local: bool) -> None:
    """Call `check_machine` for the Snakefile's onstart; a failed check ends Snakemake with a one-line message."""
    for note in [*corrections(plan.study.source), *remarks(plan.study)]:
        print(f"noisegrid: {note}", file=sys.stderr)
    try:
        check_machine(plan, work_of(plan, jobs), local)
    except NoisegridError as error:
        refuse(str(error))
