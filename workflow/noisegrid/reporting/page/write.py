"""Write the report of a study as one HTML page: the template workflow/report/page/report.html.j2, filled in."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import jinja2
import pandas as pd
from markupsafe import Markup, escape

from noisegrid import __version__
from noisegrid.common.escape import lines, terminal
from noisegrid.common.files import write_text
from noisegrid.common.schemas import WORKFLOW
from noisegrid.reporting import overhead_frame
from noisegrid.reporting.findings import findings
from noisegrid.reporting.metrics_frame import provenance, single_hardware
from noisegrid.reporting.page import inline
from noisegrid.reporting.page.cells import sections
from noisegrid.reporting.page.explorer import explorer
from noisegrid.reporting.page.figures import FORMATS, figures, image_data, main_figure
from noisegrid.reporting.page.headings import WORDS
from noisegrid.reporting.page.headline import facts, headline
from noisegrid.reporting.page.names import Names, Place
from noisegrid.reporting.page.shown import shown_tables
from noisegrid.reporting.tables_cells import CELL
from noisegrid.reporting.titles import noise_title

FOLDER = WORKFLOW / "report" / "page"
TEMPLATE, STYLE = "page/report.html.j2", "page/style.css"


@dataclass(frozen=True)
class Evaluation:
    """A replicate under other conditions: the name of its cell, the figure as a data address, and the table."""

    title: str
    key: str
    image: str
    table: str


def write_page(
    frame: pd.DataFrame,
    overhead: pd.DataFrame | None,
    images: Sequence[Path],
    inference: Sequence[Path],
    provenance_page: str,
    output: Path,
) -> None:
    """Write the report of a study.

    Parameters
    ----------
    frame : pandas.DataFrame
        The content of metrics.csv.
    overhead : pandas.DataFrame or None
        The content of overhead.csv, if the study times networks.
    images : sequence of Path
        The files of the figures, as PNG, SVG or both.
    inference : sequence of Path
        The evaluations under other conditions: a text and a figure for each.
    provenance_page : str
        The name of the file next to the page that has Snakemake's report; empty if there is none.
    output : Path
        Path of the HTML file to write.
    """
    names = Names(frame, overhead["network"].unique() if overhead is not None else ())
    pictures = list(figures(images, frame, overhead))
    main, chart = main_figure(pictures), explorer(frame)
    scripts = [inline.data_tables(), *([inline.vega()] if chart else []), inline.own()]
    text = _environment(names).get_template(Path(TEMPLATE).name).render(
        study=str(frame["study"].iloc[0]),
        version=__version__,
        style=Markup((FOLDER / Path(STYLE).name).read_text(encoding="utf-8")),
        policy=Markup(inline.policy(scripts)),
        scripts=scripts,
        headline=headline(frame, overhead),
        facts=facts(frame, overhead),
        measured=_measured(frame),
        basis=provenance(frame),
        timed=overhead_frame.provenance(overhead) if overhead is not None else "",
        main=main,
        figures=[figure for figure in pictures if figure is not main],
        sentences=findings(frame, overhead),
        words=WORDS.items(),
        tables=list(shown_tables(frame, overhead, names)),
        chart=inline.data(chart) if chart else "",
        sections=list(sections(frame, names)),
        evaluations=_evaluations(inference),
        provenance_page=provenance_page,
        software=_software(),
        methods=sorted(set(frame["interval"].dropna())),
    )  # fmt: skip
    write_text(output, text)


def _environment(names: Names) -> jinja2.Environment:
    """Return a Jinja environment in which every text is shown as it is, and nothing in it acts."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        finalize=lambda value: terminal(value) if type(value) is str else value,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["named"] = names.named
    return environment


def _measured(frame: pd.DataFrame) -> str:
    """Return how many runs and cells the page is about."""
    cells = single_hardware(frame).drop_duplicates(CELL)
    return f"{int(cells['n_replicates'].sum()):,} training runs in {len(cells)} cells;"


def _evaluations(paths: Sequence[Path]) -> list[Evaluation]:
    """Return the evaluations under other conditions, given the text and the figure of each."""
    found = []
    for table in [path for path in paths if path.suffix == ".txt"]:
        hardware, task, noise = table.parts[-3], table.parts[-2], table.stem
        images = [path for path in paths if path.suffix in FORMATS and path.with_suffix(".txt") == table]
        found.append(
            Evaluation(
                f"{Place(hardware, task).title}, {noise_title(noise)}",
                f"{hardware}/{task}/{noise}",
                image_data(images[0]) if images else "",
                Markup(escape(lines(table.read_text(encoding="utf-8")))),
            )
        )
    return found


def _software() -> str:
    """Return the libraries that draw the page, with their versions."""
    return ", ".join(f"{name} {version(name)}" for name in ("itables", "altair", "vl-convert-python"))
