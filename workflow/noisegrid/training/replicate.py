"""One replicate of a cell: what training it takes, training it, and writing its folder."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from noisegrid import __version__
from noisegrid.data.prepared import Dataset
from noisegrid.records import record
from noisegrid.runtime import machine
from noisegrid.stats import predictions_of
from noisegrid.study.seeds import derive_seeds
from noisegrid.study.study import Cell, digest
from noisegrid.training import noise
from noisegrid.training.checkpoint import Checkpoints
from noisegrid.training.train import NEVER, Outcome, Run, train

#: What a record says of the image that its run was in.
Image = dict[str, Any] | None


@dataclass(frozen=True)
class Job:
    """One replicate to train."""

    cell: Cell
    replicate: int
    run: Run
    folder: Path
    image: Image = None

    @property
    def name(self) -> str:
        return f"replicate {self.replicate} of {self.cell.path}"

    @property
    def failure(self) -> Path:
        """Where the reason is kept if it fails; gone when it is trained."""
        return record.failure_file(self.folder)

    def checkpoints(self, every_s: float) -> Checkpoints:
        """The checkpoints of this very run: of the same settings, seeds, switches, code and image."""
        image = (self.image or {}).get("definition")
        identity = digest([self.run.settings, self.run.seeds, self.run.flags, machine.code()["source_digest"], image])
        return Checkpoints(record.checkpoint_folder(self.folder), identity, every_s)


def job_of(cell: Cell, replicate: int, results: Path, image: Image = None) -> Job:
    """What training one replicate of a cell takes."""
    return Job(cell, replicate, run_of(cell, replicate), record.replicate_folder(results, cell, replicate), image)


def run_of(cell: Cell, replicate: int) -> Run:
    """The seeds and switches of one replicate of a cell."""
    where = cell.settings["seed"], cell.task, cell.noise, replicate
    flags = noise.derive_flags(cell.settings["hardware"], *where)
    return Run(cell.settings, derive_seeds(*where, cell.seed_sets), flags)


def train_and_write(
    run: Run,
    cell: dict[str, str],
    replicate: int,
    data: Dataset,
    folder: Path,
    image: Image = None,
    checkpoints: Checkpoints = NEVER,
) -> Outcome:
    """Train one replicate in this process and write its folder. image: what container.check_inside found."""
    started = datetime.now(UTC).isoformat(timespec="seconds")
    outcome = train(run, data, checkpoints)
    labels = np.asarray(data.test_labels)
    accuracy = float((predictions_of(outcome.final.logits, labels) == labels).mean())
    about = {
        "noisegrid": __version__,
        "cell": cell,
        "replicate": replicate,
        "settings": run.settings,
        "settings_digest": digest(run.settings),
        "seeds": run.seeds,
        "flags": run.flags,
        "device": machine.device(run.settings["hardware"]["device"]),
        "software": machine.software(),
        "code": machine.code(),
        "container": image,
        "dataset": {"name": data.name, "digest": data.digest},
        "started": started,
        "timings": {name: round(seconds, 6) for name, seconds in outcome.seconds.items()},
        "initial_weight_hash": outcome.initial_hash,
        "weight_hash": outcome.final.weights.hash,
        "results": {
            "test_accuracy_percent": 100 * accuracy,
            "train_loss_nats": outcome.history[-1]["train_loss_nats"],
        },
        "layout": outcome.final.weights.layout,
    }
    arrays = {
        "example_id": np.arange(len(labels), dtype=np.int32),
        "label": labels.astype(np.int32 if labels.ndim == 1 else np.uint8),
        "logits": outcome.final.logits,
        "midpoint_logits": outcome.midpoint.logits,
    }
    if data.groups is not None and data.target is not None:
        arrays |= {"group": np.asarray(data.groups), "group_name": np.array(data.group_names)}
        arrays["target"] = np.array(data.target)
    weights = {"weights": outcome.final.weights.vector, "midpoint_weights": outcome.midpoint.weights.vector}
    record.write(folder, about, arrays, weights, outcome.history)
    return outcome


def is_finished(job: Job) -> bool:
    """Whether a whole replicate of this very experiment is on disk. One of another experiment is an error."""
    if not job.folder.exists():
        return False
    found = record.read(job.folder).record
    record.check_belongs(found, job.cell, job.folder)
    record.check_image(found, job.image, job.folder)
    return True
