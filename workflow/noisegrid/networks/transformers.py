"""Transformers: a vision transformer for images and a decoder for tokens, beyond the paper.

Both put layer norm before attention and before the MLP. Attention runs through scaled_dot_product_attention, for which
PyTorch has several kernels (its SDPA backends); the source `sdpa_backend` chooses among them.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from noisegrid.common.errors import NoisegridError

#: Hidden units of an MLP per unit of the width.
MLP_RATIO = 4
#: The standard deviation of initial weights, of the truncated normal distribution that BERT, ViT and DeiT use.
INITIAL_STD = 0.02


def vit(
    classes: int,
    channels: int,
    size: int,
    patch: int,
    width: int = 192,
    depth: int = 12,
    heads: int = 3,
    dropout: float = 0.0,
) -> nn.Module:
    """Build a vision transformer; see VisionTransformer. The defaults are the sizes of DeiT-Ti.

    Raises
    ------
    NoisegridError
        If the size is not divisible by `patch`, or the width by `heads`.
    """
    if size % patch:
        raise NoisegridError(
            f"network vit: images of {size} pixels cannot be cut into patches of {patch}; set network_options.patch of "
            f"the task to a divisor of {size}"
        )
    return initialised(VisionTransformer(classes, channels, size, patch, width, depth, heads, dropout))


def gpt(classes: int, context: int, width: int, depth: int, heads: int, dropout: float = 0.0) -> nn.Module:
    """Build a decoder that predicts the next token; see Decoder.

    Raises
    ------
    NoisegridError
        If the width is not divisible by `heads`.
    """
    return initialised(Decoder(classes, context, width, depth, heads, dropout))


class VisionTransformer(nn.Module):
    """A vision transformer that averages over its patches; it has no class token.

    Parameters
    ----------
    classes, channels, size : int
        The number of classes, and the number of channels and the size in pixels of the images.
    patch : int
        The size of a patch in pixels.
    width, depth, heads : int
        The values of a token, the number of blocks, and the heads of attention in a block.
    dropout : float
        The dropout rate of the tokens and of the output of each attention and MLP. There is no dropout inside
        attention, which PyTorch's fused kernel for the CPU lacks.
    """

    def __init__(
        self, classes: int, channels: int, size: int, patch: int, width: int, depth: int, heads: int, dropout: float
    ) -> None:
        super().__init__()
        self.patches = nn.Conv2d(channels, width, patch, stride=patch)
        self.positions = nn.Parameter(torch.empty((size // patch) ** 2, width))
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.Sequential(*(Block(width, heads, dropout) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.dense = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map a batch of images (N, C, H, W) to logits (N, classes)."""
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        tokens = self.blocks(self.dropout(tokens + self.positions))
        logits: Tensor = self.dense(self.norm(tokens).mean(dim=1))
        return logits


class Decoder(nn.Module):
    """A decoder in the style of GPT-2: a token sees itself and those before it, and predicts the next one.

    As in GPT-2, the embedding of a token is also its row of the output layer.

    Parameters
    ----------
    classes, context : int
        The number of different tokens, and the number of tokens of a sequence.
    width, depth, heads : int
        The values of a token, the number of blocks, and the heads of attention in a block.
    dropout : float
        The dropout rate of the tokens and of the output of each attention and MLP, and not inside attention.
    """

    def __init__(self, classes: int, context: int, width: int, depth: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(classes, width)
        self.positions = nn.Parameter(torch.empty(context, width))
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.Sequential(*(Block(width, heads, dropout, causal=True) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens (N, length), where length is at most the context, to logits (N, length, classes)."""
        tokens = self.blocks(self.dropout(self.embedding(x) + self.positions[: x.shape[1]]))
        return functional.linear(self.norm(tokens), self.embedding.weight)


class Block(nn.Module):
    """Attention and an MLP, each after a layer norm and added to its input.

    Parameters
    ----------
    width, heads : int
        The values of a token, and the heads of attention.
    dropout : float
        The dropout rate of the output of attention and of the MLP.
    causal : bool
        Whether a token sees only itself and those before it.
    """

    def __init__(self, width: int, heads: int, dropout: float, causal: bool = False) -> None:
        super().__init__()
        self.attention_norm, self.mlp_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads, causal)
        self.widen, self.narrow = nn.Linear(width, MLP_RATIO * width), nn.Linear(MLP_RATIO * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens (N, length, width) to tokens of the same shape."""
        x = x + self.dropout(self.attention(self.attention_norm(x)))
        units = functional.gelu(self.widen(self.mlp_norm(x)))
        tokens: Tensor = x + self.dropout(self.narrow(units))
        return tokens


class Attention(nn.Module):
    """Self-attention with several heads.

    Parameters
    ----------
    width, heads : int
        The values of a token, and the number of heads.
    causal : bool
        Whether a token sees only itself and those before it.
    """

    def __init__(self, width: int, heads: int, causal: bool) -> None:
        super().__init__()
        if width % heads:
            raise NoisegridError(
                f"a transformer of width {width} cannot have {heads} heads; set network_options.heads of the task to a "
                f"divisor of {width}"
            )
        self.heads, self.causal = heads, causal
        self.inputs = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens (N, length, width) to tokens of the same shape."""
        count, length, width = x.shape
        parts = self.inputs(x).view(count, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        queries, keys, values = parts.unbind()
        seen = functional.scaled_dot_product_attention(queries, keys, values, is_causal=self.causal)
        tokens: Tensor = self.output(seen.transpose(1, 2).reshape(count, length, width))
        return tokens


def initialised(network: VisionTransformer | Decoder) -> nn.Module:
    """Draw the initial weights: truncated normal with INITIAL_STD, and zero biases.

    Two kinds of layers have another standard deviation. Patches have that of LeCun's initialiser, as in torchvision. In
    a decoder, the layers whose output is added to the tokens have INITIAL_STD over the root of their number, as in
    GPT-2.
    """
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.trunc_normal_(module.weight, std=INITIAL_STD)
        if isinstance(module, nn.Conv2d):
            nn.init.trunc_normal_(module.weight, std=1 / math.sqrt(module.weight[0].numel()))
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
    nn.init.trunc_normal_(network.positions, std=INITIAL_STD)
    blocks = [module for module in network.modules() if isinstance(module, Block)]
    if isinstance(network, Decoder):
        with torch.no_grad():
            for added in (layer for block in blocks for layer in (block.attention.output, block.narrow)):
                added.weight.div_(math.sqrt(2 * len(blocks)))
    return network
