"""Train replicates of one task on one hardware, each in a process of its own that is forked from this one.

PyTorch is imported once; every replicate starts from the same untouched process, so that no state passes from one to
the next, a crash harms one replicate only, and the libraries' instruction sets can differ between replicates (they are
chosen when a process first computes). Finished replicates are kept and never trained again.

Writes: <results>/<study>/replicates/<cell>/<replicate>/ and, at the end, the batch file that lists what came of each.
Command: python -m noisegrid.replicates --study quick --hardware cpu --task smallcnn-digits --replicates 0-9 ...
"""

import argparse
import json
import multiprocessing
import os
import sys
import traceback
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

# NumPy's own threads would be started by the import and not survive the fork
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import torch._dynamo
import torch._inductor  # noqa: F401  and so does torch.use_deterministic_algorithms

from noisegrid import __version__, container, devices, machine, noise, record
from noisegrid.datasets import Dataset, open_prepared
from noisegrid.errors import NoisegridError, exit_on_error
from noisegrid.files import write_text
from noisegrid.hardware import entry as hardware_entry
from noisegrid.metrics import predictions_of
from noisegrid.progress import Progress
from noisegrid.study import Cell, digest, load_study
from noisegrid.train import Diverged, Outcome, Run, train

FORK = multiprocessing.get_context("fork")
#: Exit status of a replicate whose loss stopped being a number: a finding, not a fault of the machine.
DIVERGED = 3
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


def train_replicates(
    cells: list[Cell], numbers: range, data: Dataset, results: Path, cores: int, image: Image = None
) -> dict[str, Any]:
    """Train what is not finished yet, as many at a time as fit the cores; returns the content of the batch file.

    Raises NoisegridError, after all others have been tried, if a replicate failed for another reason than divergence.
    """
    jobs = [job_of(cell, number, results, image) for cell in cells for number in numbers if number < cell.replicates]
    statuses = run_all([job for job in jobs if not is_finished(job)], data, cores)
    crashed = [job.name for job, status in statuses if status not in (0, DIVERGED)]
    if crashed:
        raise NoisegridError(
            f"{len(crashed)} of {len(jobs)} replicates failed ({', '.join(crashed)}), see above; "
            "the others are kept, and the next call trains only what is missing"
        )
    lost = {job.name for job, status in statuses if status == DIVERGED}
    return {
        "cells": {
            cell.noise: {
                "weight_hashes": {
                    str(job.replicate): record.read_record(job.folder)["weight_hash"]
                    for job in jobs
                    if job.cell == cell and job.name not in lost
                },
                "diverged": [job.replicate for job in jobs if job.cell == cell and job.name in lost],
            }
            for cell in cells
        }
    }


def job_of(cell: Cell, replicate: int, results: Path, image: Image = None) -> Job:
    """What training one replicate of a cell takes."""
    return Job(cell, replicate, run_of(cell, replicate), record.replicate_folder(results, cell, replicate), image)


def run_of(cell: Cell, replicate: int) -> Run:
    """The seeds and switches of one replicate of a cell."""
    where = cell.settings["seed"], cell.task, cell.noise, replicate
    flags = noise.derive_flags(cell.settings["hardware"], *where)
    return Run(cell.settings, noise.derive_seeds(*where, cell.pairs), flags)


def train_and_write(
    run: Run, cell: dict[str, str], replicate: int, data: Dataset, folder: Path, image: Image = None
) -> Outcome:
    """Train one replicate in this process and write its folder. image: what container.check_inside found."""
    started = datetime.now(UTC).isoformat(timespec="seconds")
    outcome = train(run, data)
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
        "half_logits": outcome.half.logits,
    }
    if data.groups is not None and data.target is not None:
        arrays |= {"group": np.asarray(data.groups), "group_name": np.array(data.group_names)}
        arrays["target"] = np.array(data.target)
    weights = {"weights": outcome.final.weights.vector, "half_weights": outcome.half.weights.vector}
    record.write(folder, about, arrays, weights, outcome.history)
    return outcome


def run_all(jobs: list[Job], data: Dataset, cores: int) -> list[tuple[Job, int]]:
    """Run each in a forked process, never more threads at a time than cores; returns the exit status of each."""
    waiting, running, statuses = list(jobs), list[tuple[Job, BaseProcess]](), list[tuple[Job, int]]()
    label = f"{jobs[0].cell.task} on {jobs[0].cell.hardware}" if jobs else ""
    progress = Progress(len(jobs), label, "replicates")
    while waiting or running:
        idle = cores - sum(job.run.flags["threads"] for job, _ in running)
        fitting = [job for job in waiting if job.run.flags["threads"] <= idle] or waiting[: not running]
        if fitting:
            process = FORK.Process(target=_child, args=(fitting[0], data))
            process.start()
            waiting.remove(fitting[0])
            running.append((fitting[0], process))
            continue
        wait([process.sentinel for _, process in running])
        statuses += [(job, int(process.exitcode)) for job, process in running if process.exitcode is not None]
        running = [(job, process) for job, process in running if process.exitcode is None]
        progress.show(len(statuses))
    return statuses


def _child(job: Job, data: Dataset) -> None:
    """What a forked process does: one replicate, one line about it."""
    names = {"study": job.cell.study, "hardware": job.cell.hardware, "task": job.cell.task, "noise": job.cell.noise}
    try:
        outcome = train_and_write(job.run, names, job.replicate, data, job.folder, job.image)
    except Diverged as error:
        print(f"{job.name} diverged: {error}", file=sys.stderr, flush=True)
        sys.exit(DIVERGED)
    except Exception as error:
        if not isinstance(error, NoisegridError):
            traceback.print_exc()
        print(f"{job.name} failed: {error}", file=sys.stderr, flush=True)
        sys.exit(1)
    seconds, weights = outcome.seconds["total_s"], outcome.final.weights.hash[:12]
    print(f"{job.name}: {seconds:.1f} s, weights {weights}", file=sys.stderr, flush=True)


def is_finished(job: Job) -> bool:
    """Whether a whole replicate of this very experiment is on disk. One of another experiment is an error."""
    if not job.folder.exists():
        return False
    found = record.read(job.folder).record
    record.check_belongs(found, job.cell, job.folder)
    record.check_image(found, job.image, job.folder)
    return True


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m noisegrid.replicates", description=__doc__)
    parser.add_argument("--study", required=True, help="a name in workflow/studies, or a path")
    parser.add_argument("--hardware", required=True)
    parser.add_argument("--task", required=True)
    parser.add_argument("--replicates", required=True, help="first-last, of every noise source")
    parser.add_argument("--dataset", type=Path, required=True, help="folder of the prepared dataset")
    parser.add_argument("--results", type=Path, required=True, help="folder of all results")
    parser.add_argument("--cores", type=int, default=1, help="threads that may be busy at a time")
    parser.add_argument("--image", type=Path, help="inspection of the image that this must run in")
    parser.add_argument("--share-gpu", action="store_true", help="several jobs may compute on one GPU")
    parser.add_argument("--output", type=Path, required=True, help="the batch file to write at the end")
    options = parser.parse_args()
    cells = load_study(options.study).siblings(options.hardware, options.task)
    if not cells:
        raise NoisegridError(f"study {options.study} has no cell of task {options.task} on {options.hardware}")
    image = container.check_inside(options.image)
    machine.check_stack(hardware_entry(options.hardware)["stack"])
    first, last = map(int, options.replicates.split("-"))
    data = open_prepared(options.dataset)
    machine.software(), machine.code()  # asked once, before the processes fork
    hardware = cells[0].settings["hardware"]
    with devices.claim(hardware["gpu"], options.share_gpu) if hardware["device"] == "cuda" else nullcontext():
        batch = train_replicates(cells, range(first, last + 1), data, options.results, options.cores, image)
    write_text(options.output, json.dumps(batch, indent=1) + "\n")


if __name__ == "__main__":
    exit_on_error(main)
