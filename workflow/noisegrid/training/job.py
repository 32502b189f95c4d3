"""Train replicates of one task on one hardware, in processes forked from this one, so that PyTorch is imported once.

Finished replicates are kept and never trained again, whatever becomes of the job.

Writes: <results>/<study>/replicates/<cell>/<replicate>/ and, at the end, the batch file that lists what came of each.
Command: python -m noisegrid.replicates --study quick --hardware cpu --task smallcnn-digits --replicates 0-9 ...
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any

# NumPy's own threads would be started by the import and not survive the fork
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# and CUDA does not survive it either: whoever asks for devices while importing is to ask the driver's monitor instead
os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")

import torch
import torch._inductor

# The optimisers import torch._dynamo: once here, rather than in every replicate. In PyTorch 2.7 that import computes
# something, and the instruction set would be fixed before the fork (noise.apply_flags would stop every replicate).
if tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 12):
    import torch._dynamo

from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import write_text
from noisegrid.data.prepared import open_prepared
from noisegrid.records import record
from noisegrid.runtime import container, machine, refused_nodes
from noisegrid.runtime.hardware import entry as hardware_entry
from noisegrid.study.batch import batch_of
from noisegrid.study.study import Cell, load_study
from noisegrid.training.pool import DIVERGED, INTERRUPTED, Pool
from noisegrid.training.replicate import Image, is_finished, job_of


def train_replicates(
    cells: list[Cell], numbers: range, results: Path, pool: Pool, image: Image = None, accept_failures: bool = False
) -> dict[str, Any]:
    """Train what is not finished yet; returns the content of the batch file.

    Raises NoisegridError, after all others have been tried, if a replicate failed for another reason than divergence
    (unless failures are accepted: then they are listed), or if the scheduler asked this job to stop.
    """
    jobs = [job_of(cell, number, results, image) for cell in cells for number in numbers if number < cell.replicates]
    statuses = pool.run([job for job in jobs if not is_finished(job)])
    away = [job.name for job, status in statuses if status == INTERRUPTED]
    if pool.stopping:
        raise NoisegridError(
            f"stopped by the scheduler, with {len(away)} replicates put away; the next job goes on from there"
        )
    crashed = [job.name for job, status in statuses if status not in (0, DIVERGED)]
    if crashed and not accept_failures:
        raise NoisegridError(
            f"{len(crashed)} of {len(jobs)} replicates failed ({', '.join(crashed)}), see above; "
            "the others are kept, and the next call trains only what is missing (tables without them: accept_failures)"
        )
    diverged = [job.name for job, status in statuses if status == DIVERGED]
    return {
        "cells": {
            cell.noise: {
                "weight_hashes": {
                    str(job.replicate): record.read_record(job.folder)["weight_hash"]
                    for job in jobs
                    if job.cell == cell and job.name not in {*diverged, *crashed}
                },
                "diverged": [job.replicate for job in jobs if job.cell == cell and job.name in diverged],
                "failed": [job.replicate for job in jobs if job.cell == cell and job.name in crashed],
            }
            for cell in cells
        }
    }


def run_job(options: argparse.Namespace) -> None:
    """Train what `noisegrid train` asks for, and write the batch file."""
    batch = batch_of(options.replicates)
    cells = load_study(options.study).siblings(options.hardware, options.task, batch)
    if not cells:
        raise NoisegridError(
            f"study {options.study} has no cell of task {options.task} on {options.hardware}"
            + (f" with noise {batch.noise}" if batch.noise else "")
        )
    image = container.check_inside(options.image)
    machine.check_stack(hardware_entry(options.hardware)["stack"])
    data = open_prepared(options.dataset)
    now = {"code.source_digest": machine.code()["source_digest"], "software.torch": torch.__version__}
    unfinished = [cell for cell in cells if not record.is_complete(options.results, cell, batch.numbers)]
    for cell in unfinished:
        record.check_shared(options.results, cell, now | {"dataset.digest": data.digest})
    hardware, study = cells[0].settings["hardware"], options.results / cells[0].study
    with refused_nodes.claimed(hardware, study, options.hardware, options.share_gpu) as uuid:
        if unfinished:
            refused_nodes.settle(study, options.hardware, machine.model_here(hardware, uuid))
        one_at_a_time = hardware["device"] == "cuda" and not options.share_gpu
        pool = Pool(data, 1 if one_at_a_time else options.cores, 60 * options.checkpoint_minutes)
        done = train_replicates(cells, batch.numbers, options.results, pool, image, options.accept_failures)
    write_text(options.output, json.dumps(done, indent=1) + "\n")
