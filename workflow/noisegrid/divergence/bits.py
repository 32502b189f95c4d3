"""A hash of the bits of a tensor, computed where the tensor is, so that a trace moves eight bytes per tensor.

Every element is mixed with its position before the sum, so a permuted tensor has another hash. Sums of integers are
exact in any order: the hash is the same on every device and with any number of threads.
"""

import torch
from torch import Tensor

#: The elements that are hashed at a time, which bounds the memory of the hash.
PIECE = 1 << 20
#: Multipliers of splitmix64 (Steele, Lea and Flood, OOPSLA 2014), as signed integers.
MIX_1, MIX_2 = 0xBF58476D1CE4E5B9 - (1 << 64), 0x94D049BB133111EB - (1 << 64)
#: The increment of splitmix64's counter, which makes the word of each position.
STEP = 0x9E3779B97F4A7C15 - (1 << 64)
INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def tensor_hash(tensor: Tensor) -> Tensor:
    """Return a hash of the values of a tensor in the order of its indices, as one int64 on the tensor's device.

    Strides have no effect: a tensor in channels-last format has the hash of its contiguous copy. Shape and dtype are
    no part of the hash. A sparse or quantized tensor is hashed by its values alone.
    """
    words = _words(tensor.detach())
    total = torch.zeros((), dtype=torch.int64, device=words.device)
    for start in range(0, len(words), PIECE):
        piece = words[start : start + PIECE]
        place = torch.arange(start + 1, start + 1 + len(piece), device=piece.device)
        total += _mixed(piece + place * STEP).sum()
    return total


def _words(tensor: Tensor) -> Tensor:
    """Return the bits of a tensor as one dimension of int64; two elements of four bytes share a word."""
    if tensor.layout != torch.strided:
        tensor = tensor.to_dense()
    if tensor.is_quantized:
        tensor = tensor.int_repr()
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor.resolve_conj())
    flat = tensor.resolve_neg().reshape(-1).contiguous()
    flat = flat.to(torch.uint8) if flat.dtype == torch.bool else flat
    bits = flat.view(INTEGERS[flat.element_size()])
    if bits.element_size() == 4:
        bits = torch.nn.functional.pad(bits, (0, len(bits) % 2))
        return bits.view(torch.int64)
    return bits.to(torch.int64)


def _mixed(words: Tensor) -> Tensor:
    """Return the finaliser of splitmix64 of each word; it changes its argument."""
    words ^= (words >> 30) & ((1 << 34) - 1)  # >> repeats the sign, so the bits that it moved in are cut off
    words *= MIX_1
    words ^= (words >> 27) & ((1 << 37) - 1)
    words *= MIX_2
    words ^= (words >> 31) & ((1 << 33) - 1)
    return words
