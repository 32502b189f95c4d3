"""Make the tables of a study from metrics.csv and overhead.csv, and write them as CSV, Markdown, LaTeX and HTML.

Numbers in the CSV have nine significant digits. The other formats are rounded for readers.
"""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from noisegrid.common import escape
from noisegrid.common.files import write_text
from noisegrid.common.html import page
from noisegrid.reporting import overhead_frame
from noisegrid.reporting.metrics_frame import provenance
from noisegrid.reporting.registry import METRICS, TABLES, Entry
from noisegrid.reporting.tables_claims import claims_table


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


def made(frame: pd.DataFrame, overhead: pd.DataFrame | None) -> Iterator[tuple[Entry, pd.DataFrame, str]]:
    """Yield the tables of a study in the order of the registry: entry, table, and n, device and versions.

    Parameters
    ----------
    frame : pandas.DataFrame
        The content of metrics.csv.
    overhead : pandas.DataFrame or None
        The content of overhead.csv, if the study times networks.
    """
    for entry in TABLES.values():
        if entry.data == METRICS:
            rows = entry.rows(frame)
            table = claims_table(rows, overhead) if entry.name == "claims" else entry.make(rows)
            yield entry, table, provenance(rows)
        elif overhead is not None:
            yield entry, entry.make(overhead), overhead_frame.provenance(overhead)


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
    for entry, table, basis in made(frame, overhead):
        if not (table.empty and entry.optional and entry.data == METRICS):
            write_table(table, f"{entry.caption}; {basis}", folder / f"{entry.name}.csv")
