"""Pages for the report: one page for each task on each kind of hardware, which shows the metrics of all its cells."""

from pathlib import Path

import pandas as pd

from noisegrid.common.escape import html
from noisegrid.common.files import write_text
from noisegrid.common.html import page
from noisegrid.reporting.metrics_frame import free_sources, measured_names, provenance, single_hardware

#: Prefixes of the metrics that the pages do not show.
LEFT_OUT = ("reference_", "replicates_")


def task_page(frame: pd.DataFrame, hardware: str, task: str) -> str:
    """Return the HTML page of one task on one kind of hardware, with a row per metric and a column per cell."""
    cells = frame[(frame["hardware"] == hardware) & (frame["task"] == task)]
    cells = cells[~cells["metric"].str.startswith(LEFT_OUT)]
    sources = measured_names(cells)
    overall, by_group = (cells[(cells["group"] == "all") == whole] for whole in (True, False))
    named = ", ".join(f"{noise} ({free_sources(cells, noise)} free)" for noise in sources)
    parts = [
        f"<h1>{html(task)} on {html(hardware)}</h1><p>{html(provenance(cells))}. Cells: {html(named)}. "
        "In brackets: 95 % intervals.</p>",
        _table(overall, ["metric", "unit"], sources),
        "<h2>By class, sub-group or replicate</h2>" + _table(by_group, ["metric", "group", "unit"], sources),
    ]
    return page(f"{task} on {hardware}", "".join(parts))


def _table(rows: pd.DataFrame, labels: list[str], sources: list[str]) -> str:
    """Return an HTML table with a row per metric and a column per noise; each value is followed by its interval."""
    if rows.empty:
        return ""
    text = rows.assign(text=[_estimate(row) for row in rows.itertuples()], noise=rows["noise"].astype(str))
    wide = text.pivot_table(index=labels, columns="noise", values="text", aggfunc="first", sort=False).fillna("")
    wide = wide.reindex(columns=sources).reset_index().rename_axis(columns=None)
    wide["metric"] = wide["metric"].str.replace("_", " ")
    for label in labels:
        wide[label] = wide[label].map(html)
    return f"<div class=scroll>{wide.to_html(index=False, border=0, escape=False)}</div>"


def _estimate(row: tuple) -> str:
    value, low, high = (getattr(row, end) for end in ("value", "low", "high"))
    if pd.isna(value):
        return ""
    return f"{value:.4g}" if pd.isna(low) else f"{value:.4g}<br><small>[{low:.4g}, {high:.4g}]</small>"


def write_all(frame: pd.DataFrame, folder: Path) -> None:
    """Write a page <hardware>.<task>.html for every task on every kind of hardware; `frame` is metrics.csv."""
    single = single_hardware(frame)
    for hardware, task in dict.fromkeys(zip(single["hardware"], single["task"], strict=True)):
        write_text(folder / f"{hardware}.{task}.html", task_page(single, hardware, task))
