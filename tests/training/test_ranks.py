"""Several processes that train one replicate: whose gradient is averaged, what is checked and what is resumed."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from ranked import STEPS, finished, interrupted, run_with, training
from torch import nn

from noisegrid.common.errors import NoisegridError
from noisegrid.study.seeds import seed_of_rank
from noisegrid.training.rank_processes import together
from noisegrid.training.ranks import ALONE, Ranks
from noisegrid.training.run import Run
from noisegrid.training.step import training_step
from noisegrid.training.train import NEVER, Training

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
