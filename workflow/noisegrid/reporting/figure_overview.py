"""The overview: on how many test examples two runs disagree that differ in one thing alone. It needs no key."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import Normal, withStroke

from noisegrid.common.errors import NoisegridError
from noisegrid.reporting.figures import GROUP, caption
from noisegrid.reporting.metrics_frame import select
from noisegrid.reporting.titles import noise_title, task_title
from noisegrid.study.sources import CROSSED, NOISES

#: The tasks that are drawn, one panel each: more would not fit beside each other on a phone.
PANELS = 2
#: The height of a row and of what surrounds the rows, and the width, in inches.
ROW, AROUND, WIDTH = 0.27, 1.35, 7.4
INTERVAL, MUTED = "#222222", "#767676"


def figure_overview(frame: pd.DataFrame) -> Figure:
    """Draw the churn of each noise, with its value beside it, for the tasks with the most noises.

    The noise with the most churn in the first task comes first, and control last.

    Raises
    ------
    NoisegridError
        If no churn was measured.
    """
    churn = select(frame[frame["noise"] != CROSSED], "churn")
    groups = list(churn.groupby(GROUP, sort=False, observed=True))
    groups = sorted(groups, key=lambda group: -len(group[1]))[:PANELS]  # stable: the order of the study
    if not groups:
        raise NoisegridError("figure_overview requires the churn of a task")
    parts = [part.set_index("noise") for _, part in groups]
    of_first = pd.concat(part["value"] for part in reversed(parts)).to_dict()
    rows = sorted(of_first, key=lambda noise: (bool(NOISES[noise].free), of_first[noise]))
    size = (WIDTH, AROUND + ROW * len(rows))
    figure, grid = plt.subplots(
        1, len(parts), figsize=size, sharex=True, sharey=True, squeeze=False, layout="constrained"
    )
    several = frame["hardware"].nunique() > 1
    for axis, ((hardware, task), _), part in zip(grid[0], groups, parts, strict=True):
        for position, noise in enumerate(rows):
            _draw(axis, part.loc[noise] if noise in part.index else None, position, noise)
        title = task_title(task).replace(" on ", "\non ", 1) + (f", {hardware}" if several else "")
        axis.set_title(title, loc="left")
        axis.grid(visible=False)
        axis.spines["bottom"].set_visible(False)
        axis.set_xticks([])
    ends = [part["high"].fillna(part["value"]).max() for part in parts]
    grid[0][0].set_xlim(0, 1.35 * max(*ends, 0.01))
    grid[0][0].set_yticks(range(len(rows)), [noise_title(noise) if NOISES[noise].free else "nothing" for noise in rows])
    grid[0][0].set_ylim(-0.6, len(rows) - 0.4)
    figure.suptitle("Test examples on which two runs disagree, if they differ in …", x=0, ha="left", fontsize=9)
    caption(figure, frame, [])
    return figure


def _draw(axis: Axes, row: pd.Series | None, position: int, noise: str) -> None:
    """Draw one bar with its interval and its value, or say that it was not measured."""
    if row is None:
        axis.annotate(
            "not measured", (0, position), (4, 0), textcoords="offset points", va="center", color=MUTED, fontsize=7
        )
        return
    end = row["value"] if pd.isna(row["high"]) else row["high"]
    axis.barh(position, row["value"], 0.62, color=NOISES[noise].colour, alpha=0.85, zorder=2)
    if end > row["value"]:
        outline = [withStroke(linewidth=2.4, foreground="white"), Normal()]  # it is seen on black, too
        axis.plot([row["low"], end], [position] * 2, color=INTERVAL, linewidth=1.1, zorder=3, path_effects=outline)
    words = f"{row['value']:.1f} %" if row["value"] else "none"
    axis.annotate(words, (end, position), (4, 0), textcoords="offset points", va="center", fontsize=7)
