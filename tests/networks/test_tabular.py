"""The MLP for tables: numbers pass unchanged, and each category of each column has an embedding of its own."""

import pytest
import torch

from noisegrid.common.errors import NoisegridError
from noisegrid.networks.tabular import table_mlp
from noisegrid.training.weights import load_weights, weights_of

#: A number, a column of three categories, another number, and a column of two categories.
SHAPE = {"classes": 2, "columns": [0, 3, 0, 2], "width": 5, "depth": 2, "embedding": 4}


def inputs_of(network, row):
    """Return what the first layer of a network gets for a row."""
    seen = []
    network.layers[0].register_forward_hook(lambda layer, inputs, output: seen.append(inputs[0]))
    network(torch.tensor([row]))
    return seen[0][0]


def drawn(seed, **options):
    torch.manual_seed(seed)
    return table_mlp(**{**SHAPE, **options})


def test_parameters_by_hand():
    inputs = 2 + 2 * 4  # two numbers, two embeddings
    by_hand = (3 + 2) * 4 + inputs * 5 + 5 + 5 * 5 + 5 + 5 * 2 + 2
    assert sum(parameter.numel() for parameter in drawn(1).parameters()) == by_hand == 117


def test_a_row_is_its_numbers_and_the_embeddings_of_its_categories():
    network = drawn(1)
    table = network.embedding.weight
    found = inputs_of(network, [0.5, 2.0, -1.5, 1.0])
    assert torch.equal(found, torch.cat([torch.tensor([0.5, -1.5]), table[2], table[3 + 1]]))


def test_equal_codes_of_two_columns_have_different_embeddings():
    first, second = inputs_of(drawn(1), [0.0, 1.0, 0.0, 1.0])[2:].split(4)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("columns", [[0, 0, 0], [4, 2], [7]])
def test_a_table_may_have_only_numbers_or_only_categories(columns):
    network, rows = drawn(1, columns=columns), torch.zeros(3, len(columns))
    network(rows).sum().backward()
    assert network(rows).shape == (3, 2)


def test_every_category_of_a_batch_gets_a_gradient_and_no_other():
    network = drawn(1)
    network(torch.tensor([[0.0, 0.0, 0.0, 1.0], [0.0, 2.0, 0.0, 1.0]])).sum().backward()
    assert network.embedding.weight.grad.abs().sum(1).bool().tolist() == [True, False, True, False, True]


def test_initial_weights_follow_from_the_seed_alone_and_round_trip():
    first, second = weights_of(drawn(1)), drawn(2)
    assert weights_of(drawn(1)).hash == weights_of(drawn(1, dropout=0.5)).hash == first.hash
    assert weights_of(second).hash != first.hash
    load_weights(second, first)
    assert weights_of(second).hash == first.hash


def test_an_embedding_has_about_length_one():
    network = drawn(1, columns=[1000], embedding=16)
    assert network.embedding.weight.norm(dim=1).square().mean().item() == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize("columns", [[], [0, -1]])
def test_columns_that_no_table_has_are_refused(columns):
    with pytest.raises(NoisegridError, match=r"network table_mlp: columns are \[.*\]; give one whole number for each"):
        drawn(1, columns=columns)
