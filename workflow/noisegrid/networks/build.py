"""Build a network from its reference."""

from typing import Any

from torch import nn

from noisegrid.common.errors import NoisegridError
from noisegrid.common.references import imported


def build(reference: str, **options: Any) -> nn.Module:
    """Build a network.

    Parameters
    ----------
    reference : str
        The builder, as `package.module:function`.
    **options
        The arguments of the builder: classes, channels, size, dropout (if the task uses it), and the options from the
        catalog.

    Raises
    ------
    NoisegridError
        If the builder cannot be imported, or if it does not return a torch.nn.Module.
    """
    network = imported("network", reference)(**options)
    if not isinstance(network, nn.Module):
        raise NoisegridError(
            f"network {reference}: the builder returned {type(network).__name__}, not a torch.nn.Module"
        )
    return network
