"""Runs of several ranks in this process and its children, on random images: what tests train, stop and resume."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from changed import changed_run

from noisegrid.data.form import Form
from noisegrid.data.prepared import Dataset
from noisegrid.networks.build import build
from noisegrid.training.checkpoint import Checkpoints, Interrupted
from noisegrid.training.rank_processes import together
from noisegrid.training.ranks import ALONE, Ranks
from noisegrid.training.run import Run
from noisegrid.training.train import NEVER, Training
from noisegrid.training.weights import weights_of

FORM = Form("images", "classes", 10, (1, 8, 8), full_scale=16.0)
#: Two full batches of 12, and one of 2 that leaves a rank without an example.
EXAMPLES, BATCH, STEPS = 26, 12, 3
CPU = torch.device("cpu")


def run_with(
    world: int | None,
    bucket_mb: float | None = None,
    dropout: float = 0.3,
    batch_norm: bool = False,
    accumulate: int = 1,
) -> Run:
    switches = {"world_size": world, "bucket_mb": bucket_mb}
    return changed_run(
        "smallcnn_dropout-digits",
        {key: value for key, value in switches.items() if value},
        epochs=2,
        batch_size=BATCH,
        dropout=dropout,
        options={"batch_norm": batch_norm},
        accumulate=accumulate,
    )


def training(run: Run, ranks: Ranks = ALONE) -> Training:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 17, (EXAMPLES, 1, 8, 8), dtype=np.uint8), rng.integers(0, 10, EXAMPLES)
    data = Dataset("digits", "d", FORM, images, labels, images[:4], labels[:4])
    torch.manual_seed(0)
    dropout = {"dropout": run.task.dropout} if run.task.dropout else {}
    network = build(run.task.build, classes=10, channels=1, size=8, **dropout, **run.task.options)
    return Training(run, data, weights_of(network), CPU, ranks)


def follow(run: Run, ranks: Ranks) -> None:
    """Be a rank other than 0, as train._follow, but without the switches that a process sets only once."""
    ranks.meet()
    training(run, ranks).run_all(NEVER)


def finished(
    run: Run, checkpoints: Checkpoints = NEVER, follow: Callable[[Run, Ranks], None] = follow
) -> tuple[str, bytes, list[float]]:
    """Train with all ranks; return the hash of the weights, the logits and the losses of the epochs."""
    with together(run.flags, partial(follow, run)) as ranks:
        ranks.meet()
        found = training(run, ranks)
        checkpoints.resume(found, CPU)
        found.run_all(checkpoints)
        end = found.snapshot()
        return end.weights.hash, end.logits.tobytes(), [row["train_loss"] for row in found.history]


def interrupted(run: Run, folder: Path, steps: int, to_group: bool = False) -> Checkpoints:
    """Interrupt a run after so many steps; return the checkpoints that it leaves."""
    checkpoints, done = Checkpoints(folder, "run", every_s=1e9), 0
    if to_group:
        checkpoints.listen()

    def count(_: object) -> None:
        nonlocal done
        done += 1
        if done == steps and to_group:
            for process in [*multiprocessing.active_children(), multiprocessing.current_process()]:
                assert process.pid is not None
                os.kill(process.pid, signal.SIGTERM)
        elif done == steps:
            checkpoints.asked_to_stop = True

    checkpoints.on_visit = count
    with pytest.raises(Interrupted):
        finished(run, checkpoints)
    assert not multiprocessing.active_children()
    return Checkpoints(folder, "run", every_s=1e9)
