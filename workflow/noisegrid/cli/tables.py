"""Write the findings, the tables and the cell pages of a study.

The findings are sentences, as Markdown, HTML and reStructuredText. Each table is written as CSV, Markdown, LaTeX and
HTML. A cell page shows all metrics of a task on one kind of hardware, with its cells side by side.
"""

import argparse
from pathlib import Path

from noisegrid.cli import arguments

EXAMPLE = "noisegrid tables --metrics results/quick/metrics.csv --output written"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    arguments.add_metrics(parser)
    parser.add_argument(
        "--output", type=Path, required=True, help="folder to write findings.md, tables/ and tables/cells/ into"
    )


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.common.paths import StudyPaths
    from noisegrid.reporting import cell_pages, findings, tables
    from noisegrid.reporting.metrics_frame import load_metrics
    from noisegrid.reporting.overhead_frame import load_overhead

    arguments.check_metrics(options)
    frame = load_metrics(options.metrics)
    overhead = load_overhead(options.overhead) if options.overhead else None
    paths = StudyPaths.below(options.output)
    tables.write_all(frame, overhead, Path(paths.tables))
    cell_pages.write_all(frame, Path(paths.cell_pages))
    findings.write(frame, overhead, Path(paths.findings("md")))
