"""One training job: the replicates of one task on one hardware.

Each replicate is trained in a process forked from this one, so that PyTorch is imported once. Finished replicates are
kept and never trained again, however the job ends.

Writes <results>/<study>/replicates/<cell>/<replicate>/ and, at the end, the batch file that lists the outcome of each
replicate.
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any

# importing NumPy would start its own threads, and they would not survive the fork
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# CUDA does not survive the fork either: a library that looks for devices at import must ask NVML instead
os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")

import torch
import torch._inductor

# The optimisers import torch._dynamo; importing it here does this once rather than in every replicate. In PyTorch 2.7
# this import computes something, which would fix the instruction set before the fork (noise.apply_flags would then stop
# every replicate).
if tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 12):
    import torch._dynamo

from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import write_text
from noisegrid.data.prepared import open_prepared
from noisegrid.records import record
from noisegrid.runtime import container, machine, refused_nodes
from noisegrid.runtime.hardware import entry as hardware_entry
from noisegrid.study.batch import batch_of
from noisegrid.study.recipes import check_own_network
from noisegrid.study.study import Cell, load_study
from noisegrid.training.pool import DIVERGED, INTERRUPTED, Pool
from noisegrid.training.replicate import Image, is_finished, job_of


def train_replicates(
    cells: list[Cell], numbers: range, results: Path, pool: Pool, image: Image = None, accept_failures: bool = False
) -> dict[str, Any]:
    """Train the replicates that are not finished yet.

    Parameters
    ----------
    cells : list of Cell
        Cells of one task on one hardware.
    numbers : range
        Numbers of the replicates. A cell skips the numbers that it does not have.
    results : Path
        The folder of all results.
    pool : Pool
        Trains the replicates.
    image : dict, optional
        The image that this process runs in, as container.check_inside returns it.
    accept_failures : bool
        List failed replicates instead of raising an error.

    Returns
    -------
    dict
        The content of the batch file: per noise, the weight hashes and which replicates diverged or failed.

    Raises
    ------
    NoisegridError
        If the scheduler asked this job to stop, or if a replicate failed for another reason than divergence. The other
        replicates are trained first.
    """
    jobs = [job_of(cell, number, results, image) for cell in cells for number in numbers if number < cell.replicates]
    statuses = pool.run([job for job in jobs if not is_finished(job)])
    away = [job.name for job, status in statuses if status == INTERRUPTED]
    if pool.stopping:
        raise NoisegridError(
            f"stopped by the scheduler: {len(away)} replicates checkpointed; the next job resumes them"
        )
    crashed = [job.name for job, status in statuses if status not in (0, DIVERGED)]
    if crashed and not accept_failures:
        raise NoisegridError(
            f"{len(crashed)} of {len(jobs)} replicates failed ({', '.join(crashed)}); see the errors above. "
            "The others are kept, and the next call trains only the missing ones. "
            "To get tables without them, set accept_failures"
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
    """Train the replicates that the options of `noisegrid train` name, and write the batch file."""
    batch = batch_of(options.replicates)
    cells = load_study(options.study, options.design).siblings(options.hardware, options.task, batch)
    if not cells:
        raise NoisegridError(
            f"study {options.study} has no cell of task {options.task} on {options.hardware}"
            + (f" with noise {batch.noise}" if batch.noise else "")
        )
    check_own_network(cells[0].settings)
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
