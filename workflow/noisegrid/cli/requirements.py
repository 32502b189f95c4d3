"""Compute, for each task of the catalog, a lower bound on device memory and the floating-point operations per epoch."""

import argparse

EXAMPLE = "noisegrid requirements"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.training.requirements import print_all

    print_all()
