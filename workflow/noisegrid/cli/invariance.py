"""Find what changes the logits of a network, though its weights and the examples are the same.

The examples are evaluated in batches of other sizes, in other places of a batch, beside other examples, with other
threads, instruction sets and precisions. Each is compared with the reference: the largest batch size, the first number
of threads, and the switches of a held run on a CPU or of the record. For each that changes logits, the first operation
is named whose input is equal for an example, and whose output is not.

SUBJECT is a network or a task of the catalog (with weights drawn from seed 0), the record.json of a replicate or its
folder, or a function of your own, package.module:function, that returns a network; see docs/invariance.md. A file that
--output wrote is shown again, without evaluating anything.

The exit code is 0 if nothing changes a logit, 3 if something does, and 6 if this cannot be judged: the evaluation
fails, or does not repeat itself.
"""

import argparse
from pathlib import Path

EXAMPLE = "noisegrid invariance smallcnn --batch-sizes 1,2,8,64 --threads 1,2"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("subject", metavar="SUBJECT", help="network, task, record or package.module:function")
    parser.add_argument(
        "--batch-sizes", default="1,2,8,64", metavar="N,N,…", help="batch sizes to compare (default 1,2,8,64)"
    )
    parser.add_argument("--threads", default="1,2", metavar="N,N,…", help="numbers of threads to compare (default 1,2)")
    parser.add_argument("--examples", type=int, default=256, help="the number of examples (default 256)")
    parser.add_argument("--datasets", type=Path, default=Path("resources/datasets"), help="folder of prepared datasets")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--output", type=Path, metavar="FILE", help="also write the result to this file, as JSON")
    parser.add_argument("--figure", type=Path, metavar="FILE", help="draw the table, as PNG, SVG or PDF")


def run(options: argparse.Namespace) -> int:
    """Run the subcommand."""
    from noisegrid.invariance import command

    return command.run(options)
