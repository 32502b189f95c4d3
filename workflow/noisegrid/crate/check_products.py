"""Check tables, findings and figures: make them again from the data in the crate, and compare old and new.

If other code made them, the code installed here may word or draw them otherwise. Differences are then noted and do not
count, because the numbers behind them are checked in metrics.csv and overhead.csv.
"""

import itertools
import re
import struct
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import image as images

from noisegrid.common.collect import collect
from noisegrid.common.errors import NoisegridError
from noisegrid.crate.archive import same_bytes
from noisegrid.crate.crate import ABSENT, Crate
from noisegrid.crate.csv_differences import differences, words_of
from noisegrid.crate.limits import ARMS, KERNELS, check_count
from noisegrid.measuring.rows import COLUMNS
from noisegrid.reporting import cell_pages
from noisegrid.reporting import figures as drawing
from noisegrid.reporting import findings as saying
from noisegrid.reporting import tables as writing
from noisegrid.reporting.metrics_frame import load_metrics
from noisegrid.reporting.overhead_frame import load_overhead
from noisegrid.reporting.registry import FIGURE_SUFFIXES, FIGURES

#: The most words before and after a difference that are quoted.
WORDS = 8
#: The summary of a check that did not compare anything.
NOT_COMPARED = "not compared: another version of Matplotlib, see below"
#: What ends a cell of a table in Markdown, LaTeX and HTML.
DELIMITERS = frozenset("|&<>")


def collected(crate: Crate) -> tuple[str, Iterator[str]]:
    """Check that metrics.csv and overhead.csv are concatenations of smaller CSV files.

    metrics.csv must consist of the files of all tasks and of all comparisons across hardware and of methods, and
    overhead.csv must consist of the files of all timed networks.
    """
    timed = [Path(crate.paths.timed(name, "csv")) for name in crate.about["timed_networks"]]
    parts = {"metrics.csv": crate.metrics_files} | ({"overhead.csv": timed} if timed else {})
    there = [name for name in parts if (crate.results / name).is_file()]

    def wrong() -> Iterator[str]:
        yield from _missing(crate, [name for name in parts if name not in there])
        for name in there:
            text, again = (crate.results / name).read_text(), collect([p for p in parts[name] if p.is_file()])
            if text != again:
                yield from differences(text, again, COLUMNS[:6] if name == "metrics.csv" else words_of(again), name)

    return " and ".join(there) or ABSENT, wrong()


def tables(crate: Crate) -> tuple[str, Iterator[str]]:
    """Check every table (including the claims) in all of its formats, and every cell page."""
    folder = crate.results / "tables"
    made = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}

    def wrong() -> Iterator[str]:
        if not made:
            yield from _missing(crate, ["tables"])
            return
        with tempfile.TemporaryDirectory() as place:
            frame, overhead = _frames(crate)
            writing.write_all(frame, overhead, Path(place))
            cell_pages.write_all(frame, Path(place) / "cells")
            again = {str(path.relative_to(place)): path for path in sorted(Path(place).rglob("*")) if path.is_file()}
            yield from (f"tables/{name} is not a table of this study" for name in made.keys() - again.keys())
            yield from _missing(crate, [f"tables/{name}" for name in sorted(again.keys() - made.keys())])
            for name in [name for name in made if name in again]:
                if name.endswith(".csv"):
                    text = again[name].read_text()
                    yield from differences(made[name].read_text(), text, words_of(text), f"tables/{name}")
                else:
                    yield from _said(made[name], again[name], f"tables/{name}")

    return f"{len(made)} files" if made else ABSENT, _unless_other_code(crate, "tables", wrong())


def findings(crate: Crate) -> tuple[str, Iterator[str]]:
    """Check the findings in all of their formats."""
    made = sorted(crate.results.glob("findings.*"))

    def wrong() -> Iterator[str]:
        if not made:
            yield from _missing(crate, ["findings.md"])
            return
        with tempfile.TemporaryDirectory() as place:
            saying.write(*_frames(crate), Path(place) / "findings.md")
            names = {path.name for path in made}
            again = {path.name: path for path in Path(place).iterdir()}
            yield from _missing(crate, sorted(again.keys() - names))
            for path in [path for path in made if path.name in again]:
                yield from _said(path, again[path.name], path.name)

    return f"{len(made)} files" if made else ABSENT, _unless_other_code(crate, "findings", wrong())


def figures(crate: Crate) -> tuple[str, Iterator[str]]:
    """Check every figure by drawing it again.

    Figures are not compared if they were drawn by a Matplotlib version that differs from the installed one, because
    different versions render text differently.
    """
    folder = crate.results / "figures"
    made = {path.name for path in folder.glob("*")}
    stems = {name.partition(".")[0] for name in made}
    here, there = version("matplotlib"), crate.about["matplotlib"]
    if stems and here != there:
        crate.note(
            f"FIGURES WERE NOT COMPARED: Matplotlib {there} drew them, but Matplotlib {here} is installed; "
            f"install Matplotlib {there} to compare them"
        )
        crate.unconfirmed.append("figures")
        return NOT_COMPARED, iter(())

    def wrong() -> Iterator[str]:
        if not stems:
            yield from _missing(crate, ["figures"])
            return
        with tempfile.TemporaryDirectory() as place:
            _frames(crate)  # raises if metrics.csv or overhead.csv is not about this design
            yield from (f"figures/{stem} is not a figure of this study" for stem in sorted(stems - FIGURES.keys()))
            drawn = sorted(stems & FIGURES.keys())
            if drawn:
                drawing.draw_all(drawn, Path(crate.paths.metrics), _overhead(crate), Path(place))
            for stem in drawn:
                for name in (f"{stem}.{suffix}" for suffix in FIGURE_SUFFIXES):
                    if name not in made:
                        yield f"figures/{name} is missing"
                    elif why := _drawn_otherwise(folder / name, Path(place) / name):
                        yield f"figures/{name} differs from the figure drawn again{why}"
            known = {f"{stem}.{ending}" for stem in stems for ending in FIGURE_SUFFIXES}
            yield from (f"figures/{name} is not a figure of this study" for name in sorted(made - known))

    return f"{len(stems)} figures drawn again" if stems else ABSENT, _unless_other_code(crate, "figures", wrong())


def _unless_other_code(crate: Crate, kind: str, problems: Iterator[str]) -> Iterator[str]:
    """Yield the problems of a kind of files. If the crate was written by other code, note the first one instead."""
    if crate.has_words_of_here:
        yield from problems
    elif first := next(problems, None):
        others = sum(1 for _ in problems)
        crate.unconfirmed.append(kind)
        crate.note(
            f"THE {kind.upper()} WERE NOT CONFIRMED: other code of noisegrid wrote the crate, and the code installed "
            f"here makes them otherwise ({first}{f'; and {others:,} more' if others else ''}); to compare them, verify "
            f"the crate with {crate.writer}"
        )


def _missing(crate: Crate, names: list[str]) -> Iterator[str]:
    """Yield a sentence for each of the missing files if the study is finished; yield nothing otherwise."""
    if crate.about["finished"]:
        yield from (f"{name} is missing" for name in names)


def _said(path: Path, again: Path, where: str) -> Iterator[str]:
    """Yield a sentence about the first place where two texts differ, if there is one: a cell of a table, or some words.

    The texts are read word by word, because all words of a forged one may not fit into memory.
    """
    old, new = _words(path), _words(again)
    recent = deque[str](maxlen=WORDS)
    for stated, computed in itertools.zip_longest(old, new, fillvalue=""):
        if stated != computed:
            before = _quoted(reversed(recent))[::-1]
            says, is_computed = (
                " ".join([*before, *_quoted([word, *_next(rest)])]) for word, rest in ((stated, old), (computed, new))
            )
            yield f"{where} says {says!r}, but {is_computed!r} is computed"
            return
        recent.append(stated)


def _next(words: Iterator[str]) -> list[str]:
    return list(itertools.islice(words, WORDS))


def _quoted(words: Iterable[str]) -> list[str]:
    """Return the words that come before the end of a cell of a table."""
    return list(itertools.takewhile(lambda word: word not in DELIMITERS, words))


def _words(path: Path) -> Iterator[str]:
    """Yield the words of a text and the characters `|`, `&`, `<` and `>`, which delimit table cells and HTML tags.

    Leave out white space, the horizontal lines of tables, and style sheets, because these differ between library
    versions.
    """
    text = re.sub(r":?-{2,}:?", "", _without_styles(path.read_text()))
    return (found[0] for found in re.finditer(r"[^\s|&<>]+|[|&<>]", text))


def _without_styles(text: str) -> str:
    """Return a text without its style sheets, in linear time, which a regular expression does not promise."""
    kept, place = list[str](), 0
    while (start := text.find("<style>", place)) >= 0 and (end := text.find("</style>", start)) >= 0:
        kept.append(text[place:start])
        place = end + len("</style>")
    return "".join([*kept, text[place:]])


def _drawn_otherwise(old: Path, new: Path) -> str:
    """Return, in brackets, how a figure differs from the one drawn again; return an empty string if it does not."""
    if same_bytes(old, new):
        return ""
    if old.suffix != ".png":
        return " (the bytes differ)"
    sizes = [_size(path) for path in (old, new)]
    if sizes[0] != sizes[1]:  # checked before decoding, because a forged size could exhaust the memory
        return " (the sizes differ)"
    first, second = (np.asarray(images.imread(path)) for path in (old, new))
    if first.shape != second.shape:
        return " (the kinds of image differ)"
    share = float((first != second).any(axis=2).mean())
    return f" ({100 * share:.2g} % of its pixels differ)" if share else ""


def _size(path: Path) -> tuple[int, ...]:
    """Return the width and height of a PNG in pixels; return an empty tuple if the file is not a PNG."""
    with path.open("rb") as file:
        head = file.read(24)
    return struct.unpack(">II", head[16:24]) if len(head) == 24 and head[:8] == b"\x89PNG\r\n\x1a\n" else ()


def _frames(crate: Crate) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Return the contents of metrics.csv and overhead.csv; None for overhead.csv if the crate has none."""
    path = _overhead(crate)
    metrics, overhead = load_metrics(Path(crate.paths.metrics)), load_overhead(path) if path else None
    planned = {(cell.hardware, cell.task) for cell in crate.cells}
    for hardware, task in dict.fromkeys(zip(metrics["hardware"], metrics["task"], strict=True)):
        if any((name, task) not in planned for name in str(hardware).split(" × ")):
            raise NoisegridError(f"metrics.csv has rows about {task} on {hardware}, which are not in the design")
    if overhead is not None:  # some tables have a row for each kernel and a column for each arm
        networks = set(crate.about["timed_networks"])
        for hardware, network in dict.fromkeys(zip(overhead["hardware"], overhead["network"], strict=True)):
            if f"{hardware}/{network}" not in networks:
                raise NoisegridError(f"overhead.csv has rows about {network} on {hardware}, which were not timed")
        check_count("overhead.csv: arms", overhead["arm"].nunique(), ARMS)
        if "kernel" in overhead:
            check_count("overhead.csv: kernels", overhead["kernel"].nunique(), KERNELS)
    return metrics, overhead


def _overhead(crate: Crate) -> Path | None:
    path = Path(crate.paths.overhead)
    return path if path.is_file() else None
