"""One training job, which trains replicates of one task on one kind of hardware.

Each replicate is trained in a process that is forked from the process of the job, so that PyTorch is imported only
once. Finished replicates are kept and never trained again, however the job ends.

The job writes the folder <results>/<study>/replicates/<cell>/<replicate>/ for each replicate. At the end, it writes
the chunk file, which lists the outcome of each replicate.
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any

# without this setting, importing NumPy would start threads, which would not survive the fork
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# CUDA does not survive the fork either; with this setting, a library that looks for devices when it is imported asks
# NVML and does not initialise CUDA
os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")

import torch
import torch._inductor

# PyTorch's optimisers import torch._dynamo. The import below does this once per job, so that no replicate repeats it.
# Older releases are excluded: in PyTorch 2.7, the import runs a computation. This would fix the instruction set before
# the fork, and noise.apply_flags would then raise an error in every replicate.
if tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 12):
    import torch._dynamo

from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import write_text
from noisegrid.data.prepared import open_prepared
from noisegrid.records import record
from noisegrid.runtime import container, machine, refused_nodes
from noisegrid.runtime.environment import environment_digest
from noisegrid.runtime.hardware import entry as hardware_entry
from noisegrid.study.chunk import chunk_of
from noisegrid.study.recipes import check_own_network
from noisegrid.study.resolve import load
from noisegrid.study.settings import Hardware
from noisegrid.study.study import Cell
from noisegrid.training.pool import DIVERGED, INTERRUPTED, Pool
from noisegrid.training.replicate import Image, is_finished, job_of


def train_replicates(
    cells: list[Cell], numbers: range, results: Path, pool: Pool, image: Image = None, accept_failures: bool = False
) -> dict[str, Any]:
    """Train those of the given replicates that are not finished yet.

    Parameters
    ----------
    cells : list of Cell
        Cells with the same task and the same hardware.
    numbers : range
        Numbers of the replicates to train in each cell. If a cell has fewer replicates, the missing ones are skipped.
    results : Path
        The folder of all results.
    pool : Pool
        The pool that trains the replicates.
    image : dict, optional
        Description of the container image that this process runs in, as returned by container.check_inside.
    accept_failures : bool
        Whether to list failed replicates in the chunk file instead of raising an error.

    Returns
    -------
    dict
        The content of the chunk file. For each noise, it lists the weight hash of every finished replicate, the
        numbers of the replicates that diverged, and the numbers of the replicates that failed.

    Raises
    ------
    NoisegridError
        If the scheduler asked this job to stop. Also if a replicate failed for a reason other than divergence and
        `accept_failures` is false; in this case, the other replicates are trained before the error is raised.
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
            "To get tables without the failed replicates, set accept_failures"
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
    """Train the replicates requested by the options of `noisegrid train`, and write the chunk file."""
    chunk = chunk_of(options.replicates)
    cells = load(options.study).siblings(options.hardware, options.task, chunk)
    if not cells:
        raise NoisegridError(
            f"study {options.study} has no cell of task {options.task} on {options.hardware}"
            + (f" with noise {chunk.noise}" if chunk.noise else "")
        )
    check_own_network(cells[0].settings)
    image = container.check_inside(options.image)
    machine.check_stack(hardware_entry(options.hardware).stack)
    data = open_prepared(options.dataset)
    # machine.software() would ask CUDA for its version, which does not survive the fork
    software = {"torch": torch.__version__, "environment": environment_digest()}
    about = {"code": machine.code(cells[0].settings["task"]["build"]), "software": software}
    unfinished = [cell for cell in cells if not record.is_complete(options.results, cell, chunk.numbers)]
    for cell in unfinished:
        now = {key: record.entry(about, key) for key in record.shared_keys(cell) if key.split(".")[0] in about}
        record.check_shared(options.results, cell, now | {"dataset.digest": data.digest})
    hardware, study = Hardware.of(cells[0].settings["hardware"]), options.results / cells[0].study
    with refused_nodes.claimed(hardware.gpu, study, options.hardware, options.share_gpu) as uuid:
        if unfinished:
            refused_nodes.settle(study, options.hardware, machine.model_here(hardware.gpu, uuid))
        one_at_a_time = hardware.is_cuda and not options.share_gpu
        pool = Pool(data, 1 if one_at_a_time else options.cores, 60 * options.checkpoint_minutes)
        done = train_replicates(cells, chunk.numbers, options.results, pool, image, options.accept_failures)
    write_text(options.output, json.dumps(done, indent=1) + "\n")
