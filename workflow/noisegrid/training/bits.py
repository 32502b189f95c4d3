"""A hash of the bits of a tensor, computed where the tensor is, so that a trace moves eight bytes per tensor.

Every word of eight bytes is mixed with its place before the sum, so a permuted tensor has another hash. Sums of
integers are exact in any order: the hash is the same on every device and with any number of threads. Words are hashed
in blocks, so that a block stays in the cache of a processor.
"""

from functools import cache

import numpy as np
import torch
from torch import Tensor

#: The number of words in a block, and the number of blocks that a GPU hashes at a time.
BLOCK, BLOCKS = 1 << 14, 256
MASK = (1 << 64) - 1
INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def tensor_hash(tensor: Tensor) -> Tensor:
    """Return a hash of the values of a tensor in the order of its indices, as one int64 on the tensor's device.

    Strides have no effect: a tensor in channels-last format has the hash of its contiguous copy. Shape and dtype are
    no part of the hash. A sparse or quantized tensor is hashed by its values alone.
    """
    words = _words(tensor)
    if words.device.type == "cpu":
        return torch.from_numpy(np.array(_hash_on_cpu(words.numpy()), np.int64))
    total = torch.zeros((), dtype=torch.int64, device=words.device)
    keys, factors = _tables_on(words.device)
    whole = len(words) // BLOCK * BLOCK
    for start in range(0, whole, BLOCK * BLOCKS):
        blocks = words[start : min(start + BLOCK * BLOCKS, whole)].view(-1, BLOCK)
        first = start // BLOCK
        weights = torch.tensor([block_factor(number) for number in range(first, first + len(blocks))])
        total += (_mixed(blocks, keys, factors) * weights.to(words.device)).sum()
    if rest := len(words) - whole:
        total += _mixed(words[whole:], keys[:rest], factors[:rest]) * block_factor(whole // BLOCK)
    return total


def _mixed(words: Tensor, keys: Tensor, factors: Tensor) -> Tensor:
    """Return the sum of the mixed words of each block."""
    mixed = (words ^ keys).mul_(factors)
    return mixed.bitwise_xor_(mixed >> 32).sum(-1)


def _hash_on_cpu(words: np.ndarray) -> int:
    """Return the same hash of an int64 array (words,). NumPy starts each operation sooner than PyTorch."""
    keys, factors = tables()
    mixed, shifted = np.empty((2, min(BLOCK, len(words))), np.int64)
    total = 0
    for number, start in enumerate(range(0, len(words), BLOCK)):
        size = min(BLOCK, len(words) - start)
        mixed, shifted = mixed[:size], shifted[:size]
        np.bitwise_xor(words[start : start + size], keys[:size], out=mixed)
        np.multiply(mixed, factors[:size], out=mixed)
        np.right_shift(mixed, 32, out=shifted)
        np.bitwise_xor(mixed, shifted, out=mixed)
        total += int(mixed.sum()) * block_factor(number)
    return signed(total & MASK)


@cache
def tables() -> tuple[np.ndarray, np.ndarray]:
    """Return, for each place in a block, the key and the odd factor with which its word is mixed, as int64 (BLOCK,)."""
    keys = np.array([signed(random_word(2 * place)) for place in range(BLOCK)], np.int64)
    factors = np.array([signed(random_word(2 * place + 1) | 1) for place in range(BLOCK)], np.int64)
    return keys, factors


@cache
def _tables_on(device: torch.device) -> tuple[Tensor, Tensor]:
    keys, factors = tables()
    return torch.from_numpy(keys).to(device), torch.from_numpy(factors).to(device)


@cache
def block_factor(number: int) -> int:
    """Return the odd factor of the sum of a block, as a signed integer."""
    return signed(random_word(-1 - number) | 1)


def random_word(counter: int) -> int:
    """Return a word of splitmix64 (Steele, Lea and Flood, OOPSLA 2014), as an unsigned integer."""
    word = (counter + 1) * 0x9E3779B97F4A7C15 & MASK
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 & MASK
    word = (word ^ word >> 27) * 0x94D049BB133111EB & MASK
    return word ^ word >> 31


def signed(word: int) -> int:
    """Return an unsigned word of 64 bits as a signed integer."""
    return word - (1 << 64) if word >> 63 else word


def _words(tensor: Tensor) -> Tensor:
    """Return the bits of a tensor as one dimension of int64; two elements of four bytes share a word."""
    bits = bits_of(tensor)
    if bits.element_size() != 4:
        return bits.to(torch.int64)
    if len(bits) % 2 or bits.storage_offset() % 2:  # a word of eight bytes begins at a multiple of eight bytes
        bits = torch.nn.functional.pad(bits, (0, len(bits) % 2)).clone()
    return bits.view(torch.int64)


def bits_of(tensor: Tensor) -> Tensor:
    """Return the bits of the values of a tensor, in the order of its indices, as one dimension of integers."""
    return integers(tensor).reshape(-1).contiguous()


def integers(tensor: Tensor) -> Tensor:
    """Return the bits of the values of a tensor as integers, in the shape of `plain`."""
    values = plain(tensor)
    values = values.to(torch.uint8) if values.dtype == torch.bool else values
    return values.view(INTEGERS[values.element_size()])


def plain(tensor: Tensor) -> Tensor:
    """Return the values of a tensor as a strided tensor of real numbers.

    A complex tensor has a last dimension of two, a quantized one is that of its integers, and the tensors of a nested
    one are filled up with zeros to one size.
    """
    tensor = tensor.detach()
    if tensor.is_nested:
        tensor = torch.nested.to_padded_tensor(tensor, 0)
    if tensor.layout != torch.strided:
        tensor = tensor.to_dense()
    if tensor.is_quantized:
        tensor = tensor.int_repr()
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor.resolve_conj())
    return tensor.resolve_neg()
