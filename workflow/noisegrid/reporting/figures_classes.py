"""Draw Figures 3 and 4: the spread of each class and of each sub-group, with the independent-error null."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from noisegrid.common import escape
from noisegrid.common.errors import NoisegridError
from noisegrid.reporting.figure_parts import (
    caption,
    cell_title,
    draw_estimate,
    finish,
    marker_style,
    noise_handles,
    null_handle,
    panel_title,
    panels,
    row_label,
    stacked,
)
from noisegrid.reporting.figure_style import look
from noisegrid.reporting.figures_noise import GROUP, PAPER_NOISE
from noisegrid.reporting.metrics_frame import select
from noisegrid.reporting.titles import class_title, noise_title

#: The spreads of sub-groups, with their axis labels.
RATES = {
    "group_accuracy_std": "std of accuracy (percentage points)",
    "group_fpr_std": "std of false-positive rate (percentage points)",
    "group_fnr_std": "std of false-negative rate (percentage points)",
}
#: The columns that identify a sub-group.
SUBGROUP = [*GROUP, "group"]
#: The largest number of classes that have a tick each.
NAMED = 20


def figure_3(frame: pd.DataFrame) -> Figure:
    """Draw Figure 3: the std of each class's accuracy divided by the overall std, with the independent-error null.

    All panels have the same scale.
    """
    data = select(frame, "class_std_ratio", None)
    data = data[data["noise"].isin(PAPER_NOISE)]
    groups = [key for key, part in data.groupby(GROUP, sort=False, observed=True) if part["value"].notna().any()]
    noises = [noise for noise in PAPER_NOISE if (data["noise"] == noise).any()]
    if not groups:
        raise NoisegridError("figure_3 requires a task with classes, and the spread of their accuracy")
    rows, columns = (len(groups) * len(noises), 1) if look().narrow else (len(groups), len(noises))
    size = look().width, (0.3 + 1.9 * rows) * look().size / 8
    figure, grid = plt.subplots(rows, columns, figsize=size, sharey=True, squeeze=False, layout="constrained")
    for axis, (key, noise) in zip(grid.flat, itertools.product(groups, noises), strict=True):
        cell = data[(data[GROUP] == list(key)).all(axis=1) & (data["noise"] == noise)]
        _draw_classes(axis, cell, noise)
        _write_titles(axis, cell_title(key[1], key[0], frame) if noise == noises[0] else "", noise)
    for axis in grid[:, 0]:
        axis.set_ylabel("std of the class\n/ overall std")
    grid[0, 0].set_ylim(bottom=0)  # all panels share the y axis, so its limit is set after all are drawn
    median = Line2D([], [], color=look().median, label="its median")
    caption(figure, frame, [null_handle(), median], "")
    return figure


def _write_titles(axis: Axes, task: str, noise: str) -> None:
    """Write the title of a noise above its panel, and that of a task above the first panel of the task."""
    axis.set_title(panel_title(task), loc="left", pad=6 + 1.3 * look().size)
    axis.annotate(noise_title(noise), (0, 1), (0, 4), "axes fraction", "offset points", va="bottom")


def _draw_classes(axis: Axes, cell: pd.DataFrame, noise: str) -> None:
    """Draw the classes of a cell, or why there is nothing to draw."""
    axis.grid(axis="x", visible=False)
    axis.grid(axis="y", visible=True)
    if cell["value"].notna().sum() == 0:
        why = "not measured in this study" if cell.empty else "no ratio: the overall std is 0"
        axis.text(0.5, 0.5, why, transform=axis.transAxes, ha="center", color=look().muted)
        axis.set_xticks([])
        return
    places = cell["group"].str.removeprefix("class ").astype(int).to_numpy()
    axis.bar(places, cell["null_high"] - cell["null_low"], 0.8, cell["null_low"], color=look().band, zorder=1)
    axis.hlines(cell["null_median"], places - 0.4, places + 0.4, color=look().median, linewidth=1, zorder=2)
    size = 4.5 if len(cell) <= NAMED else 2.5
    axis.plot(places, cell["value"], markersize=size, zorder=3, clip_on=False, **marker_style(noise))
    _name_classes(axis, cell, places)


def _name_classes(axis: Axes, cell: pd.DataFrame, places: np.ndarray) -> None:
    """Name the classes below a panel. A word that all names begin with labels the axis instead."""
    if len(cell) > NAMED:
        axis.set_xlabel("number of the class")
        return
    names = [escape.figure(class_title(task, group)) for task, group in zip(cell["task"], cell["group"], strict=True)]
    words = {name.partition(" ")[0] for name in names}
    if len(names) > 1 and len(words) == 1 and all(" " in name for name in names):
        axis.set_xlabel(words.pop())
        names = [name.partition(" ")[2] for name in names]
    long = max(map(len, names)) > 2
    axis.set_xticks(places, names, rotation=90 if long else 0)


def figure_4(frame: pd.DataFrame) -> Figure:
    """Draw Figure 4: the spreads of accuracy, false-positive rate and false-negative rate in each sub-group.

    The label of each sub-group contains its numbers of positives and negatives.

    Raises
    ------
    NoisegridError
        If no task has sub-groups.
    """
    sizes = {
        kind: select(frame, f"group_{kind}", None).drop_duplicates(SUBGROUP).set_index(SUBGROUP)["value"]
        for kind in ("positives", "negatives")
    }
    if sizes["positives"].empty:
        raise NoisegridError("figure_4 requires a task with sub-groups, e.g. resnet18-celeba")
    noises = [noise for noise in PAPER_NOISE if (select(frame, "group_fpr_std", None)["noise"] == noise).any()]
    shown = dict[tuple[str, str], list[str]]()
    for hardware, task, name in sizes["positives"].index:
        shown.setdefault((hardware, task), []).append(name)
    blocks = stacked(
        (
            cell_title(key[1], key[0], frame),
            [_subgroup(name, *(sizes[kind][*key, name] for kind in sizes)) for name in names],
        )
        for key, names in shown.items()
    )
    figure, axes = panels(len(RATES), blocks, row=0.42)
    for axis, (metric, label) in zip(axes, RATES.items(), strict=True):
        data = select(frame, metric, None).set_index([*SUBGROUP, "noise"])
        for block, (key, names) in zip(blocks, shown.items(), strict=True):
            for (row, name), (column, noise) in itertools.product(
                zip(block.rows, names, strict=True), enumerate(noises)
            ):
                if (*key, name, noise) in data.index:
                    offset = 0.25 * (column - (len(noises) - 1) / 2)
                    draw_estimate(axis, data.loc[(*key, name, noise)], row + offset, noise, height=0.22)
        finish(axis, label, blocks)
    caption(figure, frame, [*noise_handles(noises), null_handle()], "")
    return figure


def _subgroup(name: str, positives: float, negatives: float) -> str:
    """Return the label of a sub-group, with its numbers of positives and negatives."""
    return row_label(f"{name} ({positives:,.0f} + / {negatives:,.0f} −)", 60)
