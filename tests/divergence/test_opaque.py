"""What PyTorch does not dispatch: compiled code, backward passes in NumPy, and weights that NumPy changed."""

import shutil

import numpy as np
import pytest
import torch
from torch import nn
from torch._dynamo.utils import counters

from noisegrid.divergence.compare import Comparison, compare
from noisegrid.divergence.recorder import Recorder
from noisegrid.divergence.sentences import sentence
from noisegrid.divergence.trace import Trace


def traced(make):
    """Trace one step of the network and the step that `make` returns."""
    torch.manual_seed(0)
    network, step = make()
    recorder = Recorder(1)
    recorder.step(step, network, [])
    recorder.end(network, [])
    return recorder.trace({})


def compared(make) -> tuple[Comparison, Trace, Trace]:
    """Compare two runs of `make`, which is called with 1.0 and with the next float."""
    a, same, b = (traced(lambda factor=factor: make(factor)) for factor in (1.0, 1.0, 1.0 + 2**-23))
    unchanged = compare(a, same)
    assert (unchanged.state, unchanged.cause) == (None, None)  # or a difference would mean nothing
    return compare(a, b), a, b


class InNumPy(torch.autograd.Function):
    """The identity. Its backward pass multiplies by a factor, in NumPy."""

    @staticmethod
    def forward(context, inputs, factor):
        context.factor = factor
        return inputs.clone()

    @staticmethod
    def backward(context, gradients):
        return torch.from_numpy(gradients.numpy() * np.float32(context.factor)), None


def test_a_backward_pass_in_numpy_is_inside_or_before_the_next_operation():
    def make(factor):
        first, last = nn.Linear(4, 6), nn.Linear(6, 2)
        network = nn.Sequential(first, last)
        return network, lambda: last(InNumPy.apply(first(torch.ones(3, 4)), factor)).square().sum().backward()

    found, a, b = compared(make)
    assert found.cause is not None
    cause = found.cause
    assert (cause.kind, cause.operation.part, cause.operation.module) == ("inside or before", "backward", "0")
    assert "backward of `0`: inside or before `mm`" in sentence(found, a, b)


def test_weights_that_numpy_changed_are_something_that_no_operation_did():
    def make(factor):
        network = nn.Linear(2, 2)

        def step():
            network(torch.ones(1, 2))
            network.weight.detach().numpy()[:] *= np.float32(factor)

        return network, step

    found, a, b = compared(make)
    assert (found.cause, found.state.step, found.state.members) == (None, 1, ("weight",))
    assert sentence(found, a, b).startswith(
        "from step 1 on, the weights differ (weight), but all operations of step 0 are equal: it was something that "
        "PyTorch does not dispatch"
    )


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="compiling for a processor needs g++")
def test_compiled_code_stays_compiled_and_is_inside_or_before_the_next_operation():
    def make(factor):
        torch._dynamo.reset()
        counters.clear()
        first, last = nn.Linear(4, 6), nn.Linear(6, 2)
        network = nn.Sequential(torch.compile(nn.Sequential(first, Scaled(factor))), last)
        return network, lambda: network(torch.ones(3, 4)).square().sum().backward()

    found, a, _ = compared(make)
    assert (counters["stats"]["unique_graphs"], dict(counters["graph_break"])) == (1, {})
    assert not {"gelu.default", "mul.Tensor"} & {one.name for one in a.operations if one.part == "forward"}
    assert found.cause is not None
    cause = found.cause
    assert (cause.kind, cause.operation.part, cause.operation.module) == ("inside or before", "forward", "1")


class Scaled(nn.Module):
    """A layer that is fused into one kernel."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, inputs):
        return nn.functional.gelu(inputs) * self.factor
