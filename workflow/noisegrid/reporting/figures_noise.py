"""Draw the figures whose rows are noises: Figures 1, 2, 5 and 8, and figure_sources."""

from collections.abc import Iterable, Sequence

import pandas as pd
from matplotlib.figure import Figure

from noisegrid.common.errors import NoisegridError
from noisegrid.reporting.figure_parts import (
    INTERVALS,
    caption,
    cell_title,
    draw_estimate,
    filled_and_open,
    finish,
    null_handle,
    panels,
    stacked,
)
from noisegrid.reporting.metrics_frame import batch_norm_counterparts, select
from noisegrid.reporting.titles import noise_title
from noisegrid.study.sources import FREE

#: The measures, with their axis labels.
MEASURES = {
    "accuracy_std": "std of top-1 (percentage points)",
    "rmse_std": "std of RMSE (unit of the labels)",
    "bits_per_token_std": "std of bits per token",
    "churn": "churn (% of predictions)",
    "l2_unit": "L2 between weights (of unit length)",
}
PAPER_NOISE = ("algo_impl", "algo", "impl")
GROUP = ["hardware", "task"]
#: The distance of the two markers of a row from its middle, in rows.
APART = 0.2


def figure_1(frame: pd.DataFrame) -> Figure:
    """Draw Figure 1: churn, L2 and the std of top-1 accuracy, for each task, under the paper's noises and control."""
    return _by_task(frame, (*PAPER_NOISE, "control"))


def figure_5(frame: pd.DataFrame) -> Figure:
    """Draw Figure 5: the measures of Figure 1, with all kinds of hardware of a task next to each other."""
    return _by_task(frame.sort_values("task", kind="stable"), PAPER_NOISE, tasks_first=True)


def figure_8(frame: pd.DataFrame) -> Figure:
    """Draw Figure 8: the measures of Figure 1 for the noises `order` and `in_batch_order`, next to those for `algo`."""
    found = frame[frame["noise"].isin(["order", "in_batch_order"])]
    cells = set(zip(found["hardware"], found["task"], strict=True))
    shown = [cell in cells for cell in zip(frame["hardware"], frame["task"], strict=True)]
    return _by_task(frame[shown], ("algo", "order", "in_batch_order"))


def figure_sources(frame: pd.DataFrame) -> Figure:
    """Draw the measures of Figure 1 for every noise except control, whether it frees one source or several."""
    return _by_task(frame, tuple(noise for noise in FREE if noise != "control"))


def measured(frame: pd.DataFrame, metrics: Iterable[str] = MEASURES) -> dict[str, str]:
    """Return those measures that were measured, with their axis labels. L2 is missing where no weights are kept."""
    found = set(frame["metric"])
    return {metric: MEASURES[metric] for metric in metrics if metric in found}


def _by_task(frame: pd.DataFrame, noises: Sequence[str], tasks_first: bool = False) -> Figure:
    """Draw a panel for each measure, with a block of rows for each task on each hardware, and a row per noise."""
    cells = select(frame[frame["noise"].isin(noises)], "churn")
    keys = ["task", "hardware"] if tasks_first else GROUP
    shown = {
        (part["hardware"].iloc[0], part["task"].iloc[0]): list(part["noise"])
        for _, part in cells.groupby(keys, sort=False, observed=True)
    }
    if not shown:
        raise NoisegridError(f"this figure requires cells with one of these noises: {', '.join(noises)}")
    blocks = stacked((cell_title(task, hardware, frame), _titles(part)) for (hardware, task), part in shown.items())
    measures = measured(frame)
    figure, axes = panels(len(measures), blocks)
    for axis, (metric, label) in zip(axes, measures.items(), strict=True):
        data = select(frame, metric).set_index([*GROUP, "noise"])
        for block, (key, part) in zip(blocks, shown.items(), strict=True):
            for row, noise in zip(block.rows, part, strict=True):
                if (*key, noise) in data.index:
                    draw_estimate(axis, data.loc[(*key, noise)], row, noise)
        finish(axis, label, blocks, metric)
    missing = {block.header: set(noises) - set(part) for block, part in zip(blocks, shown.values(), strict=True)}
    caption(figure, frame, [null_handle()], f"{INTERVALS}{_not_measured(missing)}")
    return figure


def figure_2(frame: pd.DataFrame) -> Figure:
    """Draw Figure 2: the measures of Figure 1 for the same network with and without batch norm, by noise.

    Raises
    ------
    NoisegridError
        If no network was measured both with and without batch norm.
    """
    frame = frame[~frame["metric"].str.endswith("_across_hardware")]
    cells = set(zip(frame["hardware"], frame["task"], frame["noise"], strict=True))
    noises = {
        (hardware, plain, task): [one for one in FREE if {(hardware, plain, one), (hardware, task, one)} <= cells]
        for hardware, task, plain in batch_norm_counterparts(frame)
    }
    pairs, shared = [pair for pair, both in noises.items() if both], [both for both in noises.values() if both]
    if not pairs:
        raise NoisegridError(
            "figure_2 requires a task with and without batch norm under the same noise, e.g. smallcnn-digits and "
            "smallcnn_bn-digits"
        )
    blocks = stacked(
        (cell_title(pair[1], pair[0], frame), _titles(part)) for pair, part in zip(pairs, shared, strict=True)
    )
    measures = measured(frame)
    figure, axes = panels(len(measures), blocks, row=0.26)
    for axis, (metric, label) in zip(axes, measures.items(), strict=True):
        data = select(frame, metric).set_index([*GROUP, "noise"])
        for block, (hardware, *tasks), part in zip(blocks, pairs, shared, strict=True):
            for row, noise in zip(block.rows, part, strict=True):
                for task, offset, filled in zip(tasks, (-APART, APART), (True, False), strict=True):
                    if (hardware, task, noise) in data.index:
                        estimate = data.loc[(hardware, task, noise)]
                        draw_estimate(axis, estimate, row + offset, noise, filled, height=1.8 * APART)
        finish(axis, label, blocks, metric)
    missing = {block.header: {*PAPER_NOISE, "control"} - set(part) for block, part in zip(blocks, shared, strict=True)}
    handles = [*filled_and_open("without batch norm", "with batch norm"), null_handle()]
    caption(figure, frame, handles, f"{INTERVALS}{_not_measured(missing)}")
    return figure


def _titles(noises: Iterable[str]) -> list[str]:
    return [noise_title(noise) for noise in noises]


def _not_measured(missing: dict[tuple[str, ...], set[str]]) -> str:
    """Return a line that lists the noises that were not measured, or an empty string if all were measured.

    The line starts with the noises that are missing from all blocks. The noises that are missing only from some blocks
    follow, with the headers of these blocks. `missing` maps the header of each block to its missing noises.
    """
    nowhere = set.intersection(*missing.values()) if missing else set()
    parts = [_listed(nowhere)] if nowhere else []
    parts += [f"{_listed(rest)} of {' '.join(header)}" for header, part in missing.items() if (rest := part - nowhere)]
    return f"\nNot measured: {'; '.join(parts)}." if parts else ""


def _listed(noises: set[str]) -> str:
    return ", ".join(f"“{noise_title(noise)}”" for noise in FREE if noise in noises)
