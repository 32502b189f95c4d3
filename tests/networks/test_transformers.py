"""Transformers: parameters counted by hand, what a token may see, and initial weights that the seed decides."""

import math

import pytest
import torch
from torch import nn

from noisegrid.common.errors import NoisegridError
from noisegrid.networks.transformers import INITIAL_STD, Attention, gpt, vit
from noisegrid.training.weights import weights_of

#: One block of width 192: two layer norms, attention (192 -> 3 x 192 and 192 -> 192), MLP (192 -> 768 -> 192).
BLOCK = 2 * 2 * 192 + 192 * 576 + 576 + 192 * 192 + 192 + 192 * 768 + 768 + 768 * 192 + 192
SMALL_VIT = {"classes": 10, "channels": 1, "size": 8, "patch": 4, "width": 12, "depth": 2, "heads": 3}
SMALL_GPT = {"classes": 7, "context": 6, "width": 12, "depth": 2, "heads": 3}


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def drawn(builder, seed, **options):
    torch.manual_seed(seed)
    return builder(**options)


def test_the_defaults_are_deit_tinys_sizes():
    # DeiT-Ti has 5,717,416 parameters (timm, deit_tiny_patch16_224): a class token and its position more
    patches, positions, norm, head = 3 * 16 * 16 * 192 + 192, 196 * 192, 2 * 192, 192 * 1000 + 1000
    by_hand = patches + positions + 12 * BLOCK + norm + head
    assert count(vit(1000, 3, 224, 16)) == by_hand == 5_717_416 - 2 * 192


def test_a_decoder_counts_its_embedding_once():
    by_hand = 80 * 192 + 256 * 192 + 4 * BLOCK + 2 * 192
    assert count(gpt(80, 256, 192, 4, 3)) == by_hand == 1_844_352


@pytest.mark.parametrize(("channels", "size", "patch"), [(1, 8, 2), (1, 28, 4), (3, 32, 8)])
def test_a_vision_transformer_takes_every_image_size(channels, size, patch):
    network = vit(**{**SMALL_VIT, "channels": channels, "size": size, "patch": patch})
    assert network.positions.shape == ((size // patch) ** 2, 12)
    assert network(torch.zeros(2, channels, size, size)).shape == (2, 10)


def test_a_vision_transformer_averages_over_patches_in_their_places():
    network, images = drawn(vit, 1, **SMALL_VIT).eval(), torch.rand(2, 1, 8, 8)
    swapped = torch.cat([images[:, :, 4:], images[:, :, :4]], dim=2)
    assert not torch.allclose(network(images), network(swapped), atol=1e-6)
    nn.init.zeros_(network.positions)  # without places, the order of the patches cannot matter
    assert torch.allclose(network(images), network(swapped), atol=1e-6)


def test_a_later_token_changes_no_earlier_logit():
    network, tokens = drawn(gpt, 1, **SMALL_GPT).eval(), torch.randint(7, (3, 6))
    before = network(tokens)
    for place in range(6):
        changed = tokens.clone()
        changed[:, place] = (changed[:, place] + 1) % 7
        after = network(changed)
        assert torch.equal(after[:, :place], before[:, :place])
        assert (after[:, place:] != before[:, place:]).any(dim=2).all()  # it does change its own and all later ones


def test_a_network_that_sees_the_future_is_noticed():
    network, tokens = drawn(gpt, 1, **SMALL_GPT).eval(), torch.zeros(1, 6, dtype=torch.int64)
    for module in network.modules():
        if isinstance(module, Attention):
            module.causal = False
    changed = tokens.clone()
    changed[:, -1] = 1
    assert not torch.equal(network(changed)[:, 0], network(tokens)[:, 0])


def test_a_decoder_takes_shorter_sequences_and_one_logit_for_each_token():
    network, tokens = drawn(gpt, 1, **SMALL_GPT).eval(), torch.randint(7, (3, 6))
    assert network(tokens).shape == (3, 6, 7)
    assert torch.allclose(network(tokens[:, :4]), network(tokens)[:, :4], atol=1e-6)


def test_attention_is_softmax_of_products_by_hand():
    layer, x = Attention(width=4, heads=2, causal=True), torch.randn(1, 3, 4)
    queries, keys, values = layer.inputs(x)[0].split(4, dim=1)
    rows = []
    for head in (slice(0, 2), slice(2, 4)):
        scores = queries[:, head] @ keys[:, head].T / math.sqrt(2)
        scores[torch.ones(3, 3).triu(1).bool()] = -math.inf
        rows.append(scores.softmax(1) @ values[:, head])
    assert torch.allclose(layer(x)[0], layer.output(torch.cat(rows, dim=1)), atol=1e-6)


@pytest.mark.parametrize(("builder", "options"), [(vit, SMALL_VIT), (gpt, SMALL_GPT)])
def test_initial_weights_follow_from_the_seed_alone(builder, options):
    first = weights_of(drawn(builder, 1, **options)).hash
    torch.rand(5)
    assert weights_of(drawn(builder, 1, **options)).hash == first
    assert weights_of(drawn(builder, 2, **options)).hash != first
    assert weights_of(drawn(builder, 1, **options, dropout=0.5)).hash == first


def test_initial_weights_are_of_a_truncated_normal_distribution():
    network = vit(10, 3, 32, 4)
    block = network.blocks[0]
    for weight in (network.positions, block.attention.inputs.weight, block.widen.weight, block.narrow.weight):
        assert weight.std().item() == pytest.approx(INITIAL_STD, rel=0.05)
    assert network.patches.weight.std().item() == pytest.approx(1 / math.sqrt(3 * 4 * 4), rel=0.05)
    biases = [module.bias for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    assert len(biases) == 1 + 12 * 4 + 1 and not any(bias.any() for bias in biases)


def test_what_a_decoder_adds_to_its_tokens_starts_smaller():
    block = gpt(80, 32, 192, 8, 3).blocks[3]
    assert block.widen.weight.std().item() == pytest.approx(INITIAL_STD, rel=0.05)
    for added in (block.attention.output, block.narrow):
        assert added.weight.std().item() == pytest.approx(INITIAL_STD / 4, rel=0.05)  # 2 x 8 layers are added


@pytest.mark.parametrize(("builder", "options"), [(vit, SMALL_VIT), (gpt, SMALL_GPT)])
def test_dropout_draws_in_training_only(builder, options):
    network = builder(**options, dropout=0.5)
    inputs = torch.rand(2, 1, 8, 8) if builder is vit else torch.zeros(2, 6, dtype=torch.int64)
    assert not torch.equal(network(inputs), network(inputs))
    network.eval()
    assert torch.equal(network(inputs), network(inputs))


def test_impossible_sizes_are_refused_in_one_sentence():
    with pytest.raises(NoisegridError, match="images of 28 pixels cannot be cut into patches of 16; set network_opt"):
        vit(10, 1, 28, 16)
    for build in (lambda: vit(10, 1, 28, 4, heads=5), lambda: gpt(7, 8, 192, 2, 5)):
        with pytest.raises(NoisegridError, match=r"width 192 cannot have 5 heads; set network_options\.heads"):
            build()
