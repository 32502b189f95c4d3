"""Hold two packages against each other, my lab's and yours: same design, same numbers, same bits?

Writes: comparison.csv, .md, .tex, .html (a line per cell and metric) and comparison.pdf, .png.
Command: python -m noisegrid.compare MINE.crate.zip YOURS.crate.zip --output FOLDER
"""

import argparse
import tempfile
from pathlib import Path

from noisegrid.artifact.beside import beside, draw, sentences
from noisegrid.artifact.contents import archive, checksums
from noisegrid.artifact.opened import Opened, opened
from noisegrid.basics.errors import NoisegridError, exit_on_error
from noisegrid.figures import save
from noisegrid.tables import write_table

CAPTION = (
    "Two packages cell by cell. design: what differs in their settings; equal weights: replicates of the same number "
    "that ended with the same bits; agree: the 95 % intervals overlap. First: {first}. Second: {second}"
)


def whole(path: Path, place: Path) -> Opened:
    """Open a package whose files are those that it was made of; what they say is for `verify` to check."""
    place.mkdir()
    package = opened(path, place)
    for check in (archive, checksums):
        for problem in check(package)[1]:
            raise NoisegridError(f"{path}: {problem}; see python -m noisegrid.verify {path}")
    if not (package.results / "metrics.csv").is_file():
        raise NoisegridError(f"{path} holds no metrics.csv yet: its study is not measured")
    return package


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m noisegrid.compare", description=__doc__)
    parser.add_argument("first", type=Path, help="a package")
    parser.add_argument("second", type=Path, help="another one")
    parser.add_argument("--output", type=Path, required=True, help="folder for the table and the figure")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        first, second = whole(options.first, Path(folder) / "first"), whole(options.second, Path(folder) / "second")
        table = beside(first, second)
        caption = CAPTION.format(first=first.title, second=second.title)
        write_table(table, caption, options.output / "comparison.csv")
        save(draw(table, first, second), options.output / "comparison.pdf")
    print(*sentences(table), sep="\n")
    print(f"table and figure: {options.output / 'comparison.html'}, {options.output / 'comparison.png'}")


if __name__ == "__main__":
    exit_on_error(main)
