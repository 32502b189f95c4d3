"""Parts of figures: rows with headers, estimates with intervals and nulls, legends, and the text below a figure."""

import math
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.transforms import blended_transform_factory

from noisegrid.common import escape
from noisegrid.reporting.figure_style import look, noise_style
from noisegrid.reporting.metrics_frame import provenance
from noisegrid.reporting.titles import hardware_title, noise_title, task_title

NULL_LABEL = "95 % range if examples erred independently"
INTERVALS = " Lines: 95 % intervals."
#: The L2 distance between two weights of unit length that have nothing to do with each other.
UNRELATED = math.sqrt(2)
#: The height of a row and of everything else in a column of panels, in inches at the size of a wide figure.
ROW, FRAME = 0.19, 0.75
#: The length of an axis label that fits below the panel of a narrow figure.
SHORT = 36


class Block(NamedTuple):
    """Rows below a header.

    Attributes
    ----------
    header : tuple of str
        The lines of the header.
    top : float
        The place of the header's first line on the y axis, in rows.
    labels : tuple of str
        The labels of the rows.
    """

    header: tuple[str, ...]
    top: float
    labels: tuple[str, ...]

    @property
    def rows(self) -> list[float]:
        """The places of the rows on the y axis."""
        return [self.top + len(self.header) + number for number in range(len(self.labels))]


def stacked(blocks: Iterable[tuple[str, Iterable[str]]]) -> list[Block]:
    """Place blocks below each other, given the header and the labels of each. A long header has several lines."""
    placed, top = list[Block](), 0.0
    for header, labels in blocks:
        lines = textwrap.wrap(header, look().characters(look().size, bold=True), break_on_hyphens=False)
        placed.append(Block(tuple(lines), top, tuple(labels)))
        top = placed[-1].rows[-1] + 1.3
    return placed


def row_label(text: str, length: int) -> str:
    """Return the label of a row, in lines of this length; shorter ones on a narrow screen. A row holds two."""
    lines = textwrap.wrap(text, min(length, 30) if look().narrow else length, break_on_hyphens=False)
    return "\n".join(map(escape.figure, lines))


def panels(count: int, blocks: Sequence[Block], row: float = ROW) -> tuple[Figure, list[Axes]]:
    """Return a figure with a panel for each measure: side by side, or below each other on a narrow screen.

    Parameters
    ----------
    count : int
        The number of panels.
    blocks : sequence of Block
        The rows of each panel.
    row : float
        The height of a row in inches.
    """
    scale = look().size / 8
    rows = blocks[-1].rows[-1] + 1.2 if blocks else 1
    height = scale * (FRAME + row * rows)
    if look().narrow:
        figure, axes = plt.subplots(
            count, 1, figsize=(look().width, count * height), squeeze=False, layout="constrained"
        )
        return figure, list(axes[:, 0])
    figure, axes = plt.subplots(
        1, count, figsize=(look().width, height), sharey=True, squeeze=False, layout="constrained"
    )
    axes[0, 0].set_zorder(1)  # headers may be wider than the first panel
    return figure, list(axes[0])


def finish(axis: Axes, label: str, blocks: Sequence[Block], metric: str = "") -> None:
    """Label the x axis and the rows of a panel, and begin its scale at 0.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
        The panel, on which everything is drawn already.
    label : str
        The label of the x axis. What stands in brackets goes into a second line if the panel is narrow.
    blocks : sequence of Block
        The rows of the panel.
    metric : str
        The metric, if it is one of metrics.csv.
    """
    is_short = look().narrow and len(label) <= SHORT
    axis.set_xlabel(label if is_short else label.replace(" (", "\n("))
    if metric.startswith("l2_unit"):
        _mark_unrelated(axis)
    right = axis.get_xlim()[1] if _is_drawn(axis) else 1.0
    axis.set_xlim(-0.03 * right, right)
    axis.spines["left"].set_visible(False)
    ticks = [(row, name) for block in blocks for row, name in zip(block.rows, block.labels, strict=True)]
    axis.set_yticks([row for row, _ in ticks], [name for _, name in ticks])
    for block in blocks:
        axis.vlines(0, block.rows[0] - 0.5, block.rows[-1] + 0.5, color=look().text, linewidth=0.8, zorder=1.5)
        axis.axhspan(block.top - 0.65, block.rows[0] - 0.5, color=look().page, linewidth=0, zorder=0.6)
        if look().narrow or axis.get_zorder() == 1:
            _write_header(axis, block)
    axis.set_ylim(blocks[-1].rows[-1] + 0.6, -0.6)


def _is_drawn(axis: Axes) -> bool:
    return any(np.max(line.get_xdata(), initial=0) > 0 for line in axis.lines)


def _mark_unrelated(axis: Axes) -> None:
    """Draw a labelled line at the L2 distance between unrelated weights."""
    axis.set_xlim(right=max(1.08 * UNRELATED, axis.get_xlim()[1]))
    axis.axvline(UNRELATED, color=look().muted, linewidth=0.9, linestyle=(0, (3, 2)), zorder=1.2)
    axis.annotate(
        "√2: unrelated", (UNRELATED, 1), (0, 2), ("data", "axes fraction"), "offset points",
        ha="right", va="bottom", fontsize=look().size - 1.5, color=look().muted,
    )  # fmt: skip


def _write_header(axis: Axes, block: Block) -> None:
    """Write the header of a block from the left edge of the figure on."""
    place = blended_transform_factory(axis.figure.transFigure, axis.transData)
    for number, line in enumerate(block.header):
        text = axis.text(0.008, block.top + number, escape.figure(line), transform=place, va="center", zorder=5)
        text.set(fontweight="bold", fontsize=look().size, in_layout=False)


def draw_estimate(
    axis: Axes,
    row: pd.Series,
    position: float,
    noise: str,
    filled: bool = True,
    null: bool = True,
    height: float = 0.8,
) -> None:
    """Draw an estimate and its interval in front of the range of the null.

    Parameters
    ----------
    axis : matplotlib.axes.Axes
        The axes to draw on.
    row : pandas.Series
        A row of metrics.csv: `value`, `low`, `high`, `null_low` and `null_high` are in the unit of the x axis.
    position : float
        Position of the estimate on the y axis, in rows.
    noise : str
        The noise, which determines the colour and the marker.
    filled : bool
        Whether the marker is filled.
    null : bool
        Whether to draw the range of the null.
    height : float
        Height of the range of the null, in rows.
    """
    if null and pd.notna(row["null_high"]) and row["null_high"] > 0:
        width = row["null_high"] - row["null_low"]
        axis.barh(position, width, height, row["null_low"], color=look().band, zorder=1)
    if pd.notna(row["low"]):
        axis.plot([row["low"], row["high"]], [position, position], color=noise_style(noise)[0], linewidth=1.2, zorder=2)
    axis.plot(row["value"], position, zorder=3, clip_on=False, **marker_style(noise, filled))


def marker_style(noise: str, filled: bool = True) -> dict[str, Any]:
    """Return how the marker of a noise or of an interaction is drawn, as arguments of Matplotlib."""
    colour, marker = noise_style(noise)
    face = colour if filled or marker == "x" else look().page
    return {"color": colour, "marker": marker, "markerfacecolor": face, "linestyle": ""}


def noise_handles(noises: Iterable[str]) -> list[Artist]:
    """Return the entries of a legend for noises."""
    return [Line2D([], [], label=noise_title(noise), **marker_style(noise)) for noise in noises]


def filled_and_open(filled: str, hollow: str) -> list[Artist]:
    """Return the entries of a legend for filled and open markers."""
    return [Line2D([], [], label=label, **marker_style("", full)) for label, full in ((filled, True), (hollow, False))]


def null_handle() -> Artist:
    """Return the entry of a legend for the range of the null."""
    return Patch(color=look().band, label=NULL_LABEL)


def panel_title(text: str) -> str:
    """Return the title of a panel, in as many lines as fit above it in a figure of one column."""
    width = int(0.72 * look().characters(look().size, bold=True))
    return "\n".join(map(escape.figure, textwrap.wrap(text, width, break_on_hyphens=False)))


def cell_title(task: str, hardware: str, frame: pd.DataFrame) -> str:
    """Return the title of a task, followed by that of the hardware if the study has several hardware entries."""
    if frame["hardware"].nunique() == 1:
        return task_title(task)
    return f"{task_title(task)}, {hardware_title(hardware)}"


def caption(figure: Figure, frame: pd.DataFrame, handles: Sequence[Artist], lines: str = INTERVALS) -> None:
    """Add the legend above the axes, and below them a text with n, device, versions and the meaning of the lines."""
    annotate(figure, f"{provenance(frame, titled=True)}.{lines}", handles)


def annotate(figure: Figure, text: str, handles: Sequence[Artist]) -> None:
    """Add a legend above the axes and a text below them. The figure grows by their heights."""
    size = look().size - 2
    width = look().characters(size)
    wrapped = [part for line in text.splitlines() for part in textwrap.wrap(line, width, break_on_hyphens=False)]
    height = len(wrapped) * 1.25 * size / 72 + 0.05
    if handles:
        columns = _columns([str(handle.get_label()) for handle in handles])
        figure.legend(handles=list(handles), loc="outside upper left", ncols=columns, borderaxespad=0.2)
        height += math.ceil(len(handles) / columns) * 1.45 * (look().size - 1) / 72 + 0.12
    figure.set_figheight(figure.get_figheight() + height)
    shown = "\n".join(map(escape.figure, wrapped))
    figure.supxlabel(shown, x=0.008, ha="left", fontsize=size, color=look().muted)


def only_words(text: str) -> Figure:
    """Return a figure that says why there is nothing to draw."""
    figure = plt.figure(figsize=(look().width, 0.1), layout="constrained")
    annotate(figure, text, [])
    return figure


def _columns(labels: Sequence[str]) -> int:
    """Return the largest number of columns of a legend that fits into the width of the figure."""
    width = look().characters(look().size - 1)
    for columns in range(len(labels), 1, -1):
        widest = [max(map(len, part)) for part in np.array_split(labels, columns)]  # as Matplotlib divides them
        if sum(widest) + 7 * columns <= width:
            return columns
    return 1
