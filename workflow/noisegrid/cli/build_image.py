"""Build the container image of a stack from containers/image.def, or use an image that was built elsewhere."""

import argparse
from pathlib import Path

EXAMPLE = "noisegrid build-image analysis --output resources/containers/analysis.sif"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("stack", metavar="STACK", help="a name in workflow/catalog/stacks.yaml")
    parser.add_argument("--image", help="use this image file or OCI reference instead of building an image")
    parser.add_argument("--sha256", help="expected SHA-256 of the image given by --image")
    parser.add_argument("--mirror", help="Debian mirror (default: the mirror that apt uses on this machine)")
    parser.add_argument("--output", type=Path, required=True, help="the .sif file to write")


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
