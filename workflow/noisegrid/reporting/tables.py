"""Make tables from metrics.csv and overhead.csv, and write them as CSV, Markdown, LaTeX and HTML.

Numbers in the CSV have nine significant digits. The other formats are rounded for readers. Column names contain units.
"""

from pathlib import Path

import pandas as pd

from noisegrid import stats
from noisegrid.common import escape
from noisegrid.common.files import write_text
from noisegrid.common.html import page
from noisegrid.common.schemas import WORKFLOW, catalog
from noisegrid.reporting import overhead_frame
from noisegrid.reporting.claims import judge
from noisegrid.reporting.metrics_frame import free_sources, measured_names, provenance, select, single_hardware
from noisegrid.reporting.registry import METRICS, TABLES

CELL = ["hardware", "task", "noise"]
GAINS_PERCENTAGE_POINTS = (0.1, 0.3, 1.0)


def noise_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row per cell with its accuracy, the spread of accuracy, churn, L2 and further metrics."""
    columns = {
        "accuracy_percent": "accuracy_mean",
        "std_percentage_points": "accuracy_std",
        "churn_percent": "churn",
        "l2_unit": "l2_unit",
        "l2_raw": "l2_raw",
        "logit_correlation": "logit_correlation",
        "calibration_error_percent": "calibration_error",
    }
    return _wide(frame, columns, with_interval=["std_percentage_points", "churn_percent"])


def difference_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return, for each cell, the smallest significant gain and the number of replicates needed to detect a given gain.

    A gain is the difference in accuracy between two methods. Both methods are assumed to have the spread of the cell,
    and are compared by a two-sided t test at 95 %. The smallest significant gain assumes as many replicates per
    method as the cell has. The number of replicates needed is the number per method at which the test has 80 % power.
    Cells without spread (control) are left out, because any difference is significant there.
    """
    rows = []
    for cell in select(frame, "accuracy_std").itertuples():
        if cell.value == 0:
            continue
        row = {key: getattr(cell, key) for key in CELL}
        row["n_replicates"] = cell.n_replicates
        row["std_percentage_points"] = cell.value
        for end in ("value", "low", "high"):
            name = "real_gain_percentage_points" + ("" if end == "value" else f"_{end}")
            row[name] = stats.significant_difference(getattr(cell, end), cell.n_replicates)
        for gain in GAINS_PERCENTAGE_POINTS:
            row[f"replicates_for_{gain:g}_points"] = stats.replicates_needed(cell.value, gain)
            row[f"replicates_for_{gain:g}_points_high"] = stats.replicates_needed(cell.high, gain)
        rows.append(row)
    return pd.DataFrame(rows).convert_dtypes()


def class_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return, for each cell, the number of classes above, inside and below the null, and the largest ratio.

    A class is compared with the independent-error null by the standard deviation of its accuracy. The ratio is this
    standard deviation divided by the overall standard deviation.
    """
    largest = select(frame, "class_std_ratio_max").set_index(CELL)
    rows = []
    for key, classes in select(frame, "class_accuracy_std", None).groupby(CELL, sort=False, observed=True):
        if pd.isna(largest.loc[key, "value"]):
            continue  # control has no spread to divide by
        above = int((classes["value"] > classes["null_high"] * (1 + 1e-9)).sum())
        below = int((classes["value"] < classes["null_low"] * (1 - 1e-9)).sum())
        rows.append(
            dict(zip(CELL, key, strict=True))
            | {"classes": len(classes), "inside_null": len(classes) - above - below}
            | {"above_null": above, "below_null": below}
            | {"largest_ratio": largest.loc[key, "value"]}
            | {f"largest_ratio_{end}": largest.loc[key, end] for end in ("null_median", "null_low", "null_high")}
        )
    return pd.DataFrame(rows)


def component_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return, for each crossed cell, the share of each source and each interaction, for predictions and accuracy.

    Empty if there is no crossed cell. An estimate below 0 or above 100 % is
    shown as 0 or 100, which the column `note` states.
    """
    keys, ends = [*CELL, "group"], {"value": "", "low": "_low", "high": "_high"}
    parts = []
    for outcome in ("predictions", "accuracy"):
        shares = select(frame, f"component_{outcome}", None).set_index(keys)
        alone = select(frame, f"component_{outcome}_alone", None).set_index(keys)
        part = shares[["n_replicates", "note"]].copy()
        part.insert(0, "outcome", outcome)
        for name, rows in (("share", shares), ("alone", alone)):
            for end, suffix in ends.items():
                part[f"{name}_percent{suffix}"] = rows[end].clip(0, 100).reindex(part.index)
        part["note"] = part.pop("note")
        parts.append(part.reset_index().rename(columns={"group": "source"}))
    return pd.concat(parts, ignore_index=True)


def reference_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the metrics as the reference (the paper's published code) defines them; see docs/metrics.md."""
    columns = {
        "std_ddof0_percentage_points": "reference_accuracy_std",
        "agreement_at_midpoint_percent": "reference_agreement_midpoint",
        "l2_raw_with_buffers_at_midpoint": "reference_l2_midpoint",
    }
    return _wide(frame, columns, with_interval=[])


def claims_table(frame: pd.DataFrame, overhead: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the verdict on every claim of the paper in each context, with test, effect, interval and n."""
    words = catalog("claims")
    rows = [
        {
            "claim": verdict.claim,
            "statement": words[verdict.claim]["claim"],
            "context": verdict.context,
            "verdict": verdict.verdict,
            "effect": verdict.effect,
            "low": verdict.low,
            "high": verdict.high,
            "n": verdict.n or None,
            "effect_is": words[verdict.claim]["effect"],
            "test": words[verdict.claim]["test"],
            "grade_of_claim": words[verdict.claim]["grade"],
        }
        for verdict in judge(frame, overhead)
    ]
    return pd.DataFrame(rows).astype({"n": "Int64"})


def published_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the paper's numbers that were verified. A last row says that all other numbers were not recovered."""
    published = pd.read_csv(WORKFLOW / "catalog" / "published.csv", dtype=str)
    rest = {"item": "everything else", "what": "tables and figures of the paper", "value": "not recovered"}
    return pd.concat([published, pd.DataFrame([rest])], ignore_index=True).fillna("")


def taxonomy_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return each noise that was measured, the sources that it leaves free, and the number of cells with this noise."""
    cells = single_hardware(frame)[[*CELL]].drop_duplicates()["noise"].value_counts()
    rows = [
        {"noise": noise, "free": free_sources(frame, noise), "cells": int(cells[noise])}
        for noise in measured_names(single_hardware(frame))
    ]
    return pd.DataFrame(rows)


def _wide(frame: pd.DataFrame, columns: dict[str, str], with_interval: list[str]) -> pd.DataFrame:
    """Return one row per cell and one column per metric; columns listed in `with_interval` get interval columns too."""
    parts = []
    for name, metric in columns.items():
        rows = select(frame, metric).set_index([*CELL, "n_replicates"])
        part = rows[["value", "low", "high"]] if name in with_interval else rows[["value"]]
        parts.append(part.rename(columns={"value": name, "low": f"{name}_low", "high": f"{name}_high"}))
    return pd.concat(parts, axis=1).reset_index()


def write_table(table: pd.DataFrame, caption: str, path: Path) -> None:
    """Write a table to `path` (.csv), and to .md, .tex and .html files next to `path`."""
    reading = table.map(_round)
    plain = table.map(lambda value: escape.spreadsheet(value) if isinstance(value, str) else value)
    write_text(path, plain.to_csv(index=False, float_format="%.9g"))
    markdown = reading.map(escape.markdown).to_markdown(index=False, disable_numparse=True)
    write_text(path.with_suffix(".md"), f"{escape.markdown(caption)}.\n\n{markdown}\n")
    latex = reading.rename(columns=lambda column: column.replace("_", " ")).map(escape.latex)
    text = latex.to_latex(index=False, caption=escape.latex(caption), label=f"tab:{path.stem}")
    write_text(path.with_suffix(".tex"), text)
    write_text(path.with_suffix(".html"), _html(reading, caption))


def _round(value: object) -> str:
    """Format a value for readers: three significant digits below ten, two decimals from ten on."""
    if pd.isna(value):
        return ""
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 10 else f"{value:.2f}"
    return str(value)


def _html(table: pd.DataFrame, caption: str) -> str:
    cells = table.rename(columns=lambda column: column.replace("_", " ")).map(escape.terminal)
    body = cells.to_html(index=False, border=0)
    return page(caption, f"<p>{escape.html(caption)}.</p><div class=scroll>{body}</div>")


def write_all(frame: pd.DataFrame, overhead: pd.DataFrame | None, folder: Path) -> None:
    """Write every table of a study in all four formats.

    Parameters
    ----------
    frame : pandas.DataFrame
        The content of metrics.csv.
    overhead : pandas.DataFrame or None
        The content of overhead.csv, if the study times networks.
    folder : Path
        Folder to write into.
    """
    for name, entry in TABLES.items():
        if entry.data == METRICS:
            table = claims_table(frame, overhead) if name == "claims" else entry.make(frame)
            if not entry.always and table.empty:
                continue  # the study does not provide the data
            write_table(table, f"{entry.caption}; {provenance(frame)}", folder / f"{name}.csv")
        elif overhead is not None:
            caption = f"{entry.caption}; {overhead_frame.provenance(overhead)}"
            write_table(entry.make(overhead), caption, folder / f"{name}.csv")
