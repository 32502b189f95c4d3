"""Show what a study would submit and how much it would cost: replicates, jobs and device-hours."""

import argparse

from noisegrid.cli import arguments

EXAMPLE = "noisegrid plan paper"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    arguments.add_study(parser, optional=True)
    arguments.add_results(parser)
    parser.add_argument(
        "--write", action="store_true", help="write the resolved study to <results>/<study>/design.json"
    )


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.planning.plan import make, notes, write_design
    from noisegrid.planning.summary import summary

    study, results = arguments.chosen(options)
    plan = make({"study": study, "results": str(results)})
    print("\n".join([*notes(plan), summary(plan)]))
    if options.write:
        write_design(plan)
        print(f"wrote {plan.paths.design}")
