"""Check whether the seeds of your training function do what you think.

FUNCTION is package.module:function. It is called as train(seed=0), or with one argument for each of your seeds, such as
train(init_seed=0, order_seed=0); it may take `checkpoint`, a path that it saves to and resumes from. It trains a few
steps in any way, and returns a module, a state dict, or nothing. Each run is a process of its own. See docs/audit.md.

The exit code is 0 if nothing was found, 3 if something was, and 6 if the function cannot be judged: it fails, takes too
long, or no optimiser takes a step.
"""

import argparse

EXAMPLE = "noisegrid audit my_module:train --steps 20"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("function", metavar="FUNCTION", help="your training function, as package.module:function")
    parser.add_argument(
        "--steps", type=int, default=20, help="steps of the optimiser after which a run ends (default 20)"
    )
    parser.add_argument("--timeout", type=float, default=300, help="the most seconds of a run (default 300)")
    parser.add_argument(
        "--ignore", nargs="+", default=[], metavar="RULE", help="rules whose findings are accepted, such as drop_last"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print the result as JSON")
    form.add_argument("--markdown", action="store_true", help="print the result as Markdown")


def run(options: argparse.Namespace) -> int:
    """Run the subcommand."""
    from noisegrid.audit import command

    return command.run(options)
