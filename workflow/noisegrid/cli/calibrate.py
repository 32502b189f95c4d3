"""Compute how often the verdicts on a study's claims err, by simulating studies like it whose truth is known.

Each simulated study has the number of replicates, the images, their instability, the classes and the seed sets of the
measured one, and is judged in the same way. The table `calibration` gives, beside each verdict, its size (how often it
is given where it is false) and its power (how often it is given where it is true). docs/claims.md explains it.
"""

import argparse
from pathlib import Path

from noisegrid.cli import arguments

EXAMPLE = "noisegrid calibrate quick"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    arguments.add_study(parser, optional=True)
    arguments.add_results(parser)
    parser.add_argument(
        "--draws", type=int, default=400, help="simulated studies per truth; C4 and C5 get a quarter (default: 400)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the simulation (default: 0)")
    parser.add_argument(
        "--output", type=Path, help="folder to write calibration.csv and tables/ into (default: that of the study)"
    )


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.common.errors import NoisegridError
    from noisegrid.common.files import check_unedited
    from noisegrid.common.paths import StudyPaths
    from noisegrid.common.progress import say
    from noisegrid.reporting.calibrate import calibrate, populations, write
    from noisegrid.reporting.metrics_frame import load_metrics
    from noisegrid.reporting.overhead_frame import load_overhead
    from noisegrid.reporting.truths import Measured
    from noisegrid.study.resolve import load_written

    for name, least in (("draws", 1), ("seed", 0)):
        if getattr(options, name) < least:
            raise NoisegridError(f"--{name}: {getattr(options, name)} is too small; write at least {least}")
    name, results = arguments.chosen(options)
    study = load_written(name, results)
    paths = StudyPaths(str(results), study.name)
    cells = populations(study, results)
    metrics, timings = Path(paths.metrics), Path(paths.overhead)
    if not metrics.exists():
        raise NoisegridError(f"there is no file {metrics} yet; finish the study with: noisegrid run {name}")
    for path in (metrics, timings):
        check_unedited(path)
    overhead = load_overhead(timings) if timings.exists() else None
    measured = Measured(load_metrics(metrics), cells)
    output = StudyPaths.below(options.output) if options.output else paths
    write(calibrate(measured, overhead, options.draws, options.seed), measured.frame, output)
    say(f"wrote {output.calibration} and {output.table('calibration', 'html')}")
