"""The figure of how the difference between two runs grows over steps, with a line for each module."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from noisegrid.common import escape
from noisegrid.common.errors import UsageError
from noisegrid.common.files import write_atomically
from noisegrid.divergence.growth import growth
from noisegrid.divergence.trace import Trace

SUFFIXES = (".png", ".svg", ".pdf")


def draw(a: Trace, b: Trace, path: Path) -> None:
    """Draw the relative difference of the weights before each step, by module, on a logarithmic scale.

    Raises
    ------
    UsageError
        If the suffix of the path is none of SUFFIXES.
    """
    check_suffix(path)
    found = growth(a.states, b.states)
    colours = mpl.colormaps["viridis"].resampled(max(2, len(found)))
    figure = Figure(figsize=(7, 4), layout="constrained")
    axis = figure.subplots()
    for index, (module, values) in enumerate(found.items()):
        shown = [(step, value) for step, value in enumerate(values) if value > 0]
        if shown:
            axis.plot(*zip(*shown, strict=True), marker=".", color=colours(index), label=module.replace("$", r"\$"))
    if axis.lines:
        axis.set_yscale("log")
        axis.legend(title="module", loc="center left", bbox_to_anchor=(1, 0.5), fontsize="small", frameon=False)
    else:
        axis.text(0.5, 0.5, "no sampled weight differs", ha="center", va="center", transform=axis.transAxes)
    axis.set_xlim(-0.5, min(len(a.states), len(b.states)) - 0.5)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_xlabel("training step")
    axis.set_ylabel("relative difference of the weights")
    axis.set_title(escape.terminal(str(a.about.get("subject", ""))).replace("$", r"\$"), fontsize="medium", loc="left")
    axis.spines[["top", "right"]].set_visible(False)
    kind = path.suffix.removeprefix(".")
    write_atomically(path, lambda place: figure.savefig(place, format=kind, dpi=150))


def check_suffix(path: Path) -> None:
    """Raise UsageError if no figure can be written under this name."""
    if path.suffix not in SUFFIXES:
        raise UsageError(f"--figure: {path} ends with none of {', '.join(SUFFIXES)}; rename it")
