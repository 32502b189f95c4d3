"""Draw Figures 6 and 7 from overhead.csv: the overhead by network and kernel size, and the kernels that cause it."""

import re
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from noisegrid.common import escape
from noisegrid.reporting import overhead_frame
from noisegrid.reporting.claims_overhead import KERNEL_SIZES, published_maxima
from noisegrid.runtime.hardware import entry as hardware_entry
from noisegrid.study.arms import REFERENCE

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "osD^v<>"
PAPER_COLOUR = "#8C8C8C"
#: The networks of Figure 6 (left), in the paper's order.
PAPER_NETWORKS = (
    "vgg16", "vgg19", "resnet50", "resnet152", "densenet121", "densenet201", "inception_v3", "xception", "mobilenet",
    "efficientnet_b0",
)  # fmt: skip
#: The number of networks in Figure 7 (those with the largest overhead), and the number of kernels named for each.
MOST_PAYING, KERNELS_SHOWN = 4, 6


def figure_6(frame: pd.DataFrame) -> Figure:
    """Draw Figure 6: deterministic step time divided by default step time, by network and by kernel size."""
    table = overhead_frame.determinism(frame)
    hardware = list(dict.fromkeys(table["hardware"]))
    sized = table[table["network"].isin(KERNEL_SIZES.values())]
    others = table[~table["network"].isin(KERNEL_SIZES.values())]
    networks = sorted(set(others["network"]), key=lambda n: (n not in PAPER_NETWORKS, list(others["network"]).index(n)))
    published = published_maxima()
    rows = len(networks) + len(published) + 1
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(7.4, max(2.6, 0.9 + 0.2 * rows)), width_ratios=(3, 2), layout="constrained"
    )
    _by_network(left, others, networks, hardware, published)
    _by_kernel_size(right, sized, hardware)
    handles = [_style(index) | {"label": hardware_entry(name).title} for index, name in enumerate(hardware)]
    figure.legend(handles=[Line2D([], [], linestyle="", **h) for h in handles], loc="outside upper right", ncols=7)
    missing = [
        overhead_frame.title(name)
        for name in (*PAPER_NETWORKS, *KERNEL_SIZES.values())
        if name not in set(table["network"])
    ]
    text = f"\nNot measured: {', '.join(missing)}." if missing else ""
    _caption(figure, frame, f" Lines: 95 % intervals over processes.{text}")
    return figure


def figure_7(frame: pd.DataFrame) -> Figure:
    """Draw Figure 7: kernel times in the default and deterministic arms, for the networks with the largest overhead."""
    table = overhead_frame.determinism(frame).sort_values("ratio", ascending=False).head(MOST_PAYING)
    kernels = frame[frame["measure"] == "kernel"]
    figure, axes = plt.subplots(
        len(table), 1, figsize=(7.4, 0.5 + 1.5 * len(table)), squeeze=False, layout="constrained"
    )
    for axis, row in zip(axes[:, 0], table.itertuples(), strict=True):
        here = kernels[(kernels["hardware"] == row.hardware) & (kernels["network"] == row.network)]
        _breakdown(axis, here)
        hardware = hardware_entry(row.hardware).title
        axis.set_title(f"{overhead_frame.title(row.network)} on {hardware}: step time × {row.ratio:.2f}", loc="left")
    axes[-1, 0].set_xlabel("summed kernel time (ms per step)")
    _caption(figure, frame, "")
    return figure


def _by_network(
    axis: Axes, table: pd.DataFrame, networks: list[str], hardware: list[str], published: dict[str, float]
) -> None:
    ticks = [overhead_frame.title(name) for name in networks]
    for index, name in enumerate(hardware):
        part = table[table["hardware"] == name]
        offset = 0.18 * (index - (len(hardware) - 1) / 2)
        for row in part.itertuples():
            place = networks.index(row.network) + offset
            axis.plot([row.low, row.high], [place, place], color=COLOURS[index], linewidth=1.2)
            axis.plot(row.ratio, place, **_style(index))
    for position, (name, ratio) in enumerate(published.items(), len(networks)):
        axis.plot(ratio, position, "|", color=PAPER_COLOUR, markersize=9, markeredgewidth=2)
        ticks.append(f"paper, largest on {hardware_entry(name).title}")
    axis.axhline(len(networks) - 0.5, color="#CCCCCC", linewidth=0.8)
    axis.set_yticks(range(len(ticks)), ticks)
    axis.set_ylim(len(ticks) - 0.5, -0.5)
    _ratio_axis(axis.set_xlabel, axis.axvline)


def _by_kernel_size(axis: Axes, table: pd.DataFrame, hardware: list[str]) -> None:
    sizes = {network: size for size, network in KERNEL_SIZES.items()}
    if table.empty:
        axis.text(
            0.5, 0.5, "medium CNN not measured in this study", transform=axis.transAxes, ha="center", color="#888888"
        )
        axis.set_axis_off()
        return
    for index, name in enumerate(hardware):
        part = table[table["hardware"] == name].assign(size=lambda t: t["network"].map(sizes)).sort_values("size")
        axis.vlines(part["size"], part["low"], part["high"], color=COLOURS[index], linewidth=1.2)
        axis.plot(part["size"], part["ratio"], **(_style(index) | {"linestyle": "-", "linewidth": 0.8}))
    axis.set_xticks(list(KERNEL_SIZES), [f"{size} × {size}" for size in KERNEL_SIZES])
    axis.set_xlim(0.4, 7.6)
    axis.set_xlabel("kernel of the medium CNN")
    axis.grid(axis="x", visible=False)
    axis.grid(axis="y", visible=True)
    _ratio_axis(axis.set_ylabel, axis.axhline)


def _ratio_axis(set_label, draw_line) -> None:  # type: ignore[no-untyped-def]
    set_label("deterministic / default step time")
    draw_line(1, color="#888888", linewidth=0.8, linestyle=":")


def _breakdown(axis: Axes, kernels: pd.DataFrame) -> None:
    """Draw a stacked bar of kernel times for the default arm, and another for the deterministic arm.

    The kernels with the longest times are shown by name, and all others are summed.
    """
    arms = (REFERENCE, overhead_frame.DETERMINISTIC)
    totals = kernels.pivot_table(index="kernel", columns="arm", values="value", aggfunc="sum", fill_value=0.0)
    totals = totals.reindex(columns=list(arms), fill_value=0.0)
    shown = totals.max(axis=1).nlargest(KERNELS_SHOWN).index
    left = np.zeros(len(arms))
    for colour, kernel in zip(COLOURS, shown, strict=False):
        only = [arm for arm in arms if totals.loc[kernel, arm] > 0]
        label = escape.figure(short_name(str(kernel))) + (f" (only {only[0]})" if len(only) == 1 else "")
        axis.barh(arms, totals.loc[kernel], left=left, color=colour, label=label, height=0.7)
        left = left + totals.loc[kernel].to_numpy()
    rest = totals.drop(index=shown)
    axis.barh(arms, rest.sum(), left=left, color="#DDDDDD", label=f"{len(rest)} others", height=0.7)
    axis.invert_yaxis()
    axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=6)


def short_name(kernel: str) -> str:
    """Return the name of a kernel without its return type, namespaces, template arguments and parameters."""
    name = kernel.removeprefix("void ")
    while (inner := re.sub(r"<[^<>]*>", "", name)) != name:
        name = inner
    name = re.sub(r"\(.*", "", name).split("<")[0]
    name = name if name.startswith("aten::") else name.rsplit("::", 1)[-1]
    return name if len(name) <= 44 else f"{name[:41]}…"


def _style(index: int) -> dict[str, Any]:
    return {"color": COLOURS[index % len(COLOURS)], "marker": MARKERS[index % len(MARKERS)]}


def _caption(figure: Figure, frame: pd.DataFrame, lines: str) -> None:
    figure.supxlabel(
        f"{escape.figure(overhead_frame.provenance(frame))}.{lines}", fontsize=6, color="#555555", wrap=True
    )
