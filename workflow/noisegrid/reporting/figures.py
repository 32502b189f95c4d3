"""Draw figures, numbered as in the paper, from metrics.csv or overhead.csv, and write them as PDF and PNG.

This module does not read replicates.
"""

import itertools
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from noisegrid.common import escape
from noisegrid.common.errors import NoisegridError, unknown
from noisegrid.common.files import write_atomically
from noisegrid.reporting.metrics_frame import batch_norm_counterparts, load_metrics, provenance, select
from noisegrid.reporting.overhead_frame import load_overhead
from noisegrid.reporting.registry import FIGURES, METRICS, OVERHEAD
from noisegrid.study.sources import FREE, NOISES

plt.style.use(Path(__file__).parent / "noisegrid.mplstyle")

NULL_COLOUR = "#D9D9D9"
#: The colour of interactions of sources, and of legends for all sources.
INTERACTION = "#444444"
NULL_LABEL = "95 % range if examples erred independently"
#: The measures of Figures 1, 2, 5 and 8 and of figure_sources, with their axis labels.
PANELS = {
    "accuracy_std": "std of top-1 (percentage points)",
    "rmse_std": "std of RMSE (unit of the labels)",
    "bits_per_token_std": "std of bits per token",
    "churn": "churn (% of predictions)",
    "l2_unit": r"L2, unit length ($\sqrt{2}$: unrelated)",
}
PAPER_NOISE = ("algo_impl", "algo", "impl")
GROUP = ["hardware", "task"]
#: The number of characters in a line below a figure.
FOOTER_CHARACTERS = 170


def _panels(frame: pd.DataFrame, metrics: Iterable[str] = PANELS) -> dict[str, str]:
    """Return those measures that were measured, with their axis labels. L2 is missing where no weights are kept.

    More than three panels are narrow, so their labels have two lines.
    """
    measured = set(frame["metric"])
    panels = {metric: PANELS[metric] for metric in metrics if metric in measured}
    narrow = len(panels) > 3
    return {metric: label.replace(" (", "\n(") if narrow else label for metric, label in panels.items()}


def figure_1(frame: pd.DataFrame) -> Figure:
    """Draw Figure 1: churn, L2 and the std of top-1 accuracy, for each task, under the paper's noises and control."""
    return _by_task(frame, (*PAPER_NOISE, "control"))


GROUP_PANELS = {
    "group_accuracy_std": "std of accuracy (pp)",
    "group_fpr_std": "std of false-\npositive rate (pp)",
    "group_fnr_std": "std of false-\nnegative rate (pp)",
}


#: The columns that identify a sub-group.
SUBGROUP = [*GROUP, "group"]


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
    groups = list(sizes["positives"].index)
    if not groups:
        raise NoisegridError("figure_4 requires a task with sub-groups, e.g. resnet18-celeba")
    sources = [noise for noise in PAPER_NOISE if (select(frame, "group_fpr_std", None)["noise"] == noise).any()]
    several = len({(hardware, task) for hardware, task, _ in groups}) > 1
    ticks = [
        (f"{task}, {hardware}: " if several else "")
        + f"{name} ({sizes['positives'][hardware, task, name]:,.0f} + / "
        + f"{sizes['negatives'][hardware, task, name]:,.0f} −)"
        for hardware, task, name in groups
    ]
    figure, axes = plt.subplots(1, 3, figsize=(7.4, 0.8 + 0.42 * len(groups)), sharey=True, layout="constrained")
    for axis, (metric, label) in zip(axes, GROUP_PANELS.items(), strict=True):
        data = select(frame, metric, None).set_index([*SUBGROUP, "noise"])
        for (row, group), (column, noise) in itertools.product(enumerate(groups), enumerate(sources)):
            if (*group, noise) in data.index:
                offset = 0.25 * (column - (len(sources) - 1) / 2)
                draw_estimate(axis, data.loc[(*group, noise)], row + offset, noise, height=0.22)
        finish(axis, label, dict(enumerate(ticks)))
    handles: list[Artist] = [
        Line2D([], [], color=NOISES[n].colour, marker=NOISES[n].marker, linestyle="", label=n) for n in sources
    ]
    caption(figure, frame, [*handles, Patch(color=NULL_COLOUR, label=NULL_LABEL)], "")
    return figure


def figure_5(frame: pd.DataFrame) -> Figure:
    """Draw Figure 5: the measures of Figure 1, with all kinds of hardware of a task next to each other."""
    return _by_task(frame.sort_values("task", kind="stable"), PAPER_NOISE, ["task", "hardware"])


def figure_across(frame: pd.DataFrame) -> Figure:
    """Draw churn and L2 between two kinds of hardware, next to churn and L2 between replicates on the same hardware.

    Between two kinds of hardware, each replicate is compared with the replicate that has the same seeds.

    Raises
    ------
    NoisegridError
        If no task was measured on more than one kind of hardware.
    """
    across = frame[frame["metric"].isin(["churn_across_hardware", "l2_unit_across_hardware"])]
    if across.empty:
        raise NoisegridError("figure_across requires a task on more than one kind of hardware")
    shown = across["noise"].unique()
    within = frame[frame["metric"].isin(["churn", "l2_unit"]) & frame["noise"].isin(shown)]
    both = pd.concat([within, across.assign(metric=across["metric"].str.removesuffix("_across_hardware"))])
    keys = list(dict.fromkeys(zip(both["task"], both["hardware"], strict=True)))
    keys = [key for key in sorted(keys) if not across[across["task"] == key[0]].empty]
    rows = sum(1 + both[(both["task"] == t) & (both["hardware"] == h)]["noise"].nunique() for t, h in keys)
    panels = _panels(both, ("churn", "l2_unit"))
    size = 7.4, 0.7 + 0.19 * rows
    figure, axes = plt.subplots(1, len(panels), figsize=size, sharey=True, squeeze=False, layout="constrained")
    for axis, (metric, label) in zip(axes[0], panels.items(), strict=True):
        position, ticks = 0, dict[int, str]()
        for task, hardware in keys:
            ticks[position] = f"{task}, {hardware}"
            here = (both["task"] == task) & (both["hardware"] == hardware) & (both["metric"] == metric)
            for _, row in both[here].sort_values("noise").iterrows():
                position += 1
                draw_estimate(axis, row, position, row["noise"])
                ticks[position] = row["noise"]
            position += 1
        finish(axis, label, ticks)
    caption(figure, frame, [])
    return figure


def figure_8(frame: pd.DataFrame) -> Figure:
    """Draw Figure 8: the measures of Figure 1 for the noises `order` and `in_batch_order`, next to those for `algo`."""
    measured = frame[frame["noise"].isin(["order", "in_batch_order"])]
    cells = set(zip(measured["hardware"], measured["task"], strict=True))
    shown = [cell in cells for cell in zip(frame["hardware"], frame["task"], strict=True)]
    return _by_task(frame[shown], ("algo", "order", "in_batch_order"))


def figure_sources(frame: pd.DataFrame) -> Figure:
    """Draw the measures of Figure 1 for every noise except control, whether it frees one source or several."""
    return _by_task(frame, tuple(noise for noise in FREE if noise != "control"))


#: The panels of figure_components: metric of the shares, and axis label.
SHARES = {
    "component_predictions": "share of the churn (%)",
    "component_accuracy": "share of the variance of top-1 (%)",
}


def figure_components(frame: pd.DataFrame) -> Figure:
    """Draw, for each crossed cell, the share of each source and each interaction, with a panel for each outcome.

    A filled marker is the share that goes away if a source is held, an open one the share that stays if this source
    alone is free. An estimate below 0 or above 100 % is drawn at 0 or 100.

    Raises
    ------
    NoisegridError
        If there is no crossed cell.
    """
    shares = select(frame, "component_predictions", None)
    if shares.empty:
        raise NoisegridError("figure_components requires a crossed cell, e.g. crossed: {init: 4, order: 4}")
    groups = list(shares.groupby(GROUP, sort=False, observed=True))
    rows = sum(len(part) + 1 for _, part in groups)
    figure, axes = plt.subplots(1, len(SHARES), figsize=(7.4, 0.9 + 0.24 * rows), sharey=True, layout="constrained")
    for axis, (metric, label) in zip(axes, SHARES.items(), strict=True):
        own, alone = (select(frame, name, None).set_index([*GROUP, "group"]) for name in (metric, f"{metric}_alone"))
        position, ticks = 0, dict[int, str]()
        for key, part in groups:
            ticks[position] = title(dict(zip(GROUP, key, strict=True)), frame)
            for source in part["group"]:
                position += 1
                style = (NOISES[source].colour, NOISES[source].marker) if source in NOISES else (INTERACTION, "o")
                for data, offset, filled in ((own, -0.16, True), (alone, 0.16, False)):
                    if (*key, source) in data.index:
                        share = data.loc[(*key, source)].copy()
                        share["value"] = np.clip(share["value"], 0, 100)
                        _draw_marker(axis, share, position + offset * (source in NOISES), *style, filled)
                ticks[position] = source
            position += 1
        finish(axis, label, ticks)
        axis.set_xlim(0, 100)
        for tick in axis.get_yticklabels():
            if " × " in tick.get_text():
                tick.set_fontweight("normal")
    handles = [
        Line2D([], [], color=INTERACTION, marker="o", linestyle="", label="goes away if it is held"),
        Line2D(
            [],
            [],
            color=INTERACTION,
            marker="o",
            linestyle="",
            markerfacecolor="white",
            label="stays if it alone is free",
        ),
    ]
    caption(figure, frame, handles)
    return figure


def _by_task(frame: pd.DataFrame, sources: Sequence[str], keys: Sequence[str] = GROUP) -> Figure:
    """Draw the measures of PANELS side by side, with a row per noise, grouped by task and hardware."""
    panels = _panels(frame)
    cells = select(frame[frame["noise"].isin(sources)], "churn")
    groups = list(cells.groupby(list(keys), sort=False, observed=True))
    rows = sum(len(part) + 1 for _, part in groups)
    size = 7.4, 0.7 + 0.19 * rows
    figure, axes = plt.subplots(1, len(panels), figsize=size, sharey=True, layout="constrained")
    for axis, (metric, label) in zip(axes, panels.items(), strict=True):
        data = select(frame, metric).set_index([*keys, "noise"])
        position, ticks = 0, dict[int, str]()
        for key, part in groups:
            ticks[position] = title(dict(zip(keys, key, strict=True)), frame)
            for noise in part["noise"]:
                position += 1
                if (*key, noise) in data.index:
                    draw_estimate(axis, data.loc[(*key, noise)], position, noise)
                ticks[position] = noise
            position += 1
        finish(axis, label, ticks)
    missing = {
        title(dict(zip(keys, key, strict=True)), frame): set(sources) - set(part["noise"]) for key, part in groups
    }
    lines = f" Lines: 95 % intervals.{_not_measured(missing)}"
    caption(figure, frame, [Patch(color=NULL_COLOUR, label=NULL_LABEL)], lines)
    return figure


def _not_measured(missing: dict[str, set[str]]) -> str:
    """Return a line that lists the noises that were not measured, or an empty string if all were measured.

    The line starts with the noises that are missing from all groups. The noises that are missing only from some groups
    follow, with the titles of these groups. A group is a task on one kind of hardware. `missing` maps the
    title of each group to its missing noises.
    """
    nowhere = set.intersection(*missing.values()) if missing else set()
    parts = [", ".join(noise for noise in FREE if noise in nowhere)] if nowhere else []
    for title, sources in missing.items():
        if rest := sources - nowhere:
            parts.append(f"{', '.join(noise for noise in FREE if noise in rest)} of {title}")
    return f"\nNot measured: {'; '.join(parts)}." if parts else ""


def figure_2(frame: pd.DataFrame) -> Figure:
    """Draw Figure 2: the measures of Figure 1 for the same network with and without batch norm, by noise.

    Raises
    ------
    NoisegridError
        If no network was measured both with and without batch norm.
    """
    frame = frame[~frame["metric"].str.endswith("_across_hardware")]
    pairs = [(hardware, plain, task) for hardware, task, plain in batch_norm_counterparts(frame)]
    if not pairs:
        raise NoisegridError(
            "figure_2 requires a task with and without batch norm, e.g. smallcnn-digits and smallcnn_bn-digits"
        )
    panels, size = _panels(frame), (7.4, 0.6 + 1.9 * len(pairs))
    figure, grid = plt.subplots(
        len(pairs), len(panels), figsize=size, sharey="row", squeeze=False, layout="constrained"
    )
    missing = dict[str, set[str]]()
    for axes, (hardware, *tasks) in zip(grid, pairs, strict=True):
        here = frame[frame["hardware"] == hardware]
        shared = list[str]()
        for axis, (metric, label) in zip(axes, panels.items(), strict=True):
            data = select(here, metric)
            both = [data[data["task"] == task].set_index("noise") for task in tasks]
            shared = [noise for noise in FREE if all(noise in part.index for part in both)]
            for position, noise in enumerate(shared):
                for part, offset, filled in zip(both, (-0.17, 0.17), (True, False), strict=True):
                    draw_estimate(axis, part.loc[noise], position + offset, noise, filled, null=False)
            finish(axis, label, dict(enumerate(shared)))
        axes[0].set_title(title({"hardware": hardware, "task": tasks[0]}, frame), loc="left")
        missing[title({"hardware": hardware, "task": tasks[0]}, frame)] = {*PAPER_NOISE, "control"} - set(shared)
    legend = [
        Line2D([], [], color="#444444", marker="o", linestyle="", label="without batch norm"),
        Line2D([], [], color="#444444", marker="o", linestyle="", markerfacecolor="white", label="with batch norm"),
    ]
    caption(figure, frame, legend, f" Lines: 95 % intervals.{_not_measured(missing)}")
    return figure


def figure_3(frame: pd.DataFrame) -> Figure:
    """Draw Figure 3: the std of each class's accuracy divided by the overall std, with the independent-error null."""
    data = select(frame, "class_std_ratio", None)
    data = data[data["noise"].isin(PAPER_NOISE)]
    groups = [key for key, part in data.groupby(GROUP, sort=False, observed=True) if part["value"].notna().any()]
    sources = [noise for noise in PAPER_NOISE if (data["noise"] == noise).any()]
    figure, grid = plt.subplots(
        len(groups),
        len(sources),
        figsize=(7.4, 0.6 + 1.6 * len(groups)),
        sharey="row",
        squeeze=False,
        layout="constrained",
    )
    for axes, key in zip(grid, groups, strict=True):
        for axis, noise in zip(axes, sources, strict=True):
            cell = data[(data[GROUP] == list(key)).all(axis=1) & (data["noise"] == noise)]
            _draw_classes(axis, cell, noise)
        axes[0].set_ylim(bottom=0)  # all panels of a row share the y axis, so its limit is set after all are drawn
        axes[0].set_ylabel(f"{title(dict(zip(GROUP, key, strict=True)), frame)}\nclass std / overall std")
    handles = [Patch(color=NULL_COLOUR, label=NULL_LABEL), Line2D([], [], color="#888888", label="its median")]
    caption(figure, frame, handles, "")
    return figure


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
    colour, marker = NOISES[noise].colour, NOISES[noise].marker
    if null and pd.notna(row["null_high"]) and row["null_high"] > 0:
        axis.barh(position, row["null_high"] - row["null_low"], height, row["null_low"], color=NULL_COLOUR, zorder=1)
    _draw_marker(axis, row, position, colour, marker, filled)


def _draw_marker(axis: Axes, row: pd.Series, position: float, colour: str, marker: str, filled: bool) -> None:
    """Draw an estimate and its interval."""
    if pd.notna(row["low"]):
        axis.plot([row["low"], row["high"]], [position, position], color=colour, linewidth=1.2, zorder=2)
    face = colour if filled or marker == "x" else "white"
    axis.plot(row["value"], position, marker, color=colour, markerfacecolor=face, zorder=3, clip_on=False)


def _draw_classes(axis: Axes, cell: pd.DataFrame, noise: str) -> None:
    colour, marker = NOISES[noise].colour, NOISES[noise].marker
    axis.set_title(noise, loc="left")
    axis.grid(axis="x", visible=False)
    if cell.empty:
        axis.text(0.5, 0.5, "not measured in this study", transform=axis.transAxes, ha="center", color="#888888")
        axis.set_xticks([])
        return
    positions = np.arange(len(cell))
    axis.bar(positions, cell["null_high"] - cell["null_low"], 0.8, cell["null_low"], color=NULL_COLOUR, zorder=1)
    axis.hlines(cell["null_median"], positions - 0.4, positions + 0.4, color="#888888", linewidth=1, zorder=2)
    axis.plot(positions, cell["value"], marker, color=colour, zorder=3, clip_on=False)
    axis.grid(axis="y", visible=True)
    axis.set_xlabel("class")
    if len(cell) <= 12:
        axis.set_xticks(positions, [group.removeprefix("class ") for group in cell["group"]])


def finish(axis: Axes, label: str, ticks: dict[int, str]) -> None:
    """Label the x axis and the rows. A row label is bold unless it is the name of a noise.

    `ticks` maps the position of each row to the label of the row.
    """
    axis.set_xlabel(label)
    axis.set_xlim(left=0)
    axis.set_yticks(list(ticks), list(ticks.values()))
    axis.set_ylim(max(ticks) + 0.6, -0.6)
    for tick in axis.get_yticklabels():
        if tick.get_text() not in FREE:
            tick.set_fontweight("bold")


def title(key: dict[str, str], frame: pd.DataFrame) -> str:
    """Return the task, followed by the hardware if the study has several hardware entries."""
    return key["task"] if frame["hardware"].nunique() == 1 else f"{key['task']}, {key['hardware']}"


def caption(
    figure: Figure, frame: pd.DataFrame, handles: Sequence[Artist], lines: str = " Lines: 95 % intervals."
) -> None:
    """Add the legend above the axes, and below them a text with n, device, versions and the meaning of the lines."""
    if handles:
        figure.legend(handles=handles, loc="outside upper right", ncols=len(handles))
    text = f"{escape.figure(provenance(frame))}.{lines}".splitlines()
    wrapped = [textwrap.fill(line, FOOTER_CHARACTERS, break_on_hyphens=False) for line in text]
    figure.supxlabel("\n".join(wrapped), fontsize=6, color="#555555")


def save(figure: Figure, path: Path) -> None:
    """Write a figure to `path` (.pdf) and to a .png next to it. The same data always give byte-identical files."""
    for suffix, metadata in ((".png", {"Software": None}), (".pdf", {"CreationDate": None})):
        write_atomically(path.with_suffix(suffix), lambda path, m=metadata: figure.savefig(path, metadata=m))  # type: ignore[misc]
        figure.set_layout_engine("none")  # the axes stay where the first file has them


def draw_all(names: Sequence[str], metrics_file: Path, overhead_file: Path | None, folder: Path) -> None:
    """Draw figures and write each of them as PDF and PNG.

    Parameters
    ----------
    names : sequence of str
        Names of figures in the registry.
    metrics_file : Path
        Path of metrics.csv.
    overhead_file : Path or None
        Path of overhead.csv, which Figures 6 and 7 are drawn from.
    folder : Path
        Folder to write into.

    Raises
    ------
    NoisegridError
        If a name is not in the registry, or if a figure needs overhead.csv and it is not given. Nothing is drawn then.
    """
    for name in names:
        if name not in FIGURES:
            raise NoisegridError(unknown("figure", name, FIGURES))
        if FIGURES[name].data == OVERHEAD and overhead_file is None:
            raise NoisegridError(f"{name} is drawn from overhead.csv; name it with --overhead")
    frames = {METRICS: load_metrics(metrics_file)}
    if overhead_file is not None:
        frames[OVERHEAD] = load_overhead(overhead_file)
    for name in names:
        entry = FIGURES[name]
        frame = frames[entry.data]
        figure = entry.make(entry.rows(frame) if entry.data == METRICS else frame)
        save(figure, folder / f"{name}.pdf")
        plt.close(figure)
