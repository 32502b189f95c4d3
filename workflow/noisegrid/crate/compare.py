"""Compare the designs, numbers and bits of two crates, for example from two labs."""

import tempfile
from pathlib import Path

from noisegrid.common.errors import NoisegridError
from noisegrid.crate.check_contents import archive, checksums
from noisegrid.crate.comparison import compare_cells, draw, sentences
from noisegrid.crate.crate import Crate, open_crate
from noisegrid.reporting.figures import save
from noisegrid.reporting.tables import write_table

CAPTION = (
    "Two crates, cell by cell. design: settings that differ; compared weights: number of replicates that exist in both "
    "crates; equal weights: number of these that ended with the same bits; agree: whether the 95 % intervals overlap. "
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


def compare(first_path: Path, second_path: Path, output: Path) -> None:
    """Compare two crates: print the result, and write the table comparison.csv and the figure comparison.pdf.

    Parameters
    ----------
    first_path, second_path : Path
        The paths of the two zips.
    output : Path
        Folder for the table (one row per cell and metric; also as .md, .tex and .html) and the figure (also as .png).
    """
    with tempfile.TemporaryDirectory() as folder:
        first, second = whole(first_path, Path(folder) / "first"), whole(second_path, Path(folder) / "second")
        table = compare_cells(first, second)
        caption = CAPTION.format(first=first.title, second=second.title)
        write_table(table, caption, output / "comparison.csv")
        save(draw(table, first, second), output / "comparison.pdf")
    print(*sentences(table), sep="\n")
    print(f"table and figure: {output / 'comparison.html'}, {output / 'comparison.png'}")
