"""Draw Figure 7 from overhead.csv: the kernels that determinism adds or slows down."""

import re
from collections import Counter

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from noisegrid.common import escape
from noisegrid.reporting import overhead_frame
from noisegrid.reporting.figure_parts import annotate, only_words, panel_title
from noisegrid.reporting.figure_style import COLOURS, HATCHES, look
from noisegrid.reporting.titles import hardware_title, network_title
from noisegrid.study.arms import REFERENCE

#: The number of networks (those with the largest overhead), and the number of operators named for each.
MOST_PAYING, NAMED = 4, 6
#: The largest length of an operator's name.
LENGTH = 44
ARMS = (REFERENCE, overhead_frame.DETERMINISTIC)


def figure_7(frame: pd.DataFrame) -> Figure:
    """Draw Figure 7: kernel times in the default and deterministic arms, for the networks with the largest overhead.

    Times are divided by those of the default arm, so all panels have the same scale. An operator has the same colour
    and hatch in all panels.
    """
    table = overhead_frame.determinism(frame).sort_values("ratio", ascending=False)
    if table.empty:
        return only_words(overhead_frame.NO_DETERMINISM)
    rows = list(table.head(MOST_PAYING).itertuples())
    times = [_times(frame, row.hardware, row.network) for row in rows]
    named = [list(part.max(axis=1).nlargest(NAMED).index) for part in times]
    styles = _styles(times, named)
    size = look().width, (0.25 + 0.95 * len(rows)) * look().size / 8
    figure, axes = plt.subplots(len(rows), 1, figsize=size, sharex=True, squeeze=False, layout="constrained")
    for axis, row, part, names in zip(axes[:, 0], rows, times, named, strict=True):
        _draw_bars(axis, part, names, styles)
        where = f"{network_title(row.network)} on {hardware_title(row.hardware)}"
        axis.set_title(panel_title(f"{where}: step time × {row.ratio:.2f}"), loc="left")
    axes[-1, 0].set_xlabel("summed kernel time / that of the default arm")
    axes[-1, 0].set_xlim(0, 1.08 * axes[-1, 0].get_xlim()[1])  # the times stand at the ends of the bars
    text = f"{overhead_frame.provenance(frame)}.{_not_drawn(table.iloc[MOST_PAYING:])}"
    annotate(figure, text, _handles(times, styles))
    return figure


def _not_drawn(table: pd.DataFrame) -> str:
    """Return a sentence that names the timed networks which the figure leaves out, or an empty string."""
    rows = table.itertuples()
    names = [f"{network_title(row.network)} on {hardware_title(row.hardware)} ({row.ratio:.2f})" for row in rows]
    return f"\nTimed, but not among the {MOST_PAYING} with the largest overhead: {', '.join(names)}." if names else ""


def _times(frame: pd.DataFrame, hardware: str, network: str) -> pd.DataFrame:
    """Return the time of each operator of a network in milliseconds per step, with a column for each arm."""
    here = (frame["measure"] == "kernel") & (frame["hardware"] == hardware) & (frame["network"] == network)
    kernels = frame[here].assign(operator=lambda part: part["kernel"].astype(str).map(operator))
    times = kernels.pivot_table(index="operator", columns="arm", values="value", aggfunc="sum", fill_value=0.0)
    return times.reindex(columns=list(ARMS), fill_value=0.0)


def _styles(times: list[pd.DataFrame], named: list[list[str]]) -> dict[str, tuple[str, str]]:
    """Return a colour and a hatch for each operator that any panel names, in the order of their total times."""
    total = pd.concat(times).sum(axis=1).groupby(level=0).sum()
    names = {name for part in named for name in part}
    order = sorted(names, key=lambda name: (-total[name], name))
    return {name: (COLOURS[index % len(COLOURS)], HATCHES[index % len(HATCHES)]) for index, name in enumerate(order)}


def _draw_bars(axis: Axes, times: pd.DataFrame, named: list[str], styles: dict[str, tuple[str, str]]) -> None:
    """Draw a stacked bar for each arm: the operators of this network by name, and the sum of all others."""
    totals = times.sum()
    unit = float(totals[REFERENCE]) or 1.0
    left = pd.Series(0.0, ARMS)
    for name in sorted(named, key=list(styles).index):
        colour, hatch = styles[name]
        axis.barh(ARMS, times.loc[name] / unit, 0.7, left, color=colour, hatch=hatch, linewidth=0)
        left += times.loc[name] / unit
        axis.vlines(left, [-0.35, 0.65], [0.35, 1.35], color=look().page, linewidth=0.8)
    axis.barh(ARMS, times.drop(index=named).sum() / unit, 0.7, left, color=look().band)
    for arm in ARMS:
        axis.annotate(
            f"{totals[arm]:.3g} ms", (totals[arm] / unit, arm), (3, 0), textcoords="offset points", va="center",
            fontsize=look().size - 1,
        )  # fmt: skip
    axis.set_ylim(1.5, -0.5)


def _handles(times: list[pd.DataFrame], styles: dict[str, tuple[str, str]]) -> list[Artist]:
    """Return the entries of the legend. An operator that runs in one arm only has the name of this arm."""
    together = pd.concat(times)
    shown = _shortened(list(styles))
    handles: list[Artist] = []
    for name, (colour, hatch) in styles.items():
        arms = [arm for arm in ARMS if (together.loc[[name], arm] > 0).any()]
        label = escape.figure(shown[name]) + (f" (only {arms[0]})" if len(arms) == 1 else "")
        handles.append(Patch(facecolor=colour, hatch=hatch, label=label, linewidth=0))
    return [*handles, Patch(color=look().band, label="others")]


def operator(kernel: str) -> str:
    """Return the name of a kernel without its return type, namespaces, template arguments and parameters."""
    name = kernel.removeprefix("void ")
    while (inner := re.sub(r"<[^<>]*>", "", name)) != name:
        name = inner
    name = re.sub(r"\(.*", "", name).split("<")[0]
    return name if name.startswith("aten::") else name.rsplit("::", 1)[-1]


def _shortened(names: list[str]) -> dict[str, str]:
    """Return each name, or its beginning and its end if it is long. Names that would be equal then are kept whole."""
    start = LENGTH // 3
    short = {name: name if len(name) <= LENGTH else f"{name[:start]}…{name[start + 1 - LENGTH :]}" for name in names}
    counts = Counter(short.values())
    return {name: text if counts[text] == 1 else name for name, text in short.items()}
