"""The processes of a replicate end with it: after a signal to all, and after the death of any."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest
from ranked import STEPS, finished, interrupted, run_with, training

from noisegrid.common.errors import NoisegridError
from noisegrid.training import rank_processes
from noisegrid.training.checkpoint import STOP_SIGNALS, Checkpoints
from noisegrid.training.ranks import Ranks
from noisegrid.training.run import Run
from noisegrid.training.train import NEVER, Training


@pytest.fixture
def restored_handlers():
    """Handlers of stop signals are those of before when the test ends."""
    handlers = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.slow
def test_a_signal_to_every_process_stops_the_replicate_once(tmp_path, restored_handlers):
    """A scheduler may send its signal to rank 0 or to all; only rank 0 listens, and it finishes its step with all."""
    run = run_with(2)
    checkpoints = interrupted(run, tmp_path, 2, to_group=True)
    assert finished(run, checkpoints) == finished(run)


def alive(pids: list[int]) -> list[int]:
    """Return which processes still run after two seconds at most."""
    until = time.monotonic() + 2
    while time.monotonic() < until and (running := [pid for pid in pids if Path(f"/proc/{pid}").exists()]):
        time.sleep(0.02)
    return running if pids else []


@pytest.mark.slow
@pytest.mark.parametrize("at", [1, STEPS, 2 * STEPS])  # after the last step, too: the weights are not compared yet
def test_a_rank_that_is_killed_fails_the_replicate_and_leaves_no_orphan(at):
    pids, done = list[int](), 0
    checkpoints = Checkpoints()

    def kill(_: object) -> None:
        nonlocal done
        done += 1
        if done == at:
            pids.extend(process.pid for process in multiprocessing.active_children())
            os.kill(next(p.pid for p in multiprocessing.active_children() if p.name == "rank 2 of 3"), signal.SIGKILL)

    checkpoints.on_visit = kill
    with pytest.raises(NoisegridError, match=r"^rank 2 of 3 was killed by signal 9, and a replicate needs all"):
        finished(run_with(3), checkpoints)
    assert len(pids) == 2 and not alive(pids)


def follow_and_fail(run: Run, ranks: Ranks) -> None:
    ranks.meet()
    if ranks.rank == 1:
        raise NoisegridError("this rank is broken")
    training(run, ranks).run_all(NEVER)


@pytest.mark.slow
def test_a_rank_that_fails_is_named(capfd):
    with pytest.raises(NoisegridError, match=r"^rank 1 of 3 failed; see its error above"):
        finished(run_with(3), follow=follow_and_fail)
    assert "rank 1 of 3 failed: this rank is broken" in capfd.readouterr().err


def lead(pids: Path) -> None:
    """Be a replicate that writes which processes it has, and goes on."""
    checkpoints = Checkpoints()

    def tell(run: Training) -> None:
        if (run.epoch, run.step) == (0, 1):
            pids.with_suffix(".part").write_text(" ".join(str(p.pid) for p in multiprocessing.active_children()))
            pids.with_suffix(".part").rename(pids)
        time.sleep(60 * (run.step == 2))

    checkpoints.on_visit = tell
    finished(run_with(3), checkpoints)


@pytest.mark.slow
def test_no_rank_outlives_a_replicate_that_is_killed(tmp_path):
    process = multiprocessing.get_context("fork").Process(target=lead, args=(tmp_path / "pids",))
    process.start()
    while not (tmp_path / "pids").exists():
        assert process.exitcode is None
        time.sleep(0.02)
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    process.kill()
    process.join()
    assert len(pids) == 2 and not alive(pids)


def test_a_pytorch_without_gloo_is_told(monkeypatch):
    monkeypatch.setattr(rank_processes.dist, "is_gloo_available", lambda: False)
    with pytest.raises(NoisegridError, match="trains with 2 processes, but this PyTorch was built without gloo"):
        finished(run_with(2))
