"""Draw Figure 6 from overhead.csv: the overhead of determinism by network and by kernel size, on one scale."""

import textwrap
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullFormatter, StrMethodFormatter
from matplotlib.transforms import blended_transform_factory

from noisegrid.reporting import overhead_frame
from noisegrid.reporting.claims_overhead import KERNEL_SIZES, published_maxima
from noisegrid.reporting.figure_parts import annotate, only_words
from noisegrid.reporting.figure_style import COLOURS, MARKERS, look, readable
from noisegrid.reporting.titles import hardware_title, network_title

#: The networks of Figure 6 (left), in the paper's order.
PAPER_NETWORKS = (
    "vgg16", "vgg19", "resnet50", "resnet152", "densenet121", "densenet201", "inception_v3", "xception", "mobilenet",
    "efficientnet_b0",
)  # fmt: skip
LABEL = "deterministic / default step time"
#: The height of a line below the first panel, in inches.
LINE = 0.14
#: The space around the values on the scale, as a factor, and the ticks that the scale may have.
MARGIN, TICKS = 1.12, (0.1, 0.2, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10, 20, 50, 100)


def figure_6(frame: pd.DataFrame) -> Figure:
    """Draw Figure 6: deterministic step time divided by default step time, by network and by kernel size.

    Both panels have the same logarithmic scale, on which a half is as far from 1 as a double.
    """
    table = overhead_frame.determinism(frame)
    if table.empty:
        return only_words(overhead_frame.NO_DETERMINISM)
    hardware = list(dict.fromkeys(table["hardware"]))
    is_sized = table["network"].isin(KERNEL_SIZES.values())
    sized, others = table[is_sized], table[~is_sized]
    order = list(others["network"])
    networks = sorted(set(order), key=lambda name: (name not in PAPER_NETWORKS, order.index(name)))
    published = published_maxima()
    rows = len(networks) + len(published)
    missing = _not_measured(networks)
    high = max(1.9, 0.7 + (0.2 + 0.04 * (len(hardware) - 1)) * rows) + LINE * missing.count("\n")
    shape: dict[str, Any] = (
        {"nrows": 2, "height_ratios": (high, 2.2)} if look().narrow else {"ncols": 2, "width_ratios": (3, 2)}
    )
    size = look().width, (high + 2.2 * look().narrow) * look().size / 8
    figure, (left, right) = plt.subplots(**shape, figsize=size, layout="constrained")
    _by_network(left, others, networks, hardware, published, missing)
    _by_kernel_size(right, sized, hardware)
    _share_scale(left, right, pd.concat([table[["low", "ratio", "high"]].stack(), pd.Series(published)]))
    handles = [
        Line2D([], [], label=f"{hardware_title(name)}, measured here", **_style(index))
        for index, name in enumerate(hardware)
    ]
    if published:
        handles.append(Line2D([], [], label="published in the paper, not measured here", **_paper_style()))
    annotate(figure, f"{overhead_frame.provenance(frame)}. Lines: 95 % intervals over processes.", handles)
    return figure


def _by_network(
    axis: Axes,
    table: pd.DataFrame,
    networks: list[str],
    hardware: list[str],
    published: dict[str, float],
    missing: str,
) -> None:
    """Draw a row per network with the estimates on all kinds of hardware, the paper's maxima, and what is missing."""
    ticks = [network_title(name) for name in networks]
    for index, name in enumerate(hardware):
        offset = _offset(index, len(hardware), 0.7)
        for row in table[table["hardware"] == name].itertuples():
            place = networks.index(row.network) + offset
            axis.plot([row.low, row.high], [place, place], color=_style(index)["color"], linewidth=1.2)
            axis.plot(row.ratio, place, **_style(index))
    for place, (name, ratio) in enumerate(published.items(), len(networks)):
        axis.plot(ratio, place, **_paper_style())
        ticks.append(f"paper: largest on {hardware_title(name)}")
    axis.axhspan(len(networks) - 0.5, len(ticks) - 0.5, color=look().rule, linewidth=0, zorder=0)
    axis.set_yticks(range(len(ticks)), ticks)
    axis.set_ylim(len(ticks) - 0.5, -0.5)
    axis.set_xlabel(f"{LABEL}{missing}")


def _not_measured(networks: list[str]) -> str:
    """Return which networks of the paper's figure were not measured, in lines that fit below the first panel."""
    missing = [network_title(name) for name in PAPER_NETWORKS if name not in networks]
    if not missing:
        return ""
    width = int(look().characters(look().size) * (0.65 if look().narrow else 0.55))
    text = f"Networks of the paper that were not measured here: {', '.join(missing)}"
    return "\n".join(["", "", *textwrap.wrap(text, width, break_on_hyphens=False)])


def _by_kernel_size(axis: Axes, table: pd.DataFrame, hardware: list[str]) -> None:
    """Draw the estimates of each kernel size. A line joins two neighbours whose intervals do not overlap."""
    if table.empty:
        text = "medium CNN not measured\nin this study"
        axis.text(0.5, 0.5, text, transform=axis.transAxes, ha="center", va="center", color=look().muted)
        axis.set_axis_off()
        return
    sizes = {network: size for size, network in KERNEL_SIZES.items()}
    for index, name in enumerate(hardware):
        part = table[table["hardware"] == name].assign(size=lambda t: t["network"].map(sizes)).sort_values("size")
        places = part["size"] + _offset(index, len(hardware), 1.0)
        axis.vlines(places, part["low"], part["high"], color=_style(index)["color"], linewidth=1.2)
        axis.plot(places, part["ratio"], **_style(index))
        for before, after in zip(range(len(part) - 1), range(1, len(part)), strict=True):
            if _differ(part.iloc[before], part.iloc[after]):
                ends = [before, after]
                axis.plot(places.iloc[ends], part["ratio"].iloc[ends], color=_style(index)["color"], linewidth=0.8)
    middle = blended_transform_factory(axis.transData, axis.transAxes)
    for network, size in sizes.items():
        if network not in set(table["network"]):
            axis.text(
                size,
                0.6,
                "not\nmeasured",
                ha="center",
                va="center",
                fontsize=look().size - 1.5,
                color=look().muted,
                transform=middle,
            )
    axis.set_xticks(list(KERNEL_SIZES), [f"{size} × {size}" for size in KERNEL_SIZES])
    axis.set_xlim(0.2, 7.8)
    axis.set_xlabel("kernel of the medium CNN")
    axis.set_ylabel(LABEL.replace("/ ", "/\n"))
    axis.grid(axis="x", visible=False)
    axis.grid(axis="y", visible=True)


def _differ(first: pd.Series, second: pd.Series) -> bool:
    """Return whether two intervals do not overlap. An interval that is not known overlaps with every other one."""
    return bool(first["high"] < second["low"] or second["high"] < first["low"])


def _share_scale(left: Axes, right: Axes, values: pd.Series) -> None:
    """Give the x axis of the left and the y axis of the right panel one logarithmic scale, with a line at 1."""
    known = values[np.isfinite(values) & (values > 0)]
    low, high = min(known.min(), 1) / MARGIN, max(known.max(), 1) * MARGIN
    left.set_xscale("log")
    right.set_yscale("log")
    left.set_xlim(low, high)
    right.set_ylim(low, high)
    left.axvline(1, color=look().muted, linewidth=0.8, linestyle=":")
    right.axhline(1, color=look().muted, linewidth=0.8, linestyle=":")
    for axis in (left.xaxis, right.yaxis):
        _tick(axis, [tick for tick in TICKS if low <= tick <= high])


def _tick(axis: Axis, ticks: list[float]) -> None:
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_locator(FixedLocator([]))
    axis.set_minor_formatter(NullFormatter())


def _offset(index: int, count: int, height: float) -> float:
    """Return the distance of the marks of one kind of hardware from the middle of a row."""
    return min(0.18, height / count) * (index - (count - 1) / 2)


def _paper_style() -> dict[str, Any]:
    """Return how a number of the paper is drawn: with no colour or marker of the measured hardware."""
    return {"color": look().muted, "marker": "|", "linestyle": "", "markersize": 9, "markeredgewidth": 2}


def _style(index: int) -> dict[str, Any]:
    colour = readable(COLOURS[index % len(COLOURS)])
    return {"color": colour, "marker": MARKERS[index % len(MARKERS)], "linestyle": ""}
