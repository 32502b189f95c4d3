"""Build the container image of a stack from containers/image.def, or take an image that was made elsewhere."""

import argparse
from pathlib import Path

EXAMPLE = "noisegrid build-image analysis --output resources/containers/analysis.sif"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("stack", metavar="STACK", help="a name in workflow/catalog/stacks.yaml")
    parser.add_argument("--image", help="take this file or OCI reference instead of building")
    parser.add_argument("--sha256", help="what the taken image's digest must be")
    parser.add_argument("--mirror", help="Debian mirror (default: what apt on this machine uses)")
    parser.add_argument("--output", type=Path, required=True, help="the .sif file to make")


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.runtime import images
    from noisegrid.runtime.hardware import stack

    options.output.parent.mkdir(parents=True, exist_ok=True)
    images.engine()
    if options.image:
        images.take(options.image, options.sha256, options.output)
    else:
        images.build(stack(options.stack), options.output, images.mirror(options.mirror))
