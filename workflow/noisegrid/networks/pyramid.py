"""A small feature-pyramid network whose operators outside cuDNN use atomic additions on CUDA.

No network of the paper has such operators. This one upsamples bilinearly and pools regions with index_add. Both
have a deterministic implementation that PyTorch's strict mode uses, so `control` is possible on CUDA.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from noisegrid.networks.paper import glorot_uniform


def pyramid(classes: int, channels: int, size: int, width: int = 16, dropout: float = 0.0) -> nn.Module:
    """Build the feature-pyramid network; see FeaturePyramid."""
    return glorot_uniform(FeaturePyramid(classes, channels, width, dropout))


class FeaturePyramid(nn.Module):
    """Three levels of features, upsampled and added from coarse to fine, pooled over regions and classified.

    Each level halves the image. On the way back, a level is upsampled bilinearly and added to the finer one.

    Parameters
    ----------
    classes, channels : int
        The number of classes, and of channels of the images.
    width : int
        The number of channels of the finest level; each coarser level has twice as many.
    dropout : float
        The dropout rate before the last layer.
    """

    def __init__(self, classes: int, channels: int, width: int, dropout: float) -> None:
        super().__init__()
        widths = [width, 2 * width, 4 * width]
        self.down = nn.ModuleList(
            nn.Conv2d(before, after, 3, stride=1 if level == 0 else 2, padding=1)
            for level, (before, after) in enumerate(zip([channels, *widths], widths, strict=False))
        )
        self.lateral = nn.ModuleList(nn.Conv2d(each, width, 1) for each in widths)
        self.pool = RegionPool(2)
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(4 * width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map a batch of images (N, C, H, W) to logits (N, classes)."""
        levels = []
        for convolution in self.down:
            x = torch.relu(convolution(x))
            levels.append(x)
        sides = [lateral(level) for lateral, level in zip(self.lateral, levels, strict=True)]
        merged = sides.pop()
        while sides:
            finer = sides.pop()
            merged = finer + functional.interpolate(merged, finer.shape[2:], mode="bilinear", align_corners=False)
        logits: Tensor = self.dense(self.dropout(self.pool(torch.relu(merged)).flatten(1)))
        return logits


class RegionPool(nn.Module):
    """Average over a grid of regions, summed with index_add, as in pooling over segments of an image.

    Parameters
    ----------
    grid : int
        The number of regions per axis.
    """

    def __init__(self, grid: int) -> None:
        super().__init__()
        self.grid = grid

    def forward(self, x: Tensor) -> Tensor:
        """Map features (N, C, H, W) to the means of the regions (N, C, grid * grid)."""
        rows, columns = (torch.arange(n, device=x.device) * self.grid // n for n in x.shape[2:])
        region = (rows[:, None] * self.grid + columns).flatten()
        sums = x.new_zeros(*x.shape[:2], self.grid**2).index_add(2, region, x.flatten(2))
        counts = x.new_zeros(self.grid**2).index_add(0, region, torch.ones_like(region, dtype=x.dtype))
        return sums / counts
