"""Hold two packages against each other, my lab's and yours: same design, same numbers, same bits?

Writes: comparison.csv, .md, .tex, .html (a line per cell and metric) and comparison.pdf, .png.
Command: python -m noisegrid.compare MINE.crate.zip YOURS.crate.zip --output FOLDER
"""

import tempfile
from pathlib import Path

from noisegrid.common.errors import NoisegridError
from noisegrid.crate.check_contents import archive, checksums
from noisegrid.crate.comparison import beside, draw, sentences
from noisegrid.crate.crate import Crate, opened
from noisegrid.reporting.figures import save
from noisegrid.reporting.tables import write_table

CAPTION = (
    "Two packages cell by cell. design: what differs in their settings; equal weights: replicates of the same number "
    "that ended with the same bits; agree: the 95 % intervals overlap. First: {first}. Second: {second}"
)


def whole(path: Path, place: Path) -> Crate:
    """Open a package whose files are those that it was made of; what they say is for `verify` to check."""
    place.mkdir()
    package = opened(path, place)
    for check in (archive, checksums):
        for problem in check(package)[1]:
            raise NoisegridError(f"{path}: {problem}; see python -m noisegrid.verify {path}")
    if not (package.results / "metrics.csv").is_file():
        raise NoisegridError(f"{path} holds no metrics.csv yet: its study is not measured")
    return package


def compare(first_path: Path, second_path: Path, output: Path) -> None:
    """Compare two packages, print the result, and write table and figure into a folder."""
    with tempfile.TemporaryDirectory() as folder:
        first, second = whole(first_path, Path(folder) / "first"), whole(second_path, Path(folder) / "second")
        table = beside(first, second)
        caption = CAPTION.format(first=first.title, second=second.title)
        write_table(table, caption, output / "comparison.csv")
        save(draw(table, first, second), output / "comparison.pdf")
    print(*sentences(table), sep="\n")
    print(f"table and figure: {output / 'comparison.html'}, {output / 'comparison.png'}")
