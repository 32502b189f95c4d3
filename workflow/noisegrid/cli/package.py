"""Write the finished results of a study into one file, an RO-Crate that others can check with `noisegrid verify`."""

import argparse
import json
from pathlib import Path

from noisegrid.cli import arguments

EXAMPLE = "noisegrid package quick"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    arguments.add_study(parser, optional=True)
    parser.add_argument("--config", default="{}", help="settings that differ from config.yaml, as JSON")
    parser.add_argument("--output", type=Path, help="the file to write (default: <results>/<study>/<study>.crate.zip)")


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.common.files import sha256
    from noisegrid.crate.write import write_package
    from noisegrid.planning.plan import make

    config = arguments.config() | json.loads(options.config)
    plan = make(config | ({"study": options.study} if options.study else {}))
    output = options.output or Path(plan.paths.crate)
    sizes = write_package(plan, output, plan.config["package_weights"])
    width = max(map(len, sizes))
    for part, (count, size) in sizes.items():
        print(f"{part:{width}}  {count:6,} files  {size / 1e6:10.2f} MB")
    print(f"{output}: {output.stat().st_size / 1e6:.2f} MB, SHA-256 {sha256(output)}")
