"""Several processes that train one replicate: whose gradient is averaged, what is checked, resumed and ended."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from noisegrid.common.errors import NoisegridError
from noisegrid.data.form import Form
from noisegrid.data.prepared import Dataset
from noisegrid.networks import build
from noisegrid.study.resolve import load_study
from noisegrid.study.seeds import seed_of_rank
from noisegrid.study.settings import Task
from noisegrid.training.checkpoint import STOP_SIGNALS, Checkpoints, Interrupted
from noisegrid.training.rank_processes import together
from noisegrid.training.ranks import ALONE, Ranks
from noisegrid.training.replicate import run_of
from noisegrid.training.run import Run
from noisegrid.training.step import training_step
from noisegrid.training.train import NEVER, Training
from noisegrid.training.weights import weights_of

FORM = Form("images", "classes", 10, (1, 8, 8), full_scale=16.0)
#: Two full batches of 12, and one of 2 that leaves a rank without an example.
EXAMPLES, BATCH, STEPS = 26, 12, 3
CPU = torch.device("cpu")


class OfTask(Run):
    """A run whose recipe is given."""

    recipe: Task

    @property
    def task(self) -> Task:
        return self.recipe


def run_with(
    world: int | None,
    bucket_mb: float | None = None,
    dropout: float = 0.3,
    batch_norm: bool = False,
    accumulate: int = 1,
) -> Run:
    (cell,) = [c for c in load_study("quick").cells if (c.task, c.noise) == ("smallcnn_dropout-digits", "control")]
    run = run_of(cell, 0)
    switches = {"world_size": world, "bucket_mb": bucket_mb}
    made = OfTask(run.settings, run.seeds, run.flags | {key: value for key, value in switches.items() if value})
    options = run.task.options | {"batch_norm": batch_norm}
    recipe = replace(
        run.task, epochs=2, batch_size=BATCH, schedule=(), dropout=dropout, options=options, accumulate=accumulate
    )
    object.__setattr__(made, "recipe", recipe)
    return made


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


# --- the parts of a batch ---


def mean_of_outputs(outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return outputs.mean()


@pytest.mark.parametrize(
    ("count", "world", "sizes", "weights"),
    [
        (12, 3, [4, 4, 4], [1, 1, 1]),
        (5, 2, [3, 2], [6 / 5, 4 / 5]),
        (3, 4, [1, 1, 1, 1], [4 / 3, 4 / 3, 4 / 3, 0]),  # the last rank computes an example of weight 0
    ],
)
def test_parts_are_contiguous_and_weighted_by_their_examples(count, world, sizes, weights):
    values = torch.arange(count, dtype=torch.float32)
    found = [Ranks(rank, world).part(values, values + 100, mean_of_outputs) for rank in range(world)]
    assert [len(part) for part, _, _ in found] == sizes
    assert all(torch.equal(labels, part + 100) for part, labels, _ in found)
    counted = torch.cat([part for (part, _, _), weight in zip(found, weights, strict=True) if weight])
    assert torch.equal(counted, values)
    losses = [float(loss(part, labels)) for part, labels, loss in found]
    means = [float(part.mean()) for part, _, _ in found]
    assert losses == pytest.approx([mean * weight for mean, weight in zip(means, weights, strict=True)])
    assert sum(losses) / world == pytest.approx(float(values.mean()))


def test_one_process_computes_the_batch_itself():
    batch = torch.ones(3), torch.ones(3)
    assert ALONE.part(*batch, nn.functional.mse_loss) == (*batch, nn.functional.mse_loss)


def step(world: int, parts: int, results: str, ranks: Ranks) -> None:
    """One step of SGD on a line through 5 points, of which every rank writes the slope."""
    ranks.meet()
    line = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        line.weight.fill_(1.0)
    inputs = torch.tensor([[1.0], [2.0], [3.0], [4.0], [5.0]])
    labels = torch.zeros(5, 1)
    mine, its_labels, loss = ranks.part(inputs, labels, lambda outputs, labels: (outputs - labels).mean())
    scaler = torch.amp.grad_scaler.GradScaler("cpu", enabled=False)
    optimizer = torch.optim.SGD(line.parameters(), 0.5)
    training_step(ranks.wrapped(line), optimizer, scaler, mine, its_labels, "fp32", loss, parts=parts)
    Path(results, str(ranks.rank)).write_text(repr(line.weight.item()))
    ranks.mean(torch.zeros(()))  # nobody leaves before all have written


@pytest.mark.parametrize(("world", "parts"), [(2, 1), (3, 1), (4, 1), (2, 2)])
def test_the_averaged_gradient_is_that_of_the_whole_batch(tmp_path, world, parts):
    """By hand: the loss is the mean of w x, its gradient the mean of x, which is 3; so w = 1 - 0.5 * 3 = -0.5.

    Unweighted means of 3 and 2 points would give (2 + 4.5) / 2 = 3.25, and w = -0.625.
    """
    with together({"world_size": world}, partial(step, world, parts, str(tmp_path))) as ranks:
        step(world, parts, str(tmp_path), ranks)
    found = [float(path.read_text()) for path in sorted(tmp_path.iterdir())]
    assert len(found) == world and found == pytest.approx([-0.5] * world)


# --- streams and worlds ---


def test_rank_0_has_the_seed_of_dropout_and_others_have_their_own():
    seeds = {seed_of_rank(7, rank) for rank in range(5)}
    assert len(seeds) == 5 and seed_of_rank(7, 0) == 7
    state = np.random.SeedSequence([7, 2]).generate_state(1, np.uint64)[0]
    assert seed_of_rank(7, 2) == int(state) >> 11


@pytest.mark.slow
def test_a_world_of_one_is_a_run_without_ranks():
    assert finished(run_with(1)) == finished(run_with(None))


@pytest.mark.slow
def test_ranks_draw_different_dropout():
    with_one_stream = finished(run_with(2), follow=follow_with_the_stream_of_rank_0)
    assert finished(run_with(2)) != with_one_stream


def follow_with_the_stream_of_rank_0(run: Run, ranks: Ranks) -> None:
    ranks.meet()
    found = training(run, ranks)
    torch.manual_seed(run.seeds["dropout"])
    found.run_all(NEVER)


@pytest.mark.slow
@pytest.mark.parametrize("batch_norm", [False, True])
def test_the_loss_of_an_epoch_is_that_of_all_ranks(batch_norm):
    """Without dropout, worlds differ in rounding alone, and with batch norm also in whose statistics they use."""
    runs = [run_with(world, dropout=0.0, batch_norm=batch_norm) for world in (1, 2)]
    (hash1, _, one), (hash2, _, two) = map(finished, runs)
    assert hash1 != hash2 and (two == pytest.approx(one, rel=1e-4)) != batch_norm


# --- the control over ranks ---


def follow_another_path(run: Run, ranks: Ranks) -> None:
    ranks.meet()
    found = training(run, ranks)
    with torch.no_grad():
        next(found.network.parameters()).view(-1)[0] += 1
    found.run_all(NEVER)


@pytest.mark.slow
def test_ranks_with_other_weights_fail_the_replicate():
    with pytest.raises(
        NoisegridError, match=r"the weights of rank 1 of 2 \(\w{12}\) are not those of rank 0 \(\w{12}\)"
    ):
        finished(run_with(2), follow=follow_another_path)


# --- resuming ---


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


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"batch_norm": True, "accumulate": 2}], ids=["plain", "parts"])
def test_a_resumed_run_has_the_same_bits_on_all_ranks(tmp_path, changes):
    run = run_with(3, 0.001, **changes)
    whole = finished(run)
    for steps in (1, STEPS, STEPS + 2):  # after the first step, at the end of an epoch, and in the last
        assert finished(run, interrupted(run, tmp_path / str(steps), steps)) == whole, steps


@pytest.mark.slow
@pytest.mark.parametrize("part", ["random", "losses", "the first step"])
def test_what_is_not_restored_on_a_rank_is_noticed(tmp_path, monkeypatch, part):
    """The negative control. PyTorch arranges its buckets anew after the first step, which a resumed run has too."""
    run = run_with(3, 0.001)
    whole, checkpoints = finished(run), interrupted(run, tmp_path, 1)
    if part == "the first step":
        monkeypatch.setattr(Training, "_warm_up", lambda self: None)
    else:
        load = Training.load_state_dict

        def like_rank_0(self: Training, state: dict) -> None:
            others = [own | {part: state[part]} for own in state["ranks"]]
            load(self, state | {"ranks": others})

        monkeypatch.setattr(Training, "load_state_dict", like_rank_0)
    assert finished(run, checkpoints) != whole


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


# --- ends ---


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
