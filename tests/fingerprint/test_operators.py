"""The list of operators: unique, complete for the trained networks, and sensitive to what it must notice."""

from collections import Counter

import pytest
import torch
from torch.amp.grad_scaler import GradScaler
from torch.utils._python_dispatch import TorchDispatchMode

from noisegrid.fingerprint import networks, operators
from noisegrid.fingerprint.operators import INITIALISERS, OPERATORS, Operator
from noisegrid.fingerprint.probe import bits_of
from noisegrid.networks.build import build
from noisegrid.study.resolve import hardware_settings
from noisegrid.study.settings import Hardware, Optimizer
from noisegrid.training.optimizers import optimizer_of
from noisegrid.training.step import training_step

CPU = Hardware.of(hardware_settings("cpu", ""))


class Called(TorchDispatchMode):
    """Collects the names of the operators that are called."""

    def __init__(self):
        super().__init__()
        self.names = set[str]()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        """Note an operator and run it."""
        self.names.add(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


def step_of(network: torch.nn.Module, size: int, channels: int = 1) -> None:
    """Run a training step on two images."""
    optimizer = optimizer_of(network.train(), Optimizer("adam", 0.01))
    inputs, labels = torch.ones(2, channels, size, size), torch.tensor([0, 1])
    training_step(network, optimizer, GradScaler("cpu", enabled=False), inputs, labels, "fp32")


def small(operator: Operator) -> bool:
    """Whether an operator takes little time."""
    return "resnet" not in operator.name and sum(torch.Size(s).numel() for s in operator.shapes) < 200_000


@pytest.fixture(scope="module")
def probed() -> set[str]:
    """Return the names of all operators that the probe calls, apart from whole networks."""
    with Called() as called:
        for operator in filter(small, OPERATORS):
            list(bits_of(operator, CPU))
    return called.names


def test_names_with_shapes_are_unique():
    everything = [*OPERATORS, *INITIALISERS, *networks.training(CPU), *networks.initial_weights()]
    assert max(Counter((each.name, each.shape) for each in everything).values()) == 1


@pytest.mark.parametrize(
    ("reference", "options"),
    [
        ("noisegrid.networks.paper:small_cnn", {"batch_norm": True, "dropout": 0.1, "size": 8}),
        ("noisegrid.networks.paper:resnet18", {"size": 32}),
        ("noisegrid.networks.pyramid:pyramid", {"size": 8}),
    ],
)
def test_every_operator_of_a_trained_network_is_probed(probed, reference, options):
    """Each operator that a training step calls is called by an operator of the list (not by a whole network)."""
    network = build(reference, classes=10, channels=1, **options)
    with Called() as called:
        step_of(network, options["size"])
    assert called.names - probed <= {"empty", "ones"}  # which compute nothing
    assert "convolution_backward" in called.names & probed


def test_the_hash_shows_one_bit():
    """A negative control: a result that is moved by one unit in the last place has another hash."""

    def moved(x: torch.Tensor) -> torch.Tensor:
        found = x.clone()
        found[3] = torch.nextafter(found[3], torch.tensor(2.0))
        return found

    first, second = (
        {each.direction: each.value for each in bits_of(Operator("copy", ((7,),), compute, backward=False), CPU)}
        for compute in (torch.clone, moved)
    )
    assert first["inputs"] == second["inputs"] and first["forward"] != second["forward"]


def test_a_convolution_is_padded_like_in_the_networks():
    wide = operators.convolution(2, 3, 8, 4, 3, dilation=2)
    assert wide.shape == "2x3x8x8 4x3x3x3" and wide.name == "convolution 3x3 dilation 2"
    assert wide.compute(torch.zeros(2, 3, 8, 8), torch.zeros(4, 3, 3, 3)).shape == (2, 4, 8, 8)
    patches = operators.convolution(2, 3, 64, 4, 16, stride=16)
    assert patches.compute(torch.zeros(2, 3, 64, 64), torch.zeros(4, 3, 16, 16)).shape == (2, 4, 4, 4)


def test_an_update_hashes_weights_and_state():
    adam = next(each for each in OPERATORS if each.name == "Adam, fused")
    found = adam.compute(torch.zeros(4), torch.ones(4))
    assert found.shape == (3, 4)  # weights, and the two running means
    assert torch.allclose(found[0], torch.full((4,), -0.03), rtol=1e-4)  # three steps of the learning rate 0.01
    assert torch.allclose(found[1], torch.full((4,), 1 - 0.9**3))
