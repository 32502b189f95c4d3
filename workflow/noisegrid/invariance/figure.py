"""The figure of what each condition changes: the share of examples, and the relative difference of all logits."""

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from noisegrid.common import escape
from noisegrid.common.files import write_atomically
from noisegrid.invariance.sentences import words

#: The colours of Okabe and Ito.
LOGITS, CLASSES = "#56b4e9", "#0072b2"
#: The share above which the number is written inside its bar.
INSIDE = 0.9


def draw(document: dict[str, Any], path: Path) -> None:
    """Draw a row for each condition of a document. The suffix of the path decides the format."""
    conditions = document["conditions"]
    figure = Figure(figsize=(9, 1.4 + 0.28 * len(conditions)), layout="constrained")
    shares, sizes = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    _draw_shares(shares, conditions, document["examples"])
    moved = [(one["relative"], number) for number, one in enumerate(conditions) if one["relative"]]
    if moved:
        sizes.plot(*zip(*moved, strict=True), "o", color=CLASSES)
        sizes.set_xscale("log")
        sizes.margins(x=0.15)
    sizes.grid(axis="y", linewidth=0.5, alpha=0.5)
    sizes.tick_params(left=False)
    sizes.set_xlabel("relative difference")
    for axis in (shares, sizes):
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(escape.terminal(document["subject"]).replace("$", r"\$"), fontsize="medium", x=0.01, ha="left")
    kind = path.suffix.removeprefix(".")
    write_atomically(path, lambda place: figure.savefig(place, format=kind, dpi=150))


def _draw_shares(axis: Axes, conditions: list[dict[str, Any]], examples: int) -> None:
    """Draw the shares of examples with other logits and with another class as bars, with the number of the former."""
    rows = range(len(conditions))
    for key, label, colour, height in (
        ("other_logits", "other logits", LOGITS, 0.7),
        ("other_class", "other class", CLASSES, 0.35),
    ):
        axis.barh(rows, [one[key] / examples for one in conditions], color=colour, label=label, height=height)
    for number, one in enumerate(conditions):
        share = one["other_logits"] / examples
        side, shift = ("right", -0.01) if share > INSIDE else ("left", 0.01)
        axis.text(share + shift, number, str(one["other_logits"] or "none"), ha=side, va="center", fontsize="small")
    axis.set_yticks(rows, [words(one) for one in conditions])
    axis.invert_yaxis()
    axis.set_xlim(0, 1)
    axis.xaxis.set_major_formatter(PercentFormatter(1))
    axis.set_xlabel(f"share of {examples} examples")
    axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, fontsize="small", frameon=False)
