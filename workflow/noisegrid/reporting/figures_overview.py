"""Draw the overview: on how many test examples two runs disagree that differ in one thing alone. It needs no key."""

from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import Normal, withStroke

from noisegrid.common.errors import NoisegridError
from noisegrid.reporting.figure_parts import caption, cell_title, row_label
from noisegrid.reporting.figure_style import look, noise_style
from noisegrid.reporting.metrics_frame import select
from noisegrid.reporting.titles import noise_title
from noisegrid.study.sources import CROSSED, NOISES

#: The tasks that are drawn, one panel each: more would not fit beside each other.
PANELS = 2
#: The height of a row, and of what surrounds the rows of a panel, in inches.
ROW, AROUND = 0.27, 0.75
TITLE = "Test examples on which two runs disagree, if they differ in …"


def figure_overview(frame: pd.DataFrame) -> Figure:
    """Draw the churn of each noise, with its value beside it, for the tasks with the most noises.

    The noise with the most churn in the first task comes first, and control last.

    Raises
    ------
    NoisegridError
        If no churn was measured.
    """
    churn = select(frame[frame["noise"] != CROSSED], "churn")
    groups = list(churn.groupby(["hardware", "task"], sort=False, observed=True))
    groups = sorted(groups, key=lambda group: -len(group[1]))[:PANELS]  # stable: the order of the study
    if not groups:
        raise NoisegridError("figure_overview requires the churn of a task")
    parts = [part.set_index("noise") for _, part in groups]
    of_first = pd.concat(part["value"] for part in reversed(parts)).to_dict()
    rows = sorted(of_first, key=lambda noise: (bool(NOISES[noise].free), of_first[noise]))
    figure, axes = _panels(len(parts), len(rows))
    for axis, ((hardware, task), _), part in zip(axes, groups, parts, strict=True):
        for position, noise in enumerate(rows):
            _draw(axis, part.loc[noise] if noise in part.index else None, position, noise)
        axis.set_title(cell_title(task, hardware, frame).replace(" on ", "\non ", 1), loc="left")
        axis.grid(visible=False)
        axis.spines["bottom"].set_visible(False)
        axis.set_xticks([])
        labels = [noise_title(noise) if NOISES[noise].free else "nothing" for noise in rows]
        axis.set_yticks(range(len(rows)), [row_label(label, 40) for label in labels])
        axis.set_ylim(-0.6, len(rows) - 0.4)
    ends = [part["high"].fillna(part["value"]).max() for part in parts]
    for axis in axes:
        axis.set_xlim(0, 1.35 * max(*ends, 0.01))
    figure.suptitle(
        TITLE if not look().narrow else TITLE.replace(", if", ",\nif"), x=0, ha="left", fontsize=look().size + 1
    )
    caption(figure, frame, [])
    return figure


def _panels(count: int, rows: int) -> tuple[Figure, list[Axes]]:
    """Return a figure with panels beside each other or, on a narrow screen, below each other."""
    height = (AROUND + ROW * rows) * look().size / 8
    down, beside = (count, 1) if look().narrow else (1, count)
    size = (look().width, down * height + 0.3)
    figure, grid = plt.subplots(
        down, beside, figsize=size, sharey=not look().narrow, squeeze=False, layout="constrained"
    )
    return figure, list(grid.flat)


def _draw(axis: Axes, row: pd.Series | None, position: int, noise: str) -> None:
    """Draw one bar with its interval and its value, or say that it was not measured."""
    text: dict[str, Any] = {
        "xytext": (4, 0),
        "textcoords": "offset points",
        "va": "center",
        "fontsize": look().size - 1,
    }
    if row is None:
        axis.annotate("not measured", (0, position), color=look().muted, **text)
        return
    end = row["value"] if pd.isna(row["high"]) else row["high"]
    colour, _ = noise_style(noise)
    axis.barh(position, row["value"], 0.62, color=colour, zorder=2)
    if end > row["value"]:
        outline = [withStroke(linewidth=2.6, foreground=look().page), Normal()]  # it is seen on its own colour, too
        axis.plot([row["low"], end], [position] * 2, color=look().text, linewidth=1.1, zorder=3, path_effects=outline)
    axis.annotate(f"{row['value']:.1f} %" if row["value"] else "0 %", (end, position), **text)
