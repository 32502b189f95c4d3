"""The sources that choose among a few values of a switch, which has the name of the source."""

from typing import Any

from noisegrid.study.settings import Hardware


def choices(source: str, hardware: Hardware) -> tuple[Any, ...]:
    """Return the values among which a source chooses on the given hardware; empty if it does not choose there."""
    if hardware.is_xla:
        return ()
    return {"sdpa_backend": sdpa_backends(hardware), "compile": (False, True)}.get(source, ())


def chosen(source: str, hardware: Hardware, draw: int) -> Any:
    """Return the value of a draw, counted from 0. Draws go through the values in turn, so that all of them occur."""
    values = choices(source, hardware)
    return values[draw % len(values)]


def sdpa_backends(hardware: Hardware) -> tuple[str, ...]:
    """Return the backends of scaled_dot_product_attention that the given hardware has.

    A replicate runs with deterministic algorithms, under which PyTorch refuses the backend of cuDNN. On CUDA, flash
    attention takes bfloat16 and float16 alone, and needs compute capability 8.0; in the catalog, hardware with the
    precision amp_fp16 has less.
    """
    if hardware.is_cuda:
        return ("flash", "efficient", "math") if hardware.precision == "amp_bf16" else ("efficient", "math")
    return "flash", "math"
