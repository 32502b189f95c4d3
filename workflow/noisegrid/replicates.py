"""Train some replicates of one cell, each in a process of its own that is forked from this one.

PyTorch is imported once; every replicate starts from the same untouched process, so that no state passes from one to
the next, a crash harms one replicate only, and the libraries' instruction sets can differ between replicates (they are
chosen when a process first computes). Finished replicates are kept and never trained again.

Writes: <results>/<study>/replicates/<cell>/<replicate>/ and, at the end, the batch file that lists what came of each.
Command: python -m noisegrid.replicates --study quick --cell cpu/smallcnn-digits/algo --replicates 0-9 ...
"""

import argparse
import json
import multiprocessing
import os
import sys
import time
import traceback
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

# NumPy's own threads would be started by the import and not survive the fork
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import torch._dynamo  # noqa: F401  optimisers import it at first use (1 s); once per job instead of once per replicate
import torch._inductor  # noqa: F401  and so does torch.use_deterministic_algorithms

from noisegrid import __version__, machine, noise, record
from noisegrid.datasets import Dataset, open_prepared
from noisegrid.errors import NoisegridError, exit_on_error
from noisegrid.files import write_text
from noisegrid.study import Cell, load_study
from noisegrid.train import Diverged, Outcome, Run, train

FORK = multiprocessing.get_context("fork")
#: Exit status of a replicate whose loss stopped being a number: a finding, not a fault of the machine.
DIVERGED = 3


def train_replicates(cell: Cell, replicates: list[int], data: Dataset, results: Path, cores: int) -> dict[str, Any]:
    """Train what is not finished yet, as many at a time as fit the cores; returns the content of the batch file.

    Raises NoisegridError, after all others have been tried, if a replicate failed for another reason than divergence.
    """
    todo = [number for number in replicates if not _finished(cell, number, results)]
    statuses = _run_all({number: run_of(cell, number) for number in todo}, cell, data, results, cores)
    crashed = [str(number) for number, status in statuses.items() if status not in (0, DIVERGED)]
    if crashed:
        raise NoisegridError(
            f"{cell.path}: replicate {', '.join(crashed)} failed, see above; the other "
            f"{len(replicates) - len(crashed)} of this batch are kept, and the next call trains only what is missing"
        )
    diverged = [number for number, status in statuses.items() if status == DIVERGED]
    hashes = {str(n): record.read_record(_folder(cell, n, results))["weight_hash"] for n in replicates if n not in diverged}
    return {"cell": cell.path, "settings_digest": cell.digest, "weight_hashes": hashes, "diverged": diverged}


def run_of(cell: Cell, replicate: int) -> Run:
    """The seeds and switches of one replicate of a cell."""
    where = cell.settings["seed"], cell.task, cell.noise, replicate
    return Run(cell.settings, noise.derive_seeds(*where), noise.derive_flags(cell.settings["hardware"], *where))


def train_and_write(run: Run, cell: dict[str, str], replicate: int, data: Dataset, folder: Path) -> Outcome:
    """Train one replicate in this process and write its folder."""
    started = datetime.now(UTC).isoformat(timespec="seconds")
    outcome = train(run, data)
    labels = np.asarray(data.test_labels)
    accuracy = float((outcome.final.logits.argmax(axis=1) == labels).mean())
    about = {
        "noisegrid": __version__,
        "cell": cell,
        "replicate": replicate,
        "settings": run.settings,
        "settings_digest": record.digest(run.settings),
        "seeds": run.seeds,
        "flags": run.flags,
        "device": machine.device(run.settings["hardware"]["device"]),
        "software": machine.software(),
        "code": machine.code(),
        "container": machine.container(),
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
        "label": labels.astype(np.int32),
        "logits": outcome.final.logits,
        "half_logits": outcome.half.logits,
    }
    weights = {"weights": outcome.final.weights.vector, "half_weights": outcome.half.weights.vector}
    record.write(folder, about, arrays, weights, outcome.history)
    return outcome


def _run_all(runs: dict[int, Run], cell: Cell, data: Dataset, results: Path, cores: int) -> dict[int, int]:
    """Run each in a forked process, never more threads at a time than cores; returns the exit status of each."""
    waiting, running, statuses = list(runs), dict[int, BaseProcess](), dict[int, int]()
    while waiting or running:
        used = sum(runs[number].flags["threads"] for number in running)
        if waiting and (not running or used + runs[waiting[0]].flags["threads"] <= cores):
            number = waiting.pop(0)
            running[number] = FORK.Process(target=_child, args=(cell, number, runs[number], data, results))
            running[number].start()
            continue
        multiprocessing.connection.wait([process.sentinel for process in running.values()])
        for number, process in list(running.items()):
            if process.exitcode is not None:
                statuses[number] = process.exitcode
                del running[number]
    return statuses


def _child(cell: Cell, number: int, run: Run, data: Dataset, results: Path) -> None:
    """What a forked process does: one replicate, one line about it."""
    folder = _folder(cell, number, results)
    names = {"study": cell.study, "hardware": cell.hardware, "task": cell.task, "noise": cell.noise}
    began = time.perf_counter()
    try:
        outcome = train_and_write(run, names, number, data, folder)
    except Diverged as error:
        print(f"replicate {number} of {cell.path} diverged: {error}", file=sys.stderr, flush=True)
        sys.exit(DIVERGED)
    except Exception as error:
        if not isinstance(error, NoisegridError):
            traceback.print_exc()
        print(f"replicate {number} of {cell.path} failed: {error}", file=sys.stderr, flush=True)
        sys.exit(1)
    seconds = time.perf_counter() - began
    print(f"replicate {number}: {outcome.final.weights.hash[:12]} in {seconds:.1f} s", file=sys.stderr, flush=True)


def _finished(cell: Cell, number: int, results: Path) -> bool:
    """Whether a whole replicate of this very experiment is on disk. One of another experiment is an error."""
    folder = _folder(cell, number, results)
    if not folder.exists():
        return False
    record.check_belongs(record.read(folder).record, cell, folder)
    return True


def _folder(cell: Cell, number: int, results: Path) -> Path:
    return record.replicate_folder(results, cell, number)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m noisegrid.replicates", description=__doc__)
    parser.add_argument("--study", required=True, help="a name in workflow/studies, or a path")
    parser.add_argument("--cell", required=True, help="hardware/task/noise")
    parser.add_argument("--replicates", required=True, help="first-last, both included")
    parser.add_argument("--dataset", type=Path, required=True, help="folder of the prepared dataset")
    parser.add_argument("--results", type=Path, required=True, help="folder of all results")
    parser.add_argument("--cores", type=int, default=1, help="threads that may be busy at a time")
    parser.add_argument("--output", type=Path, required=True, help="the batch file to write at the end")
    options = parser.parse_args()
    cell = load_study(options.study).cell(*options.cell.split("/"))
    first, last = map(int, options.replicates.split("-"))
    data = open_prepared(options.dataset)
    batch = train_replicates(cell, list(range(first, last + 1)), data, options.results, options.cores)
    write_text(options.output, json.dumps(batch, indent=1) + "\n")


if __name__ == "__main__":
    exit_on_error(main)
