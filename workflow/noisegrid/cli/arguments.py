"""Arguments that several subcommands share."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from noisegrid.reading.table import Choice


def at_least(least: int) -> Callable[[str], int]:
    """Return the type of an argument that is a whole number and not below a limit."""

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
        if number < least:
            raise argparse.ArgumentTypeError(f"{number} is too small; write {least} or more")
        return number

    return parse


#: The type of a count of which there is at least one.
positive = at_least(1)


def add_study(parser: argparse.ArgumentParser, optional: bool = False) -> None:
    """Add the positional argument STUDY. If `optional` is True, its default is the study in config.yaml."""
    text = "a name in workflow/studies, or the path of a .yaml file or a design.json"
    if optional:
        parser.add_argument("study", nargs="?", metavar="STUDY", help=f"{text} (default: the one in config.yaml)")
    else:
        parser.add_argument("study", metavar="STUDY", help=text)


def add_design(parser: argparse.ArgumentParser) -> None:
    """Add the positional argument DESIGN, for commands whose results must not depend on the catalogs of today."""
    parser.add_argument("design", metavar="DESIGN", type=Path, help="design.json of the study")


def add_chunks(parser: argparse.ArgumentParser) -> None:
    """Add --chunks, the files that list the replicates to measure."""
    parser.add_argument("--chunks", type=Path, nargs="+", required=True, help="the chunk files of the cells")


def add_results(parser: argparse.ArgumentParser) -> None:
    """Add --results, which defaults to the results folder in config.yaml."""
    parser.add_argument("--results", type=Path, help="folder of all results (default: the one in config.yaml)")


def add_image(parser: argparse.ArgumentParser) -> None:
    """Add --image, the inspection file by which a job checks that it runs inside the right container image."""
    parser.add_argument("--image", type=Path, help="inspection file (JSON) of the container image to run in")


def add_choice(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add --metric, --seed and --where, which say what to read from the files of runs."""
    parser.add_argument("--metric", metavar="NAME", help="the column or tag that has the results")
    parser.add_argument(
        "--seed", metavar="COLUMN", help="the column that has the seeds (default: seed, if there is one)"
    )
    parser.add_argument(
        "--where", metavar="COLUMN=VALUE", action="append", default=[], help="use only rows with this value; repeatable"
    )


def choice(options: argparse.Namespace, where: tuple[tuple[str, str], ...] = ()) -> "Choice":
    """Return what to read by the arguments of `add_choice`, with further conditions."""
    from noisegrid.common.errors import UsageError
    from noisegrid.reading.table import Choice

    conditions = [text.partition("=") for text in options.where]
    if wrong := next((column for column, equals, _ in conditions if not column or not equals), None):
        raise UsageError(f"--where {wrong} has no value; write --where {wrong}=VALUE")
    return Choice(options.metric, options.seed, (*((column, value) for column, _, value in conditions), *where))


def add_confidence(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add --confidence."""
    text = "the confidence of the verdict and the intervals (default: 0.95)"
    parser.add_argument("--confidence", metavar="SHARE", type=float, default=0.95, help=text)


def add_metrics(parser: argparse.ArgumentParser) -> None:
    """Add --metrics and --overhead, the input files for tables and findings."""
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.csv of the study")
    parser.add_argument("--overhead", type=Path, help="overhead.csv of the study, if the study times any network")


def check_metrics(options: argparse.Namespace) -> None:
    """Check that the files of `add_metrics` are as they were written, before anything is drawn from them.

    Each must have its checksum if the folder with its parts (`cells` or `overhead`) lies next to it. A file that was
    copied alone needs none.

    Raises
    ------
    NoisegridError
        If a file was edited, or if its checksum is required and missing.
    """
    from noisegrid.common.files import check_unedited

    check_unedited(options.metrics, required=(options.metrics.parent / "cells").is_dir())
    if options.overhead:
        check_unedited(options.overhead, required=(options.overhead.parent / "overhead").is_dir())


def config() -> dict[str, str]:
    """Return the settings in config.yaml, which are the defaults of the workflow."""
    from noisegrid.common.schemas import ROOT, read_yaml

    return read_yaml(ROOT / "config.yaml")


def chosen(options: argparse.Namespace) -> tuple[str, Path]:
    """Return the study and the folder of all results, each from the command line or, by default, from config.yaml."""
    defaults = config()
    return options.study or defaults["study"], options.results or Path(defaults["results"])
