"""Check that a container image contains what its stack requires. This command must run inside the image."""

import argparse
from pathlib import Path

EXAMPLE = "noisegrid inspect-image analysis --image analysis.sif --output analysis.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("stack", metavar="STACK", help="a name in workflow/catalog/stacks.yaml")
    parser.add_argument("--image", type=Path, required=True, help="the container image that this command runs in")
    parser.add_argument("--output", type=Path, required=True, help="the JSON to write")


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    import json

    from noisegrid.common.files import write_text
    from noisegrid.runtime.hardware import stack
    from noisegrid.runtime.inspection import inspect

    write_text(options.output, json.dumps(inspect(stack(options.stack), options.image), indent=1) + "\n")
