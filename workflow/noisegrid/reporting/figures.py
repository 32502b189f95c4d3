"""Draw figures, numbered as in the paper, from metrics.csv or overhead.csv, and write them as PDF, PNG and SVG.

This module does not read replicates.
"""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from noisegrid.common.errors import NoisegridError, unknown
from noisegrid.common.files import write_atomically
from noisegrid.reporting import figure_style
from noisegrid.reporting.metrics_frame import load_metrics
from noisegrid.reporting.overhead_frame import load_overhead
from noisegrid.reporting.registry import FIGURES, METRICS, OVERHEAD

#: The formats of a figure for each screen. Pages show a phone the narrow one.
SUFFIXES = {"wide": ("pdf", "png", "svg"), "narrow": ("narrow.svg",)}
#: What would differ between two files of the same figure.
_NO_DATE = {"pdf": {"CreationDate": None}, "png": {"Software": None}, "svg": {"Date": None, "Creator": None}}


def save(figure: Figure, path: Path, suffixes: Sequence[str] = SUFFIXES["wide"]) -> None:
    """Write a figure in several formats.

    The same data always give byte-identical files.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    path : Path
        The path of the files. Each suffix replaces its suffix.
    suffixes : sequence of str
        The formats.
    """
    for suffix in suffixes:
        kind = suffix.rpartition(".")[2]
        write_atomically(
            path.with_suffix(f".{suffix}"),
            lambda path, kind=kind: figure.savefig(path, format=kind, metadata=_NO_DATE[kind]),  # type: ignore[misc]
        )
        figure.set_layout_engine("none")  # the axes stay where the first file has them


def draw_all(
    names: Sequence[str], metrics_file: Path, overhead_file: Path | None, folder: Path, page: str = "light"
) -> None:
    """Draw figures and write each of them as PDF, PNG and SVG, and as an SVG for phones.

    Parameters
    ----------
    names : sequence of str
        Names of figures in the registry.
    metrics_file : Path
        Path of metrics.csv.
    overhead_file : Path or None
        Path of overhead.csv, which Figures 6 and 7 are drawn from.
    folder : Path
        Folder to write into.
    page : str
        `light` or `dark`: the page that the figures are for.

    Raises
    ------
    NoisegridError
        If a name is not in the registry, or if a figure needs overhead.csv and it is not given. Nothing is drawn then.
    """
    for name in names:
        if name not in FIGURES:
            raise NoisegridError(unknown("figure", name, FIGURES))
        if FIGURES[name].data == OVERHEAD and overhead_file is None:
            raise NoisegridError(f"{name} is drawn from overhead.csv; name it with --overhead")
    frames = _frames(metrics_file, overhead_file)
    for name in names:
        _draw(name, frames, folder, page)


def draw_possible(metrics_file: Path, overhead_file: Path | None, folder: Path, page: str = "light") -> list[str]:
    """Draw every figure that the data allow, as `draw_all` does, and return why each of the others was not drawn."""
    frames, why = _frames(metrics_file, overhead_file), list[str]()
    for name, entry in FIGURES.items():
        try:
            if entry.data not in frames:
                raise NoisegridError(f"{name} is drawn from {entry.data}; name it with --overhead")
            _draw(name, frames, folder, page)
        except NoisegridError as error:
            why.append(str(error))
    return why


def _frames(metrics_file: Path, overhead_file: Path | None) -> dict[str, pd.DataFrame]:
    overhead = {OVERHEAD: load_overhead(overhead_file)} if overhead_file is not None else {}
    return {METRICS: load_metrics(metrics_file), **overhead}


def _draw(name: str, frames: dict[str, pd.DataFrame], folder: Path, page: str) -> None:
    entry = FIGURES[name]
    frame = frames[entry.data]
    for screen, suffixes in SUFFIXES.items():
        with figure_style.drawn(page, screen):
            figure = entry.make(entry.rows(frame) if entry.data == METRICS else frame)
            save(figure, folder / name, suffixes)
        plt.close(figure)
