"""The hash of a tensor: the same as hand-written integer arithmetic, and sensitive to every bit and every place."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from noisegrid.divergence import bits
from noisegrid.divergence.bits import tensor_hash

MASK = (1 << 64) - 1


def by_hand(words: list[int]) -> int:
    """splitmix64's finaliser of word + place times golden gamma, in Python's integers."""
    total = 0
    for place, word in enumerate(words, 1):
        z = (word + place * 0x9E3779B97F4A7C15) & MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        total = (total + (z ^ (z >> 31))) & MASK
    return total - (1 << 64) if total >> 63 else total


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


def test_pieces_give_the_hash_of_the_whole(monkeypatch):
    tensor = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    whole = int(tensor_hash(tensor))
    monkeypatch.setattr(bits, "PIECE", 7)
    assert int(tensor_hash(tensor)) == whole


@pytest.mark.parametrize(
    "tensor",
    [torch.zeros(0), torch.tensor(1.5), torch.complex(torch.ones(3), torch.zeros(3)).conj(), torch.eye(3).to_sparse()],
)
def test_unusual_tensors_have_a_hash(tensor):
    assert tensor_hash(tensor).shape == ()
