"""The hash of a tensor: the same as hand-written integer arithmetic, and sensitive to every bit and every place."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from noisegrid.training import bits
from noisegrid.training.bits import random_word, signed, tables, tensor_hash

MASK = (1 << 64) - 1


def by_hand(words: list[int]) -> int:
    """The sum of mixed words, in Python's integers."""
    total = 0
    for place, word in enumerate(words):
        block, inside = divmod(place, bits.BLOCK)
        mixed = (((word & MASK) ^ random_word(2 * inside)) * (random_word(2 * inside + 1) | 1)) & MASK
        mixed ^= (signed(mixed) >> 32) & MASK
        total += mixed * (random_word(-1 - block) | 1)
    return signed(total & MASK)


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of four words, so that a few words make several blocks."""
    monkeypatch.setattr(bits, "BLOCK", 4)
    tables.cache_clear()
    yield
    tables.cache_clear()


def test_the_random_words_are_those_of_the_source():
    """The first outputs of splitmix64 with the seed 0, as published with its code."""
    assert [random_word(n) for n in range(3)] == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 8, 21])
def test_several_blocks_are_summed(small_blocks, count):
    words = [place * 7 - 40 for place in range(count)]
    assert int(tensor_hash(torch.tensor(words, dtype=torch.int64))) == by_hand(words)


@given(st.lists(st.integers(-(1 << 63), (1 << 63) - 1), max_size=20))
def test_it_is_the_arithmetic_that_its_source_states(words):
    assert int(tensor_hash(torch.tensor(words, dtype=torch.int64))) == by_hand(words)


@given(st.lists(st.floats(width=32), max_size=21))
def test_two_floats_of_four_bytes_share_a_word(values):
    pairs = np.pad(np.array(values, np.float32), (0, len(values) % 2)).view(np.int64)
    assert int(tensor_hash(torch.tensor(values, dtype=torch.float32))) == by_hand(pairs.tolist())


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64, torch.bool]
)
def test_every_bit_and_every_place_count(dtype):
    tensor = torch.arange(99, dtype=torch.float32).to(dtype)
    tensor[50] = 0
    changed, swapped = tensor.clone(), tensor.clone()
    changed[50] = 1
    swapped[50], swapped[51] = tensor[51], tensor[50]
    found = {int(tensor_hash(one)) for one in (tensor, changed, swapped)}
    assert len(found) == 3


def test_a_permuted_batch_has_another_hash_and_a_strided_one_has_not():
    batch = torch.randn(8, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    assert int(tensor_hash(batch)) != int(tensor_hash(batch.flip(0)))
    assert int(tensor_hash(batch)) == int(tensor_hash(batch.contiguous(memory_format=torch.channels_last)))


def test_small_changes_of_opposite_signs_do_not_cancel():
    """A sum of bits weighted by place would: +1 ULP at places 1 and 7, -1 ULP at places 3 and 5."""
    ones = torch.ones(8)
    moved = ones.clone().view(torch.int32)
    moved += torch.tensor([1, 0, -1, 0, -1, 0, 1, 0], dtype=torch.int32)
    assert int(tensor_hash(ones)) != int(tensor_hash(moved.view(torch.float32)))


def test_two_equal_blocks_that_change_places_count(small_blocks):
    one, other = torch.arange(4), torch.arange(4, 8)
    assert int(tensor_hash(torch.cat([one, other]))) != int(tensor_hash(torch.cat([other, one])))


def test_a_view_that_begins_at_an_odd_place_has_the_hash_of_its_copy():
    tensor = torch.randn(10, generator=torch.Generator().manual_seed(0))
    assert int(tensor_hash(tensor[1:])) == int(tensor_hash(tensor[1:].clone()))
    assert int(tensor_hash(tensor[1:9])) == int(tensor_hash(tensor[1:9].clone()))


@pytest.mark.parametrize(
    "tensor",
    [torch.zeros(0), torch.tensor(1.5), torch.complex(torch.ones(3), torch.zeros(3)).conj(), torch.eye(3).to_sparse()],
)
def test_unusual_tensors_have_a_hash(tensor):
    assert tensor_hash(tensor).shape == ()
