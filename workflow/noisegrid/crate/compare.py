"""Compare the designs, numbers and bits of two crates, for example from two labs."""

import tempfile
from pathlib import Path

import pandas as pd

from noisegrid.common import escape
from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import sha256, write_text
from noisegrid.common.html import page
from noisegrid.crate.check_contents import archive, checksums
from noisegrid.crate.comparison import compare_cells, draw, sentences
from noisegrid.crate.crate import Crate, open_crate
from noisegrid.crate.limits import PROBLEMS
from noisegrid.crate.printing import line, plain_errors, say
from noisegrid.reporting.figures import save

CAPTION = (
    "Two crates, cell by cell. design: settings that differ; compared weights: number of replicates that exist in both "
    "crates; equal weights: number of these that ended with the same bits; equal predictions: number of the "
    "latter with equal predictions; agree: whether the 95 % intervals overlap. "
    "First: {first}. Second: {second}"
)


def whole(path: Path, place: Path) -> Crate:
    """Open a crate and check that all files match their checksums. Nothing else about the files is checked.

    Parameters
    ----------
    path : Path
        The zip.
    place : Path
        The folder to unpack the crate into. It must not exist yet.

    Raises
    ------
    NoisegridError
        If the crate cannot be opened, has a missing, unexpected or changed file, or contains no metrics.csv.
    """
    place.mkdir()
    crate = open_crate(path, place)
    for check in (archive, checksums):
        for problem in check(crate)[1]:
            raise NoisegridError(f"{path}: {problem}; for details, run: noisegrid verify {path}")
    if not Path(crate.paths.metrics).is_file():
        raise NoisegridError(f"{path} contains no metrics.csv; run `snakemake`, then write the crate again")
    return crate


def compare(first_path: Path, second_path: Path, output: Path) -> int:
    """Compare two crates: print the result, and write the table comparison.csv and the figure comparison.pdf.

    Parameters
    ----------
    first_path, second_path : Path
        The paths of the two zips.
    output : Path
        Folder for the table (one row per cell and metric; also as .md, .tex and .html) and the figure (also as .png).

    Returns
    -------
    int
        1 if the crates contradict each other: replicates with equal weights have other predictions, or a cell whose
        runs are all equal has other numbers. Otherwise 0.

    Raises
    ------
    NoisegridError
        If a crate is damaged, or contains something that cannot be compared.
    """
    with plain_errors(), tempfile.TemporaryDirectory() as folder:
        first, second = whole(first_path, Path(folder) / "first"), whole(second_path, Path(folder) / "second")
        found = compare_cells(first, second)
        table = found.table
        if table.empty:
            raise NoisegridError(f"neither {first_path} nor {second_path} has a metric to compare; run `snakemake`")
        digests = [f"SHA-256 {sha256(path)[:16]}…" for path in (first_path, second_path)]
        titles = [f"{crate.title} ({digest})" for crate, digest in zip((first, second), digests, strict=True)]
        caption = CAPTION.format(first=titles[0], second=titles[1])
        write_comparison(table, caption, output / "comparison.csv")
        save(draw(table, first, second), output / "comparison.pdf")
    say(f"first:   {first_path} ({digests[0]})")
    say(f"second:  {second_path} ({digests[1]})")
    for sentence in sentences(table):
        say(sentence)
    say(f"table and figure: {output / 'comparison.html'}, {output / 'comparison.png'}")
    if found.contradictions:
        say("DIFFERENT: equal weights have equal predictions, and equal runs have equal numbers, but not here:")
        for contradiction in found.contradictions[:PROBLEMS]:
            say(f"  - {contradiction}")
        if (more := len(found.contradictions) - PROBLEMS) > 0:
            say(f"  - and {more:,} more")
    return 1 if found.contradictions else 0


def write_comparison(table: pd.DataFrame, caption: str, path: Path) -> None:
    """Write a table to `path` (.csv), and to .md, .tex and .html files next to it, each with its text escaped.

    The text comes from the crates. It must not become a formula, a command or markup on the reader's machine.
    """
    cells = table.map(lambda value: line(value) if isinstance(value, str) else value)
    safe = cells.map(lambda value: escape.spreadsheet(value) if isinstance(value, str) else value)
    write_text(path, safe.to_csv(index=False, float_format="%.9g"))
    shown = cells.map(_shown)
    titled = shown.rename(columns=lambda column: column.replace("_", " "))
    markdown, latex = shown.map(escape.markdown), titled.map(escape.latex)
    write_text(
        path.with_suffix(".md"),
        f"{escape.markdown(caption)}.\n\n{markdown.to_markdown(index=False, disable_numparse=True)}\n",
    )
    write_text(
        path.with_suffix(".tex"),
        latex.to_latex(index=False, escape=False, caption=escape.latex(caption), label=f"tab:{path.stem}"),
    )
    body = titled.to_html(index=False, border=0)
    text = f"<p>{escape.html(caption)}.</p><div class=scroll>{body}</div>"
    write_text(path.with_suffix(".html"), page(escape.terminal(caption), text))


def _shown(value: object) -> str:
    """Format a value for readers: three significant digits below ten, two decimals from ten on."""
    if isinstance(value, float):
        return "" if pd.isna(value) else f"{value:.3g}" if abs(value) < 10 else f"{value:.2f}"
    return "" if pd.isna(value) else str(value)
