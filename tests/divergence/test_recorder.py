"""The state before a step: a difference in each part is named as such, and recording changes no result."""

import pytest
import torch
from planted import NETWORKS, step_of
from torch import nn

from noisegrid.divergence.compare import compare
from noisegrid.divergence.recorder import Recorder
from noisegrid.divergence.trace import Trace


def run(steps=3, change=None, at=1, recorded=True, order=None, inputs=0.0, rate=0.1, momentum=0.9):
    """Train a network with batch norm for some steps; before step `at`, call `change(network, optimizer)`."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.5), nn.Linear(6, 2))
    optimizer = torch.optim.SGD(network.parameters(), rate, momentum)
    data = torch.randn(8, 4, generator=torch.Generator().manual_seed(1))[order or list(range(8))] + inputs
    labels = (torch.arange(8) % 2)[order or list(range(8))]
    recorder = Recorder(steps)

    def step():
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(data), labels).backward()
        optimizer.step()

    for number in range(steps):
        if change and number == at:
            with torch.no_grad():
                change(network, optimizer)
        recorder.step(step, network, [optimizer], (data, labels)) if recorded else step()
    recorder.end(network, [optimizer])
    return network, recorder.trace({})


def nothing(network, optimizer):
    pass


def momentum_of_first(network, optimizer):
    optimizer.state[network[0].weight]["momentum_buffer"].add_(1)


@pytest.mark.parametrize(
    ("other", "step", "part", "member", "kind"),
    [
        ({"change": lambda n, o: n[4].bias.add_(1)}, 1, "weights", "4.bias", ""),
        ({"change": lambda n, o: n[1].running_mean.add_(1)}, 1, "buffers", "1.running_mean", ""),
        ({"change": momentum_of_first}, 1, "optimiser", "momentum_buffer of 0.weight", ""),
        ({"change": lambda n, o: o.param_groups[0].update(lr=0.2)}, 1, "settings", "lr", ""),
        ({"momentum": 0.8}, 0, "settings", "momentum", ""),
        ({"order": [1, 0, 2, 3, 4, 5, 6, 7]}, 0, "batch", "inputs", "order"),
        ({"inputs": 0.5}, 0, "batch", "inputs", "inputs"),
    ],
)  # fmt: skip
def test_each_part_of_the_state_is_named(other, step, part, member, kind):
    found = compare(run()[1], run(**other)[1]).state
    assert found is not None
    assert (found.step, found.part, found.kind) == (step, part, kind)
    assert member in found.members


def test_another_dropout_mask_is_a_draw_of_random_numbers():
    found = compare(run(at=0, change=nothing)[1], run(at=0, change=lambda n, o: torch.rand(1))[1])
    assert found.cause is not None
    assert (found.cause.kind, found.cause.operation.module) == ("random", "3")


def test_other_random_states_alone_are_no_divergence():
    """Only what is drawn matters: without a draw in the traced step or after it, results are equal."""
    found = compare(run(steps=1)[1], run(steps=1, change=lambda n, o: torch.rand(1), at=1)[1])
    assert (found.state, found.cause) == (None, None)


def test_the_weights_with_the_tracer_are_those_without_it():
    with_it, without = run()[0], run(recorded=False)[0]
    for one, other in zip(with_it.state_dict().values(), without.state_dict().values(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", NETWORKS)
def test_control_against_control_finds_nothing_in_20_runs(name):
    first = step_of(name)[0]
    for _ in range(20):
        found = compare(first, step_of(name)[0])
        assert (found.state, found.cause) == (None, None)


def test_a_trace_that_is_cut_off_says_so():
    recorder = Recorder(1, most=5)
    network = nn.Linear(2, 2)
    # ones, the layer, and five functions
    recorder.step(lambda: network(torch.ones(1, 2)).relu().exp().sin().cos().tanh(), network, [])
    recorder.end(network, [])
    trace: Trace = recorder.trace({})
    assert (len(trace.operations), trace.left_out) == (5, 2)
