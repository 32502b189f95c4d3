"""Prepare a dataset: read the raw files once, and write arrays (with checksums) that training runs memory-map."""

import argparse
from pathlib import Path

EXAMPLE = "noisegrid prepare-dataset digits --output resources/datasets/digits/manifest.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("dataset", metavar="DATASET", help="a name in workflow/catalog/datasets.yaml or in the study")
    parser.add_argument("--study", help="the study, if it defines the dataset")
    parser.add_argument("--folder", type=Path, help="folder of the raw files (default: download them)")
    parser.add_argument("--output", type=Path, required=True, help="the manifest.json to write")


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.common.errors import NoisegridError, unknown
    from noisegrid.common.schemas import catalog
    from noisegrid.data.prepared import prepare
    from noisegrid.study.resolve import load

    entries = load(options.study).datasets if options.study else catalog("datasets")
    if options.dataset not in entries:
        raise NoisegridError(unknown("dataset", options.dataset, entries))
    prepare(options.dataset, entries[options.dataset], options.folder, options.output.parent)
