"""The figure of what each condition changes: the share of examples, and the relative difference of all logits."""

from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from noisegrid.common import escape
from noisegrid.common.files import write_atomically
from noisegrid.invariance.judge import Findings

#: The colours of Okabe and Ito.
LOGITS, CLASSES = "#56b4e9", "#0072b2"


def draw(found: Findings, path: Path) -> None:
    """Draw a row for each condition. The suffix of the path decides the format."""
    changes, count = found.changes, found.subject.examples
    rows = range(len(changes))
    figure = Figure(figsize=(9, 1.4 + 0.28 * len(changes)), layout="constrained")
    shares, sizes = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    shares.barh(rows, [change.logits.mean() for change in changes], color=LOGITS, label="other logits", height=0.7)
    shares.barh(rows, [change.classes.mean() for change in changes], color=CLASSES, label="other class", height=0.35)
    for number, change in enumerate(changes):
        share, words = change.logits.mean(), str(change.logits.sum()) if change.logits.any() else "none"
        inside = share > 0.9
        shares.text(
            *(share + (-0.01 if inside else 0.01), number, words),
            **{"ha": "right" if inside else "left", "va": "center", "fontsize": "small"},
        )
    shares.set_yticks(rows, [change.condition.words for change in changes])
    shares.invert_yaxis()
    shares.set_xlim(0, 1)
    shares.xaxis.set_major_formatter(PercentFormatter(1))
    shares.set_xlabel(f"share of {count} examples")
    shares.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, fontsize="small", frameon=False)
    moved = [(change.relative, number) for number, change in enumerate(changes) if change.relative > 0]
    if moved:
        sizes.plot(*zip(*moved, strict=True), "o", color=CLASSES)
        sizes.set_xscale("log")
        sizes.margins(x=0.15)
    sizes.grid(axis="y", linewidth=0.5, alpha=0.5)
    sizes.tick_params(left=False)
    sizes.set_xlabel("relative difference")
    for axis in (shares, sizes):
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(escape.terminal(found.subject.name).replace("$", r"\$"), fontsize="medium", x=0.01, ha="left")
    kind = path.suffix.removeprefix(".")
    write_atomically(path, lambda place: figure.savefig(place, format=kind, dpi=150))
