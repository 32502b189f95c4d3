"""Draw how the spread of accuracy and churn develop over the epochs."""

import itertools

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from noisegrid.common.errors import NoisegridError
from noisegrid.reporting.figure_parts import caption, cell_title, marker_style, panel_title
from noisegrid.reporting.figure_style import LINES, look
from noisegrid.reporting.metrics_frame import select
from noisegrid.reporting.titles import noise_title
from noisegrid.study.sources import NOISES

#: The measures, with their axis labels.
PANELS = {"epoch_accuracy_std": "std of top-1\n(percentage points)", "epoch_churn": "churn\n(% of predictions)"}


def figure_epochs(frame: pd.DataFrame) -> Figure:
    """Draw the std of top-1 accuracy and churn after each epoch, for each task, with a line per noise.

    All panels of a measure have the same scale.

    Raises
    ------
    NoisegridError
        If no cell kept its predictions after each epoch.
    """
    rows = select(frame, "epoch_churn", None)
    if rows.empty:
        raise NoisegridError("figure_epochs requires a study that keeps `epochs`")
    tasks = list(rows[["hardware", "task"]].drop_duplicates().itertuples(index=False, name=None))
    noises = [noise for noise in NOISES if (rows["noise"] == noise).any()]
    columns = 1 if look().narrow else len(PANELS)
    lines = len(tasks) * len(PANELS) // columns
    size = look().width, (0.3 + 1.7 * lines) * look().size / 8
    figure, grid = plt.subplots(lines, columns, figsize=size, squeeze=False, layout="constrained")
    axes = dict(zip(itertools.product(tasks, PANELS), grid.flat, strict=True))
    for ((hardware, task), metric), axis in axes.items():
        here = frame[(frame["hardware"] == hardware) & (frame["task"] == task)]
        part = select(here, metric, None)
        for number, noise in enumerate(noises):
            _draw(axis, part[part["noise"] == noise], noise, number)
        axis.set(xlabel="epoch", ylabel=PANELS[metric])
        if metric == next(iter(PANELS)):
            axis.set_title(panel_title(cell_title(task, hardware, frame)), loc="left")
    for metric in PANELS:
        same = [axis for (_, of), axis in axes.items() if of == metric]
        top = max(axis.get_ylim()[1] for axis in same)
        for axis in same:
            axis.set_ylim(0, top)
    handles: list[Artist] = [
        Line2D([], [], **marker_style(noise) | {"linestyle": LINES[number % len(LINES)]}, label=noise_title(noise))
        for number, noise in enumerate(noises)
    ]
    caption(figure, frame, handles, " Bars: 95 % intervals.")
    return figure


def _draw(axis: Axes, rows: pd.DataFrame, noise: str, number: int) -> None:
    """Draw the line of a noise, with a style of its own for grey print."""
    epochs = rows["group"].str.removeprefix("epoch ").astype(int)
    below, above = (rows["value"] - rows["low"]).fillna(0), (rows["high"] - rows["value"]).fillna(0)
    style = marker_style(noise) | {"linestyle": LINES[number % len(LINES)], "markersize": 3}
    axis.errorbar(epochs, rows["value"], [below, above], linewidth=0.8, elinewidth=0.6, **style)
