"""One replicate of a cell: its job, its training and its folder."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from noisegrid import __version__
from noisegrid.common import versions
from noisegrid.common.provenance import code_digests
from noisegrid.data.prepared import Dataset
from noisegrid.records import predictions, record
from noisegrid.runtime import machine
from noisegrid.runtime.environment import environment_digest
from noisegrid.study.processes import derive_switches
from noisegrid.study.seeds import derive_seeds
from noisegrid.study.settings import Hardware, Task
from noisegrid.study.study import EPOCHS, KEPT, Cell, digest
from noisegrid.training import compilation, noise
from noisegrid.training.checkpoint import Checkpoints
from noisegrid.training.outcome import Outcome
from noisegrid.training.run import Run
from noisegrid.training.train import NEVER, train

#: The description of the container image in the record of a run; None if the run used no container image.
Image = dict[str, Any] | None


@dataclass(frozen=True)
class Job:
    """One replicate to train. A job of the scheduler has one such object for each replicate that it trains.

    Attributes
    ----------
    cell : Cell
        The cell of the replicate.
    replicate : int
        The index of the replicate, from 0.
    run : Run
        The settings, seeds and switches of the replicate.
    results : Path
        The folder of all results.
    image : dict or None
        The description of the container image that this process runs in; None if it runs in no container image.
    keep : tuple of str
        The parts of the replicate that are kept on disk (see Study.keep).
    """

    cell: Cell
    replicate: int
    run: Run
    results: Path
    image: Image = None
    keep: tuple[str, ...] = KEPT

    @property
    def folder(self) -> Path:
        """The folder to write the replicate to."""
        return record.replicate_folder(self.results, self.cell, self.replicate)

    @property
    def name(self) -> str:
        """The name of the replicate in messages."""
        return f"replicate {self.replicate} of {self.cell.path}"

    @property
    def failure(self) -> Path:
        """The path of the file that states why training failed. The file is deleted once the replicate is trained."""
        return record.failure_file(self.folder)

    def checkpoints(self, every_s: float) -> Checkpoints:
        """Return a Checkpoints object for this replicate, with `every_s` seconds between consecutive checkpoints.

        A checkpoint is used only if it was written with the same settings, seeds, switches, code, packages and
        container image, and if it has the predictions of earlier epochs where they are to be kept.
        """
        image = (self.image or {}).get("definition")
        where = code_digests(self.run.task.build), image, environment_digest(), EPOCHS in self.keep
        identity = digest([self.run.settings, self.run.seeds, self.run.flags, *where])
        return Checkpoints(record.checkpoint_folder(self.folder), identity, every_s)


def job_of(cell: Cell, replicate: int, results: Path, image: Image = None, keep: tuple[str, ...] = KEPT) -> Job:
    """Return the Job object of one replicate of a cell."""
    return Job(cell, replicate, run_of(cell, replicate), results, image, keep)


def run_of(cell: Cell, replicate: int) -> Run:
    """Return the settings, seeds and switches of one replicate of a cell."""
    where = cell.settings["seed"], cell.task, cell.noise, replicate
    flags = noise.derive_flags(Hardware.of(cell.settings["hardware"]), *where, cell.crossed, cell.seed_sets)
    flags |= derive_switches(Task.of(cell.settings["task"]), *where, cell.seed_sets, cell.crossed)
    return Run(cell.settings, derive_seeds(*where, cell.seed_sets, cell.crossed), flags)


def train_and_write(
    run: Run,
    cell: dict[str, str],
    replicate: int,
    data: Dataset,
    folder: Path,
    image: Image = None,
    checkpoints: Checkpoints = NEVER,
    keep: tuple[str, ...] = KEPT,
) -> Outcome:
    """Train one replicate in this process and write its folder.

    Parameters
    ----------
    run : Run
        The settings, seeds and switches.
    cell : dict
        The names of study, hardware, task and noise, for the record.
    replicate : int
        The index of the replicate, for the record.
    data : Dataset
        The prepared dataset.
    folder : Path
        The folder to write the replicate to. It must not exist yet.
    image : dict, optional
        Description of the container image that this process runs in, as returned by container.check_inside.
    checkpoints : Checkpoints
        The checkpoints to resume from and to write. By default, there are no checkpoints.
    keep : tuple of str
        The parts of the replicate that are written to disk (see Study.keep).
    """
    started = datetime.now(UTC).isoformat(timespec="seconds")
    outcome = train(run, data, checkpoints, EPOCHS in keep)
    labels = predictions.stored_labels(data.part("test", run.task.context)[1], data.form.labels)
    about = {
        "format": versions.RECORD,
        "noisegrid": __version__,
        "cell": cell,
        "replicate": replicate,
        "settings": run.settings,
        "settings_digest": digest(run.settings),
        "seeds": run.seeds,
        "flags": run.flags,
        "device": machine.device(run.hardware.device),
        "software": machine.software() | compilation.compiler(run.flags),
        "code": machine.code(run.task.build),
        "container": image,
        "dataset": {"name": data.name, "digest": data.digest},
        "started": started,
        "resumed": outcome.resumed,
        "timings": {name: round(seconds, 6) for name, seconds in outcome.seconds.items()},
        "initial_weight_hash": outcome.initial_hash,
        "weight_hash": outcome.final.weights.hash,
        "results": {
            **predictions.results(predictions.predictions_of(outcome.final.logits, labels), labels),
            "train_loss": outcome.history[-1]["train_loss"],
        },
        "layout": outcome.final.weights.layout,
    }
    arrays = {
        "example_id": np.arange(len(labels), dtype=np.int32),
        "label": labels,
        **predictions.outputs(outcome.final.logits, outcome.midpoint.logits, labels, "logits" in keep),
    }
    if outcome.by_epoch is not None:
        arrays[predictions.BY_EPOCH] = outcome.by_epoch
    if data.groups is not None and data.target is not None:
        arrays |= {"group": np.asarray(data.groups), "group_name": np.array(data.group_names)}
        arrays["target"] = np.array(data.target)
    weights = {"weights": outcome.final.weights.vector, "midpoint_weights": outcome.midpoint.weights.vector}
    kept = {name: vector for name, vector in weights.items() if name in keep}
    record.write(folder, about, arrays, kept, outcome.history)
    return outcome
