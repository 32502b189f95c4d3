"""The paper's networks: parameter counts as in the artifact, initialisers as in Keras."""

import math

import pytest
import torch

from noisegrid.common.errors import NoisegridError
from noisegrid.networks.build import build
from noisegrid.networks.paper import resnet18, resnet50, small_cnn
from noisegrid.training.weights import load_weights, weights_of

SHAPE = {"classes": 10, "channels": 3, "size": 32, "dropout": 0.0}


def count(network: torch.nn.Module, buffers: bool = False) -> int:
    tensors = list(network.parameters()) + [b for b in network.buffers() if buffers and b.is_floating_point()]
    return sum(tensor.numel() for tensor in tensors)


def test_parameter_counts_are_the_artifacts():
    assert count(small_cnn(**SHAPE, batch_norm=False)) == 15_722
    assert count(small_cnn(**SHAPE, batch_norm=True), buffers=True) == 16_042
    assert count(resnet18(**SHAPE)) == 11_173_962
    assert count(resnet18(**SHAPE), buffers=True) == 11_183_562
    assert count(resnet18(**{**SHAPE, "classes": 100}), buffers=True) == 11_229_732
    assert count(resnet18(**{**SHAPE, "classes": 40, "size": 128}), buffers=True) == 11_506_152


@pytest.mark.parametrize("size", [8, 28, 32])
def test_networks_take_every_image_size(size):
    images = torch.zeros(2, 1, size, size)
    for builder in (lambda **s: small_cnn(**s, batch_norm=True), resnet18):
        assert builder(**{**SHAPE, "channels": 1, "size": size})(images).shape == (2, 10)


def test_resnet18_for_celeba_and_resnet50_run():
    assert resnet18(**{**SHAPE, "classes": 40, "size": 128})(torch.zeros(1, 3, 128, 128)).shape == (1, 40)
    assert resnet50(**{**SHAPE, "classes": 7, "size": 224}).eval()(torch.zeros(1, 3, 224, 224)).shape == (1, 7)


def test_initialisers_are_glorot_uniform_and_zero():
    layer = next(m for m in resnet18(**SHAPE).modules() if isinstance(m, torch.nn.Conv2d) and m.in_channels == 256)
    bound = math.sqrt(6 / (9 * 256 + 9 * layer.out_channels))
    assert layer.weight.abs().max() <= bound
    assert layer.weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.01)
    linear = [m for m in small_cnn(**SHAPE, batch_norm=False).modules() if isinstance(m, torch.nn.Linear)]
    assert all(not module.bias.any() for module in linear)


def test_equal_shaped_layers_start_different():
    """The artifact gives every layer the same seed when init is held; ours come from one stream."""
    convolutions = [m.weight for m in resnet18(**SHAPE).modules() if isinstance(m, torch.nn.Conv2d)]
    same_shape = [w for w in convolutions if w.shape == (64, 64, 3, 3)]
    assert len(same_shape) == 4
    assert not any(torch.equal(same_shape[0], other) for other in same_shape[1:])


def test_batch_norm_is_keras():
    norms = [m for m in resnet18(**SHAPE).modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert {(m.eps, m.momentum) for m in norms} == {(1e-3, 0.01)}


def test_relu_after_pooling_is_relu_before_it_to_the_bit():
    x = torch.randn(4, 16, 8, 8, requires_grad=True)
    y = x.detach().clone().requires_grad_()
    after, before = torch.relu(torch.max_pool2d(x, 2)), torch.max_pool2d(torch.relu(y), 2)
    assert torch.equal(after, before)
    (after**2).sum().backward()
    (before**2).sum().backward()
    assert torch.equal(x.grad, y.grad)


def test_weights_round_trip():
    first, second = small_cnn(**SHAPE, batch_norm=True), small_cnn(**SHAPE, batch_norm=True)
    assert weights_of(first).hash != weights_of(second).hash
    load_weights(second, weights_of(first))
    assert weights_of(first).hash == weights_of(second).hash
    layout = weights_of(first).layout
    assert [part["kind"] for part in layout] == sorted((part["kind"] for part in layout), reverse=True)


def test_a_builder_that_cannot_be_used_is_named():
    with pytest.raises(NoisegridError, match=r"network no\.such:thing: cannot be imported"):
        build("no.such:thing")
    with pytest.raises(NoisegridError, match="returned dict, not a torch"):
        build("builtins:dict")
