"""Find where two runs first differ: at which step, in which layer, in which operation.

SIDE is the record.json of a replicate (or its folder), or a trace that --dump wrote. With one function of your own,
or with --task, both sides run the same code, and --a and --b say what is changed. A step of your own is called as
`step(state)`; see docs/diverge.md.

The exit code is 0 if the runs do not differ in the steps that were compared, 3 if they do, and 6 if this cannot be
judged: a run fails, does not repeat itself, or the traces are not comparable.
"""

import argparse
from pathlib import Path

EXAMPLE = "noisegrid diverge --task smallcnn-digits --a threads=1 --b threads=2"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("sides", nargs="*", metavar="SIDE", help="records, traces, or one package.module:function")
    parser.add_argument("--task", help="a task of the catalog, instead of SIDE")
    parser.add_argument(
        "--a", nargs="+", default=[], metavar="KEY=VALUE", help="what to change on side A, such as threads=1 or order=7"
    )
    parser.add_argument("--b", nargs="+", default=[], metavar="KEY=VALUE", help="what to change on side B")
    parser.add_argument("--hardware", default="cpu", help="for --task: a name in hardware.yaml (default: cpu)")
    parser.add_argument("--datasets", type=Path, default=Path("resources/datasets"), help="folder of prepared datasets")
    parser.add_argument("--steps", type=int, default=20, help="training steps to compare (default 20)")
    parser.add_argument(
        "--step", type=int, default=0, help="the step whose operations are traced first, from 0 (default 0)"
    )
    parser.add_argument("--operations", type=int, help="the most operations of a step to keep (default 50,000)")
    parser.add_argument("--dump", type=Path, metavar="FILE", help="run side A alone, and write its trace to FILE")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--figure", type=Path, metavar="FILE", help="draw how the difference grows, as PNG, SVG or PDF")


def run(options: argparse.Namespace) -> int:
    """Run the subcommand."""
    from noisegrid.divergence import command

    return command.run(options)
