"""Memory that a task needs: counted by hand for a network small enough, and the catalog's numbers recomputed."""

import pytest
import torch
from torch import nn

from noisegrid.documents import catalog
from noisegrid.memory import _kept_for_backward, training_bytes
from noisegrid.study import resolve_tasks


def test_two_dense_layers_by_hand():
    with torch.device("meta"):
        network = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 2))
        inputs = torch.empty(16, 8)
    # kept: the input (16 x 8) for the first weight's gradient, ReLU's output (16 x 4), which is the second's input too
    assert _kept_for_backward(network, inputs) == 4 * (16 * 8 + 16 * 4)


def test_a_network_of_twice_the_batch_keeps_twice_as_much():
    task = resolve_tasks({}, "catalog")["smallcnn-cifar10"]
    small, large = (training_bytes(task | {"batch_size": n}, (10, 3, 32)) for n in (64, 128))
    weights = 4 * 4 * 15_722  # float32; weights, gradients, Adam's two moments
    assert large - weights == 2 * (small - weights)


@pytest.mark.parametrize("name", resolve_tasks({}, "catalog"))
def test_the_catalogs_numbers_are_those_counted(name):
    task = resolve_tasks({}, "catalog")[name]
    dataset = catalog("datasets")[task["dataset"]]
    need = training_bytes(task, (dataset["classes"], dataset["channels"], dataset["size"])) / 1e9
    assert task["memory_gb"] == pytest.approx(need, rel=0.2 if need > 0.1 else 1.0, abs=1e-3)
