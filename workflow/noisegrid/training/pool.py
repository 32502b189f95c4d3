"""A pool that trains replicates side by side, each in its own process.

The processes are forked from the process of the job, which does not compute anything itself. Replicates therefore share
no state, and a crash affects one replicate only. Replicates can also use different instruction sets, because a library
chooses its instruction set when its process first computes. When the scheduler asks the job to stop, every running
replicate is checkpointed. The next job resumes these replicates.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any

from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import write_text
from noisegrid.common.locks import one_writer
from noisegrid.common.progress import Progress
from noisegrid.data.prepared import Dataset
from noisegrid.records import record
from noisegrid.records.chunk_file import is_finished
from noisegrid.runtime import failures, gpu_sharing
from noisegrid.training.checkpoint import STOP_SIGNALS, Interrupted
from noisegrid.training.outcome import Diverged
from noisegrid.training.replicate import Job, train_and_write
from noisegrid.training.reports import Reports

FORK = multiprocessing.get_context("fork")
#: The longest time in seconds for which the pool waits for a replicate before it looks at the progress of all.
LOOK_S = 2.0
#: Exit statuses of a replicate. DIVERGED: the training diverged, which is a finding, not a fault. INTERRUPTED: the
#: scheduler asked the job to stop, and the replicate was checkpointed.
DIVERGED, INTERRUPTED = 3, 75


@dataclass
class Pool:
    """A pool of training processes that share a fixed number of cores.

    Attributes
    ----------
    datasets : dict
        The prepared datasets that the replicates read, by name.
    cores : int
        Largest number of threads that may run at the same time. A replicate that needs more threads than this runs
        alone.
    checkpoint_s : float
        Seconds between consecutive checkpoints of a run.
    on_gpu : int
        The number of replicates that train on the GPU at the same time, if there is one. Each gets the same part of its
        memory.
    why_lost : callable
        A function that is called when a replicate has failed. It returns why the GPU cannot be used any more, or an
        empty string if it can.
    stopping : bool
        Whether the scheduler has asked this job to stop.
    lost : str
        The reason why the GPU cannot be used any more; empty while it can.
    """

    datasets: dict[str, Dataset]
    cores: int
    checkpoint_s: float
    on_gpu: int = 1
    why_lost: Callable[[], str] = str
    stopping: bool = False
    lost: str = ""

    def run(self, jobs: list[Job]) -> list[tuple[Job, int]]:
        """Run the jobs.

        Returns
        -------
        list of (Job, int)
            Each job that was started, with the exit status of its process. All jobs are started, unless the scheduler
            asks this process to stop, or the GPU is lost.
        """
        waiting, statuses = list(jobs), list[tuple[Job, int]]()
        self.running: list[tuple[Job, BaseProcess]] = []
        progress = Progress(sum(job.run.task.epochs for job in jobs), _title(jobs), "epochs")
        self.reports = Reports(jobs)
        for number in STOP_SIGNALS:
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a closed terminal does not end training
        while (waiting and not self._is_ending) or self.running:
            idle = self.cores - sum(job.run.cores for job, _ in self.running)
            fitting = [job for job in waiting if job.run.cores <= idle] or waiting[: not self.running]
            if fitting and not self._is_ending:
                self._start(fitting[0])
                waiting.remove(fitting[0])
                continue
            wait([process.sentinel for _, process in self.running], LOOK_S)
            for job, status in self._collect():
                statuses.append((job, status))
                self.reports.end(job)
                if status not in (0, DIVERGED, INTERRUPTED):
                    self.lost = self.lost or self.why_lost()
            self.reports.write(self.running)
            done = self.reports.epochs
            text = f"{len(statuses):,} of {len(jobs):,} replicates, {done:,} of {progress.total:,} epochs"
            progress.show(done, text)
        return statuses

    @property
    def _is_ending(self) -> bool:
        """Whether no more replicates are started."""
        return self.stopping or bool(self.lost)

    def _start(self, job: Job) -> None:
        process = FORK.Process(target=child, args=self._arguments(job))
        # block stop signals until the child has its own handler: the inherited handler would not checkpoint the child
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        try:
            process.start()
            self.running.append((job, process))
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
        if self.stopping:  # a stop signal came after the loop had checked for one, but before the fork
            process.terminate()

    def _arguments(self, job: Job) -> tuple[Any, ...]:
        return job, self.datasets[job.cell.dataset], self.checkpoint_s, self.reports, self.on_gpu

    def _collect(self) -> list[tuple[Job, int]]:
        # read each exit code only once: a process that ends between two reads would be in neither list
        looked = [(job, process, process.exitcode) for job, process in self.running]
        done = [(job, code) for job, _, code in looked if code is not None]
        self.running = [(job, process) for job, process, code in looked if code is None]
        for job, status in done:
            if status < 0:
                write_text(job.failure, f"killed by signal {-status}\n")
        return done

    def _stop(self, number: int, frame: object) -> None:
        """Start no more replicates, and ask the running processes to write a checkpoint and exit."""
        self.stopping = True
        print(
            f"stop requested (signal {number}): checkpointing {len(self.running)} replicates",
            file=sys.stderr,
            flush=True,
        )
        for _, process in self.running:
            if process.pid is not None and process.exitcode is None:
                os.kill(process.pid, signal.SIGTERM)


def _title(jobs: list[Job]) -> str:
    """Return what the jobs train, for progress messages."""
    tasks = list(dict.fromkeys(f"{job.cell.task} on {job.cell.hardware}" for job in jobs))
    return tasks[0] if len(tasks) == 1 else f"{len(tasks)} tasks"


def child(job: Job, data: Dataset, checkpoint_s: float, reports: Reports | None = None, on_gpu: int = 1) -> None:
    """Train one replicate in this forked process, and print one line about the outcome.

    If there are `reports`, they hear after every step how far it has come. `on_gpu` replicates share the memory of the
    GPU.
    """
    checkpoints = job.checkpoints(checkpoint_s)
    if reports is not None:
        checkpoints.on_visit = reports.reporter(job, data)
    checkpoints.listen()
    names = {"study": job.cell.study, "hardware": job.cell.hardware, "task": job.cell.task, "noise": job.cell.noise}
    try:
        with one_writer(job.folder):
            if is_finished(
                job.results, job.cell, job.replicate, job.image
            ):  # another copy of this job trained the replicate while this copy waited
                return
            record.clear_leftovers(job.folder)
            gpu_sharing.share(on_gpu)
            outcome = train_and_write(job.run, names, job.replicate, data, job.folder, job.image, checkpoints, job.keep)
            checkpoints.clear()
            job.failure.unlink(missing_ok=True)
    except Diverged as error:
        print(f"{job.name} diverged: {error}", file=sys.stderr, flush=True)
        sys.exit(DIVERGED)
    except Interrupted:
        print(f"{job.name} checkpointed; the next job resumes it", file=sys.stderr, flush=True)
        sys.exit(INTERRUPTED)
    except Exception as error:
        if not (why := failures.sentence(error)):
            traceback.print_exc()
        print(f"{job.name} failed: {why or error}", file=sys.stderr, flush=True)
        with contextlib.suppress(NoisegridError):  # on a full disk, the reason is only in the log
            write_text(job.failure, f"{type(error).__name__}: {why or error}\n")
        sys.exit(1)
    seconds, weights = outcome.seconds["total_s"], outcome.final.weights.hash[:12]
    print(f"{job.name}: {seconds:.1f} s, weights {weights}", file=sys.stderr, flush=True)
