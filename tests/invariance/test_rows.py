"""The row of one example is found in every tensor, wherever its axis is."""

import torch
from torch import nn

from noisegrid.divergence.trace import Operation, Value
from noisegrid.invariance.rows import UNCOMPARED, WHOLE, Axes, axes_of, example_operations


def operation(name: str, *shapes: tuple[int, ...]) -> Operation:
    values = [Value(shape, "float32", "", ()) for shape in shapes]
    return Operation(name, "", "forward", "", tuple(values[:-1]), (values[-1],))


def test_the_axis_is_the_one_that_grows_with_the_examples():
    def run(count: int) -> list[Operation]:
        return [
            operation("addmm", (4,), (count, 4), (4, 4), (count, 4)),  # a weight of 4 x 4, also in a batch of 4
            operation("bmm", (5, 3 * count, 2), (7, count, 1), (5, 3 * count, 2)),  # heads; the sequence first
            operation("mm", (count, 8), (8, count), (count, count)),  # similarities of all examples
            operation("sum", (count, 8), ()),
        ]

    assert axes_of(run(2), run(3), run(4), 4) == [
        Axes((WHOLE, 0, WHOLE), (0,)),
        Axes((1, 1), (1,)),
        Axes((0, 1), (UNCOMPARED,)),
        Axes((0,), (WHOLE,)),
    ]


def test_an_operation_that_two_examples_do_not_run_has_its_examples_first():
    add, extra = operation("add", (2, 4), (2, 4)), operation("nextafter", (6, 4), (5, 4), (6, 4))
    whole = [operation("add", (6, 4), (6, 4)), extra]
    assert axes_of([add], [operation("add", (3, 4), (3, 4))], whole, 6)[1] == Axes((0, WHOLE), (0,))


def test_only_the_row_of_the_example_counts():
    """The sequence comes first, so the axis of the examples is the second; the row is traced at both of its places."""
    network = nn.Sequential(nn.Flatten(1), nn.Linear(6, 4), nn.ReLU())
    for parameter in network.parameters():
        nn.init.constant_(parameter, 2.0)

    def evaluate(batch: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return network(batch) + batch.movedim(0, 1).sum(0)[:, :1].movedim(0, 1).sum(0).view(-1, 1)

    batch = torch.arange(5 * 6.0).view(5, 2, 3)
    moved = batch[[4, 0, 1, 2, 3]]
    here, there = (example_operations(evaluate, network, *at) for at in ((batch, 1), (moved, 2)))
    assert here == there
    assert [one.module for one in here if one.name == "relu.default"] == ["2"]
    batch[3] += 1  # a neighbour
    assert example_operations(evaluate, network, batch, 1) == here
    batch[1, 1, 2] += 1  # the example itself
    assert example_operations(evaluate, network, batch, 1)[0].inputs != here[0].inputs


def test_no_tensor_of_a_transformer_is_left_out():
    network = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    network.train()  # in inference, PyTorch runs the whole layer as one operation

    def evaluate(batch: torch.Tensor) -> torch.Tensor:
        return network(batch).detach()

    found = example_operations(evaluate, network, torch.randn(4, 3, 8), 2)
    assert len(found) > 10
    assert all(value.shape != (0,) for one in found for value in (*one.inputs, *one.outputs))
