"""The figures of the page, embedded as data, with titles and captions."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from noisegrid.common.schemas import WORKFLOW
from noisegrid.reporting import overhead_frame
from noisegrid.reporting.metrics_frame import provenance
from noisegrid.reporting.page.headings import FIGURE_TITLES
from noisegrid.reporting.registry import FIGURES, METRICS

CAPTIONS = WORKFLOW / "report" / "figures"
#: The figures that can stand at the top of the page; the first that the study has is chosen.
MAIN = ("figure_overview", "figure_sources", "figure_1", "figure_components", "figure_across", "figure_6")
#: Formats that a page can show, the best first, and their media types.
FORMATS = {".svg": "image/svg+xml", ".png": "image/png"}


@dataclass(frozen=True)
class Figure:
    """A figure of the page.

    Attributes
    ----------
    name, title, caption, basis : str
        Its name in files, its title, what it shows, and n, device and versions.
    data : str
        The image as a data address.
    narrow : str
        The image for a phone, or an empty string.
    """

    name: str
    title: str
    caption: str
    basis: str
    data: str
    narrow: str = ""


def figures(paths: Sequence[Path], frame: pd.DataFrame, overhead: pd.DataFrame | None) -> Iterator[Figure]:
    """Yield the figures among some files, in the order of the registry.

    A figure that is there in several formats is shown as SVG.
    """
    for name, entry in FIGURES.items():
        files = {path.suffix: path for path in paths if path.stem == name}
        file = next((files[suffix] for suffix in FORMATS if suffix in files), None)
        if file is None:
            continue
        timed = entry.data != METRICS and overhead is not None
        basis = overhead_frame.provenance(overhead) if timed else provenance(entry.rows(frame))
        caption = " ".join((CAPTIONS / f"{name}.rst").read_text(encoding="utf-8").split())
        narrow = "".join(image_data(path) for path in paths if path.name == f"{name}.narrow.svg")
        yield Figure(name, FIGURE_TITLES.get(name, name), caption, basis, image_data(file), narrow)


def image_data(path: Path) -> str:
    """Return an image as a data address."""
    return f"data:{FORMATS[path.suffix]};base64,{base64.b64encode(path.read_bytes()).decode()}"


def main_figure(shown: Sequence[Figure]) -> Figure | None:
    """Return the figure for the top of the page; None if the study has none that can stand there."""
    by_name = {figure.name: figure for figure in shown}
    return next((by_name[name] for name in MAIN if name in by_name), None)
