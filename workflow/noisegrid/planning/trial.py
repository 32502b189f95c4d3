"""The trial of a user's own networks: one training step and one evaluation of two examples, before any job starts.

A trial imports the user's code. Therefore it runs in a process of its own (see trial_process): the planner imports no
PyTorch, and code that crashes or exits ends only the trial. Without own networks, no process starts.
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from noisegrid.common.commands import python_environment
from noisegrid.common.errors import NoisegridError
from noisegrid.common.schemas import catalog
from noisegrid.data import checks
from noisegrid.data.form import ARRAYS, CLASSES, IMAGES, TABLE, TOKENS, Form
from noisegrid.data.prepared import check_context, form_in, read_manifest
from noisegrid.readers import Raw
from noisegrid.runtime.hardware import entry as hardware_entry
from noisegrid.study.optimization import has_named_parts
from noisegrid.study.study import Cell, Study, TimedNetwork

#: The seconds after which a process that tries networks is ended. Training then goes ahead.
PATIENCE_S = 600
#: The recipe with which a timed network is tried: the study states none for it.
TIMED: dict[str, Any] = {
    "dataset": "",
    "epochs": 1,
    "batch_size": 2,
    "optimizer": {"name": "sgd", "learning_rate": 1e-4},
    "schedule": [],
    "pixels": "scale",
    "augment": {"pad": 0, "flip": False},
    "dropout": 0.0,
    "label_smoothing": 0.0,
}


@dataclass(frozen=True)
class Trial:
    """A network to try, or a reader to import.

    Attributes
    ----------
    where, key : str
        The file with the task, the `overhead` blocks or the dataset, and the key of the function there, for messages.
    reference : str
        The function, as package.module:function.
    device : str
        The device of the jobs, `cpu` or `cuda`.
    task : dict or None
        The settings of the task; None for a reader or a training function, which is imported and not called.
    form : Form or None
        The form of the task's dataset; None for a reader.
    """

    where: str
    key: str
    reference: str
    device: str = "cpu"
    task: dict[str, Any] | None = None
    form: Form | None = None


def form_of(folder: Path, entry: dict[str, Any]) -> Form | None:
    """Return the form of a dataset, from its manifest or else from its entry; None if neither states it."""
    if (folder / "manifest.json").exists():
        try:
            return form_in(read_manifest(folder))
        except NoisegridError:  # a training job states what is wrong with the dataset
            return None
    return Form.of_entry(entry)


def trials_of(
    study: Study, cells: Iterable[Cell], timed: Iterable[TimedNetwork], forms: Callable[[str], Form | None]
) -> tuple[list[Trial], list[str]]:
    """Return the trials of some cells and timed networks: of own networks, and of recipes with named parts.

    Parameters
    ----------
    study : Study
        The study.
    cells : iterable of Cell
        The cells to train. The cells of a task on the CPU, or on GPUs, share one trial.
    timed : iterable of TimedNetwork
        The networks to time.
    forms : callable
        A function that returns the form of a dataset, given its name, or None if the form is not known yet.

    Returns
    -------
    list of Trial
        The trials.
    list of str
        One sentence for each task that cannot be tried yet.
    """
    found, skipped = dict[tuple[str, ...], Trial](), dict[str, None]()
    for cell in cells:
        task, device = cell.settings["task"], cell.settings["hardware"]["device"]
        if "source" not in task and not has_named_parts(task):
            continue
        where = f"{study.source}: tasks.{cell.task}"
        if task.get("trainer"):
            found[cell.task, "trainer"] = Trial(where, "trainer", task["trainer"])
            continue
        if form := forms(cell.dataset):
            found[cell.task, device] = Trial(where, "network", task["build"], device, task, form)
        else:
            skipped[
                f"{where}: network {task['build']} is tried when dataset {cell.dataset} is prepared; to try it before, "
                f"state {_missing_keys(study.datasets[cell.dataset])} in datasets.{cell.dataset}"
            ] = None
    for timing in timed:
        if timing.source:
            where, form = (
                f"{study.source}: overhead",
                Form(IMAGES, CLASSES, 1000, (3, timing.size, timing.size), (), 255),
            )
            device = hardware_entry(timing.hardware).device
            task = {**TIMED, "network": timing.build, "build": timing.build, "options": timing.options}
            found[timing.network, device, str(timing.size)] = Trial(where, "networks", timing.build, device, task, form)
    return list(found.values()), list(skipped)


def _missing_keys(entry: dict[str, Any]) -> str:
    """Return the keys of a dataset's entry that would state its form."""
    keys = {IMAGES: "channels and size", ARRAYS: "shape", TABLE: "columns", TOKENS: "classes"}
    return keys[entry.get("kind", IMAGES)]


def readers_of(study: Study) -> list[Trial]:
    """Return the trials of the readers of a study's own datasets, which are imported but not called."""
    own = {name: entry for name, entry in study.datasets.items() if name not in catalog("datasets")}
    return [Trial(f"{study.source}: datasets.{name}", "read", entry["read"]) for name, entry in own.items()]


def try_study(study: Study, datasets: Path) -> tuple[list[str], list[str]]:
    """Try all own networks of a study, and import the readers of its own datasets.

    Parameters
    ----------
    study : Study
        The study.
    datasets : Path
        The folder of the prepared datasets.

    Returns
    -------
    list of str
        One sentence for each network or reader that cannot be used.
    list of str
        One sentence for what was not tried.
    """
    found, skipped = trials_of(
        study, study.cells, study.timed_networks, lambda name: form_of(datasets / name, study.datasets[name])
    )
    failed, notes = run([*found, *readers_of(study)])
    return failed, [*skipped, *notes]


def check_dataset(study: Study, name: str, data: Raw) -> list[str]:
    """Check a dataset against the tasks of a study, after it was read and before it is written.

    The length of a text is checked against the context of the tasks, and own networks are tried.

    Returns
    -------
    list of str
        One sentence for each network that cannot be tried on this machine.

    Raises
    ------
    NoisegridError
        If a text is shorter than the context, or if a network cannot be built, trained or evaluated.
    """
    form = checks.form_of(study.datasets[name], data)
    cells = [cell for cell in study.cells if cell.dataset == name]
    for context in {cell.settings["task"]["context"] for cell in cells} if form.kind == TOKENS else ():
        for part, tokens in (("train", data.train_inputs), ("test", data.test_inputs)):
            assert isinstance(tokens, np.ndarray)
            check_context(name, part, len(tokens), context)
    failed, notes = run(trials_of(study, cells, [], lambda _: form)[0])
    if failed:
        raise NoisegridError("\n".join(failed))
    return notes


def run(trials: list[Trial]) -> tuple[list[str], list[str]]:
    """Run trials in a process of their own.

    Returns
    -------
    list of str
        One sentence for each trial that failed.
    list of str
        One sentence for what could not be tried on this machine.
    """
    if trials and importlib.util.find_spec("torch") is None:
        return [], ["own networks are not tried before the jobs, because this environment has no torch"]
    failed, notes = list[str](), list[str]()
    while trials:
        results, ending = _run_process(trials)
        failed += [result["failed"] for result in results if "failed" in result]
        notes += [result["note"] for result in results if "note" in result]
        if len(results) == len(trials):
            break
        last = trials[len(results)]
        about = f"{last.where}.{last.key}: {last.reference}"
        if ending is None:
            notes.append(
                f"{about} was not tried to its end, which takes more than {PATIENCE_S} s; nor was what follows it"
            )
            break
        failed.append(f"{about} ended the process of its trial ({ending}); correct its code")
        trials = trials[len(results) + 1 :]
    return failed, notes


def _run_process(trials: list[Trial]) -> tuple[list[dict[str, str]], str | None]:
    """Run trials until the process ends.

    Returns
    -------
    list of dict
        The result of each finished trial: a sentence under `failed` or `note`, or nothing.
    str or None
        How the process ended; None if it ran out of time.
    """
    with tempfile.TemporaryDirectory() as folder:
        output, printed = Path(folder) / "results", Path(folder) / "printed"
        output.touch()
        with printed.open("w") as file:  # a file, because a process that the user's code starts may keep a pipe open
            try:
                code = subprocess.run(
                    [sys.executable, "-m", "noisegrid.planning.trial_process", str(output)],
                    input=json.dumps([asdict(trial) for trial in trials]), stdout=file, stderr=file, text=True,
                    env=python_environment(), timeout=PATIENCE_S, check=False,
                ).returncode  # fmt: skip
                ending = f"signal {-code}" if code < 0 else f"exit status {code}"
            except subprocess.TimeoutExpired:
                ending = None
        results = [json.loads(line) for line in output.read_text().splitlines()]
        lines = printed.read_text(errors="replace").strip().splitlines()
    return results, f"{ending}; its last words: {lines[-1]}" if ending and lines else ending
