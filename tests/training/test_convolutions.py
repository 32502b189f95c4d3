"""Freeing cuDNN alone: which operators see deterministic algorithms, forward and backward."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from noisegrid.training.convolutions import FreeConvolutions, convolutions_of


class Seen(TorchDispatchMode):
    """Record, for each operator, whether deterministic algorithms were on when it ran."""

    def __init__(self):
        super().__init__()
        self.found = {}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        self.found.setdefault(name, set()).add(torch.are_deterministic_algorithms_enabled())
        return function(*args, **kwargs or {})


class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect")
        self.weight = nn.Parameter(torch.randn(5, 4, 3, 3))
        self.up = nn.ConvTranspose2d(5, 2, 2)

    def forward(self, x):
        x = F.conv2d(torch.relu(self.layer(x)), self.weight, padding="same")
        single = F.conv2d(x[0], self.weight.transpose(0, 1))  # an image without a batch: a view follows the convolution
        return self.up(x).sum() + single.sum()


@pytest.fixture(autouse=True)
def strict():
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def seen(context=None):
    watch, network, images = Seen(), Functional(), torch.randn(2, 3, 8, 8, requires_grad=True)
    with watch:
        if context is None:
            network(images).backward()
        else:
            with context:
                network(images).backward()
    return watch.found


def test_only_convolutions_run_without_deterministic_algorithms():
    found = seen(FreeConvolutions())
    convolutions = {name for name in found if name.startswith("convolution")}
    assert convolutions == {"convolution", "convolution_backward"}
    assert {name for name, states in found.items() if states == {False}} == convolutions
    mixed = {name for name, states in found.items() if len(states) > 1}
    assert mixed <= {"squeeze", "unsqueeze"}  # views inside a convolution of an image without a batch
    assert {"reflection_pad2d_backward", "relu", "threshold_backward"} <= found.keys()
    assert torch.are_deterministic_algorithms_enabled()


def test_without_the_context_convolutions_are_deterministic_too():
    assert all(states == {True} for states in seen().values())


def test_a_convolution_that_fails_leaves_deterministic_algorithms_on():
    with FreeConvolutions(), pytest.raises(RuntimeError):
        F.conv2d(torch.ones(1, 3, 4, 4), torch.ones(1, 2, 3, 3))
    assert torch.are_deterministic_algorithms_enabled()


def test_gradients_are_those_of_the_network_without_the_context():
    network, images = Functional(), torch.randn(2, 3, 8, 8)
    network(images).backward()
    plain = [parameter.grad.clone() for parameter in network.parameters()]
    network.zero_grad()
    with FreeConvolutions():
        network(images).backward()
    assert all(torch.equal(a, b.grad) for a, b in zip(plain, network.parameters(), strict=True))


@pytest.mark.parametrize(
    ("flags", "free"),
    [
        ({"deterministic": True, "cudnn_deterministic": False}, True),
        ({"deterministic": True}, False),
        ({"deterministic": False, "cudnn_deterministic": True}, False),
    ],
)
def test_the_switches_say_whether_convolutions_are_free(flags, free):
    assert isinstance(convolutions_of(flags), FreeConvolutions) is free
