"""One training job, which trains the replicates of a chunk on one kind of hardware.

Each replicate is trained in a process that is forked from the process of the job, so that PyTorch is imported only
once. Finished replicates are kept and never trained again, however the job ends.

The job writes the folder <results>/<study>/replicates/<cell>/<replicate>/ for each replicate. At the end, it writes
the chunk file, which lists the outcome of each replicate.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path

import torch
import torch._inductor

# PyTorch's optimisers import torch._dynamo. The import below does this once per job, so that no replicate repeats it.
# Older releases are excluded: in PyTorch 2.7, the import runs a computation. This would fix the instruction set before
# the fork, and noise.apply_flags would then raise an error in every replicate.
if tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 12):
    import torch._dynamo

from noisegrid.common.errors import NoisegridError
from noisegrid.common.schemas import schema
from noisegrid.data import staging
from noisegrid.data.prepared import Dataset, open_prepared
from noisegrid.records import belonging, chunk_file, record
from noisegrid.records.chunk_file import Numbered
from noisegrid.runtime import devices, machine, refused_nodes
from noisegrid.runtime.environment import environment_digest
from noisegrid.runtime.hardware import entry as hardware_entry
from noisegrid.study.recipes import check_own_code
from noisegrid.study.settings import Hardware
from noisegrid.study.study import KEPT, Cell
from noisegrid.training import compilation
from noisegrid.training.pool import DIVERGED, FORK, INTERRUPTED, Pool
from noisegrid.training.replicate import Image, job_of


def run_job(
    options: argparse.Namespace,
    replicates: list[Numbered],
    missing: list[Numbered],
    image: Image,
    keep: tuple[str, ...] = KEPT,
) -> None:
    """Train the missing replicates of a chunk, and write the chunk file.

    Parameters
    ----------
    options : Namespace
        The options of `noisegrid train`.
    replicates : list of (Cell, int)
        All replicates of the chunk.
    missing : list of (Cell, int)
        Those that are not finished; at least one.
    image : dict or None
        Description of the container image that this process runs in, as returned by container.check_inside.
    keep : tuple of str
        The parts of every replicate that are kept on disk (see Study.keep).

    Raises
    ------
    NoisegridError
        If the job cannot train here, if the scheduler asked it to stop, or if a replicate failed for a reason other
        than divergence and failures are not accepted. In the last case, the other replicates are trained first.
    """
    results, unfinished = options.results, list(dict.fromkeys(cell for cell, _ in missing))
    required = hardware_entry(options.hardware)
    machine.check_environment(required.stack, required.device)
    names = dict.fromkeys(cell.dataset for cell in unfinished)
    datasets = {name: open_prepared(options.datasets / name) for name in names}
    for cell in unfinished:
        check_own_code(cell.settings)
        _check_batch(cell, datasets[cell.dataset])
        _check_conditions(results, cell, datasets[cell.dataset])
    jobs = [job_of(*replicate, results, image, keep) for replicate in missing]
    schema("record")  # read once, before the forks
    hardware, study = Hardware.of(unfinished[0].settings["hardware"]), results / unfinished[0].study
    with refused_nodes.claimed(hardware.gpu, study, options.hardware) as uuid:
        # what a TPU is called is known only after XLA has started, which would not survive the fork
        model = None if hardware.is_tpu else machine.model_here(hardware.gpu, uuid)
        refused_nodes.settle(study, options.hardware, model)
        _check_device(hardware.gpu)
        if any(job.run.flags.get("compile") for job in jobs):
            compilation.check(hardware.device)
        at_a_time = options.share_gpu if hardware.is_cuda else 1
        cores = at_a_time if hardware.is_cuda or hardware.is_tpu else options.cores
        with staging.staged(options.datasets, names, options.scratch) as folder:
            copies = {name: open_prepared(folder / name) for name in names} if folder != options.datasets else datasets
            why_lost = partial(_why_unusable, hardware.gpu)
            pool = Pool(copies, cores, 60 * options.checkpoint_minutes, at_a_time, why_lost)
            statuses = pool.run(jobs)
        if pool.lost:
            raise devices.WrongDevice(
                f"the GPU was lost while this job trained ({pool.lost}); finished replicates and checkpoints are kept, "
                "and the next call on a working GPU trains what is missing"
            )
    if pool.stopping:
        away = sum(status == INTERRUPTED for _, status in statuses)
        raise NoisegridError(f"stopped: {away} replicates checkpointed; the next call resumes them")
    crashed = [job for job, status in statuses if status not in (0, DIVERGED)]
    if crashed and not options.accept_failures:
        raise NoisegridError(
            f"{len(crashed)} of {len(replicates)} replicates failed ({', '.join(job.name for job in crashed)}); see "
            "the errors above. The others are kept, and the next call trains only the missing ones. "
            "To get tables without the failed replicates, set accept_failures"
        )
    diverged = [(job.cell, job.replicate) for job, status in statuses if status == DIVERGED]
    failed = [(job.cell, job.replicate) for job in crashed]
    chunk_file.write(options.output, results, replicates, diverged, failed)


def _check_device(gpu: str) -> None:
    """Check the GPU of this job, if it has one. A process of its own asks, because CUDA does not survive a fork.

    Otherwise, every replicate would fail by itself.

    Raises
    ------
    NoisegridError
        If the GPU cannot be used.
    """
    if not gpu:
        return
    try:
        with ProcessPoolExecutor(max_workers=1, mp_context=FORK) as executor:
            executor.submit(machine.check_device, gpu).result()
    except BrokenProcessPool as error:
        raise NoisegridError(f"a process that asked CUDA for its GPU ({gpu}) died; check it with nvidia-smi") from error


def _why_unusable(gpu: str) -> str:
    """Return why the GPU of this job cannot be used; an empty string if it can, or if the job needs none."""
    try:
        _check_device(gpu)
    except NoisegridError as error:
        return str(error)
    return ""


def _check_batch(cell: Cell, data: Dataset) -> None:
    """Raise NoisegridError if a batch is larger than the training set; only now is the size of every dataset known."""
    task = cell.settings["task"]
    batch_size, examples = task["batch_size"], data.count("train", task.get("context"))
    if batch_size > examples:
        raise NoisegridError(
            f"task {cell.task}: batch_size is {batch_size}, but {cell.dataset} has only {examples} training examples; "
            f"write at most {examples}"
        )


def _check_conditions(results: Path, cell: Cell, data: Dataset) -> None:
    """Check that this job trains under the same conditions as the replicates that the cell already has."""
    # machine.software() would ask CUDA for its version, which does not survive the fork
    software = {"torch": torch.__version__, "environment": environment_digest()}
    about = {"code": machine.code(cell.settings["task"]["build"]), "software": software}
    now = {key: record.entry(about, key) for key in belonging.shared_keys(cell) if key.split(".")[0] in about}
    belonging.check_shared(results, cell, now | {"dataset.digest": data.digest})
