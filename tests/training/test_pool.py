"""The pool: what it hears of its processes, and they of it."""

import os
import signal
import sys
import time
from types import SimpleNamespace

import pytest

from noisegrid.training import pool as pools
from noisegrid.training.checkpoint import Checkpoints
from noisegrid.training.pool import INTERRUPTED, Pool


class Ending:
    """A process that ends right after it was first looked at."""

    looks = 0

    @property
    def exitcode(self) -> int | None:
        self.looks += 1
        return None if self.looks == 1 else INTERRUPTED


def test_a_process_that_ends_between_two_looks_is_not_lost():
    pool = Pool({}, cores=1, checkpoint_s=Checkpoints().every_s)
    pool.running = [("job", Ending())]
    assert pool._collect() == []
    assert pool._collect() == [("job", INTERRUPTED)]
    assert pool.running == []


def slow_to_listen(job, data, checkpoint_s: float, reports, on_gpu) -> None:
    """As pool.child, but later."""
    time.sleep(0.5)
    checkpoints = Checkpoints()
    checkpoints.listen()
    sys.exit(INTERRUPTED if checkpoints.asked_to_stop else 0)


def test_a_request_to_stop_reaches_a_child_that_does_not_listen_yet(monkeypatch):
    monkeypatch.setattr(pools, "child", slow_to_listen)
    pool = Pool({"digits": None}, cores=1, checkpoint_s=60)
    pool.running, pool.reports = [], None
    pool._start(SimpleNamespace(name="one", cell=SimpleNamespace(dataset="digits")))
    ((_, process),) = pool.running
    os.kill(process.pid, signal.SIGTERM)
    process.join(20)
    assert process.exitcode == INTERRUPTED


def failing(job, data, checkpoint_s: float, reports, on_gpu) -> None:
    """As pool.child, for a replicate that fails."""
    sys.exit(1)


def test_a_replicate_takes_the_cores_of_all_its_processes(monkeypatch):
    """On two cores, two replicates of one process run side by side; one of two, and one of four, run alone."""
    monkeypatch.setattr(pools, "child", failing)
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # the handlers of this process stay
    cell, task = SimpleNamespace(dataset="digits", task="t", hardware="h"), SimpleNamespace(epochs=1)
    jobs = [
        SimpleNamespace(name=f"{number}", cell=cell, run=SimpleNamespace(task=task, cores=cores))
        for number, cores in enumerate((1, 1, 2, 4))
    ]
    beside, start = [], Pool._start

    def noted(pool: Pool, job) -> None:
        beside.append([other.name for other, _ in pool.running])
        start(pool, job)

    monkeypatch.setattr(Pool, "_start", noted)
    Pool({"digits": None}, cores=2, checkpoint_s=60).run(jobs)
    assert beside == [[], ["0"], [], []]


@pytest.mark.parametrize(("why", "started"), [("the GPU is gone", ["one"]), ("", ["one", "two"])])
def test_no_replicate_is_started_on_a_lost_gpu(monkeypatch, why, started):
    monkeypatch.setattr(pools, "child", failing)
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # the handlers of this process stay
    cell = SimpleNamespace(dataset="digits", task="t", hardware="h")
    run = SimpleNamespace(task=SimpleNamespace(epochs=1), cores=1)
    jobs = [SimpleNamespace(name=name, cell=cell, run=run) for name in ("one", "two")]
    pool = Pool({"digits": None}, cores=1, checkpoint_s=60, why_lost=lambda: why)
    assert [(job.name, status) for job, status in pool.run(jobs)] == [(name, 1) for name in started]
    assert pool.lost == why
