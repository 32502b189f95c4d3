"""Untrained networks of torchvision and timm, by name."""

from typing import Any

from torch import nn

from noisegrid.common.errors import NoisegridError


def from_torchvision(classes: int, channels: int, size: int, model: str, **options: Any) -> nn.Module:
    """Build the untrained network of torchvision.models that has the given name."""
    from torchvision.models import get_model

    if channels != 3:
        raise NoisegridError(f"torchvision's {model} takes images of three channels, not {channels}")
    network: nn.Module = get_model(model, weights=None, num_classes=classes, **options)
    return network


def from_timm(classes: int, channels: int, size: int, model: str) -> nn.Module:
    """Build the untrained network of timm that has the given name, for networks that torchvision lacks."""
    import timm

    network: nn.Module = timm.create_model(model, num_classes=classes, in_chans=channels)
    return network
