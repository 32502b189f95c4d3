"""Draw how the spread of accuracy and churn develop over the epochs."""

from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from noisegrid.common.errors import NoisegridError
from noisegrid.reporting.figures import caption, title
from noisegrid.reporting.metrics_frame import select
from noisegrid.study.sources import NOISES

#: The measures, with their axis labels.
PANELS = {"epoch_accuracy_std": "std of top-1 (percentage points)", "epoch_churn": "churn (% of predictions)"}


def figure_epochs(frame: pd.DataFrame) -> Figure:
    """Draw the std of top-1 accuracy and churn after each epoch, for each task, with a line per noise.

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
    size = (7.4, 0.9 + 1.9 * len(tasks))
    figure, axes = plt.subplots(len(tasks), len(PANELS), figsize=size, squeeze=False, layout="constrained")
    for line, (hardware, task) in zip(axes, tasks, strict=True):
        here = frame[(frame["hardware"] == hardware) & (frame["task"] == task)]
        for axis, (metric, label) in zip(line, PANELS.items(), strict=True):
            part = select(here, metric, None)
            for noise in noises:
                _draw(axis, part[part["noise"] == noise], noise)
            axis.set(xlabel="epoch", ylabel=label)
            axis.set_ylim(bottom=0)
            axis.set_title(title({"hardware": hardware, "task": task}, frame), loc="left", fontsize=8)
    handles: list[Artist] = [
        Line2D([], [], color=NOISES[noise].colour, marker=NOISES[noise].marker, label=noise) for noise in noises
    ]
    caption(figure, frame, handles, " Bars: 95 % intervals.")
    return figure


def _draw(axis: Axes, rows: pd.DataFrame, noise: str) -> None:
    epochs = rows["group"].str.removeprefix("epoch ").astype(int)
    below, above = (rows["value"] - rows["low"]).fillna(0), (rows["high"] - rows["value"]).fillna(0)
    style: dict[str, Any] = {"color": NOISES[noise].colour, "marker": NOISES[noise].marker, "markersize": 3}
    axis.errorbar(epochs, rows["value"], [below, above], linewidth=0.8, elinewidth=0.6, **style)
