"""Compute the least device memory, the operations per epoch and the size of the weights of each task of the catalog."""

import argparse

EXAMPLE = "noisegrid requirements"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.training.requirements import print_all

    print_all()
