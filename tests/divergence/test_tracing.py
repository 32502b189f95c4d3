"""`noisegrid.tracing`: a block of a user's code as a trace."""

import pytest
import torch
from torch import nn

import noisegrid
from noisegrid.cli import main
from noisegrid.divergence import trace


def block(scale=1.0):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2))
    optimizer = torch.optim.SGD(network.parameters(), 0.1)

    def run():
        (network(torch.ones(3, 4)) * scale).square().mean().backward()
        optimizer.step()

    return network, optimizer, run


@pytest.mark.parametrize("known", [True, False])
def test_two_blocks_are_compared(tmp_path, capsys, known):
    for name, scale in (("a", 1.0), ("same", 1.0), ("other", 2.0)):
        network, optimizer, run = block(scale)
        with noisegrid.tracing(tmp_path / f"{name}.trace", *((network, optimizer) if known else ())):
            run()
    assert main.main(["diverge", str(tmp_path / "a.trace"), str(tmp_path / "same.trace")]) == 0
    assert main.main(["diverge", str(tmp_path / "a.trace"), str(tmp_path / "other.trace")]) == 3
    assert "`mul` has other arguments (1.0 against 2.0)" in capsys.readouterr().out


def test_layers_have_their_paths_or_the_names_of_their_classes(tmp_path):
    found = []
    for known in (True, False):
        network, _, run = block()
        with noisegrid.tracing(tmp_path / "x.trace", *((network,) if known else ())):
            run()
        operations = trace.read(tmp_path / "x.trace").operations
        found.append({one.module for one in operations if one.name.startswith("addmm")})
    assert found == [{"0", "2"}, {"Sequential.Linear"}]


def test_a_block_that_fails_leaves_the_trace_of_what_ran(tmp_path):
    with pytest.raises(ZeroDivisionError), noisegrid.tracing(tmp_path / "x.trace"):
        torch.ones(2).exp()
        raise ZeroDivisionError
    assert [one.name for one in trace.read(tmp_path / "x.trace").operations] == ["ones.default", "exp.default"]
