"""Make a package's tables, findings and figures again from its metrics, and hold them against those it holds."""

import re
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
from matplotlib import image as images

from noisegrid import figures as drawing
from noisegrid import findings as saying
from noisegrid import pages, timings
from noisegrid import tables as writing
from noisegrid.artifact.numbers import differences, rows_of, words_of
from noisegrid.artifact.opened import Opened
from noisegrid.collect import collect
from noisegrid.measure import COLUMNS


def collected(package: Opened) -> tuple[str, Iterator[str]]:
    """metrics.csv and cost.csv are the files of the cells and of the timings, one after the other."""
    cells = [package.results / "cells" / f"{cell.path}.csv" for cell in package.cells]
    pairs = dict.fromkeys((cell.task, cell.noise) for cell in package.cells)
    cells += [package.results / "across" / task / f"{noise}.csv" for task, noise in pairs]
    timings = [package.results / "cost" / f"{timing}.csv" for timing in package.about["timings"]]
    parts = {"metrics.csv": cells, "cost.csv": timings}
    there = [name for name in parts if (package.results / name).is_file()]

    def wrong() -> Iterator[str]:
        for name in there:
            text, again = (package.results / name).read_text(), collect([p for p in parts[name] if p.is_file()])
            if text != again:
                keys = COLUMNS[:6] if name == "metrics.csv" else words_of(text)
                yield from differences(rows_of(text, keys), rows_of(again, keys), name)

    return " and ".join(there) or "not made yet", wrong()


def tables(package: Opened) -> tuple[str, Iterator[str]]:
    """Every table, claims among them, in all its forms."""
    place_of_tables = package.results / "tables"
    made = sorted(path for path in place_of_tables.rglob("*") if path.is_file())

    def wrong() -> Iterator[str]:
        with tempfile.TemporaryDirectory() as place:
            writing.write_all(package.results / "metrics.csv", _cost(package), Path(place))
            pages.write_all(package.results / "metrics.csv", Path(place) / "cells")
            for path in made:
                again = Path(place) / path.relative_to(place_of_tables)
                where = f"tables/{path.relative_to(place_of_tables)}"
                if not again.is_file():
                    yield f"{where} is no table of this study"
                elif path.suffix == ".csv":
                    keys = words_of(again.read_text())
                    yield from differences(rows_of(path.read_text(), keys), rows_of(again.read_text(), keys), where)
                elif _words(path) != _words(again):
                    old, new = next((o, n) for o, n in _pairs(_words(path), _words(again)) if o != n)
                    yield f"{where} says {old!r} where {new!r} comes out"

    return (f"{len(made)} files", wrong()) if made else ("not made yet", iter(()))


def findings(package: Opened) -> tuple[str, Iterator[str]]:
    """The sentences."""
    made = sorted(package.results.glob("findings.*"))

    def wrong() -> Iterator[str]:
        with tempfile.TemporaryDirectory() as place:
            saying.write(package.results / "metrics.csv", _cost(package), Path(place) / "findings.md")
            for path in made:
                old, new = _words(path), _words(Path(place) / path.name)
                if old != new:
                    first = next((o, n) for o, n in _pairs(old, new) if o != n)
                    yield f"{path.name} says {first[0]!r} where {first[1]!r} comes out"

    return (f"{len(made)} files", wrong()) if made else ("not made yet", iter(()))


def figures(package: Opened) -> tuple[str, Iterator[str]]:
    """Every figure, drawn again; other versions of Matplotlib set type differently, and then a note is all there is."""
    made = sorted((package.results / "figures").glob("*.png"))
    here, there = version("matplotlib"), package.about["matplotlib"]
    if made and here != there:
        package.notes.append(f"figures were drawn by Matplotlib {there}, and this is {here}: only sizes were compared")

    def wrong() -> Iterator[str]:
        with tempfile.TemporaryDirectory() as place:
            for path in made:
                again = Path(place) / path.with_suffix(".pdf").name
                data = "cost.csv" if path.stem in timings.FIGURES else "metrics.csv"
                drawing.draw(path.stem, package.results / data, again)
                if here != there:
                    continue
                for suffix in (".png", ".pdf"):
                    old, new = path.with_suffix(suffix), again.with_suffix(suffix)
                    if not old.is_file():
                        yield f"figures/{old.name} is missing"
                    elif old.read_bytes() != new.read_bytes():
                        yield f"figures/{old.name} is not what is drawn again{_how_much(old, new)}"

    return (f"{len(made)} figures drawn again", wrong()) if made else ("not made yet", iter(()))


def _how_much(old: Path, new: Path) -> str:
    if old.suffix != ".png":
        return ""
    first, second = (np.asarray(images.imread(path)) for path in (old, new))
    if first.shape != second.shape:
        return f" ({first.shape[1]} x {first.shape[0]} pixels, drawn with {second.shape[1]} x {second.shape[0]})"
    return f" ({100 * float((first != second).any(axis=2).mean()):.2g} % of its pixels differ)"


def _cost(package: Opened) -> Path | None:
    path = package.results / "cost.csv"
    return path if path.is_file() else None


def _words(path: Path) -> list[str]:
    """The words and numbers of a text, without the layout that another version of a library may choose."""
    return re.findall(r"[^\s|&<>:-]+", path.read_text())


def _pairs(old: list[str], new: list[str]) -> Iterator[tuple[str, str]]:
    """Two texts word by word; the shorter one goes on with nothing."""
    length = max(len(old), len(new))
    yield from zip([*old, *[""] * (length - len(old))], [*new, *[""] * (length - len(new))], strict=True)
