"""Arguments that several subcommands share."""

import argparse
from pathlib import Path


def add_study(parser: argparse.ArgumentParser, optional: bool = False) -> None:
    """Add the positional study; an optional one defaults to that of config.yaml."""
    text = "a name in workflow/studies, or the path of a .yaml file"
    if optional:
        parser.add_argument("study", nargs="?", metavar="STUDY", help=f"{text} (default: that of config.yaml)")
    else:
        parser.add_argument("study", metavar="STUDY", help=text)


def add_design(parser: argparse.ArgumentParser) -> None:
    """Add --design, which a job gets from its rule."""
    parser.add_argument("--design", type=Path, help="design.json of the study, read instead of it if the file exists")


def add_results(parser: argparse.ArgumentParser) -> None:
    """Add --results, which defaults to the folder of config.yaml."""
    parser.add_argument("--results", type=Path, help="folder of all results (default: that of config.yaml)")


def add_image(parser: argparse.ArgumentParser) -> None:
    """Add --image, by which a job checks that it runs in the right container."""
    parser.add_argument("--image", type=Path, help="inspection of the image that this must run in")


def add_metrics(parser: argparse.ArgumentParser) -> None:
    """Add --metrics and --overhead, the two files that all of reporting reads."""
    parser.add_argument("--metrics", type=Path, required=True, help="metrics.csv of the study")
    parser.add_argument("--overhead", type=Path, help="overhead.csv, if the study times any network")


def config() -> dict[str, str]:
    """Return the defaults of config.yaml."""
    from noisegrid.common.schemas import read_yaml
    from noisegrid.runtime.hardware import ROOT

    return read_yaml(ROOT / "config.yaml")
