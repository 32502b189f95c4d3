"""Show what a study would submit and cost: replicates, jobs, device time, memory, disk, files and price.

What a job asks SLURM for, and prices, come from slurm/site.yaml.
"""

import argparse
import sys
from pathlib import Path

from noisegrid.cli import arguments
from noisegrid.cli.check import arguments_of_trial

EXAMPLE = "noisegrid plan paper"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    arguments.add_study(parser, optional=True)
    arguments.add_results(parser)
    arguments_of_trial(parser)
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON, without the notes")
    parser.add_argument(
        "--write", action="store_true", help="write the resolved study to <results>/<study>/design.json"
    )


def run(options: argparse.Namespace) -> int:
    """Run the subcommand. The exit code is 1 if one of the user's own networks fails its trial, and 0 otherwise."""
    import json

    from noisegrid.common.escape import lines
    from noisegrid.planning.costs import costs, document
    from noisegrid.planning.plan import make, notes, write_design
    from noisegrid.planning.summary import summary
    from noisegrid.planning.trial import try_study
    from noisegrid.study.check import corrections, remarks

    study, results = arguments.chosen(options)
    plan = make({"study": study, "results": str(results)})
    more = [f"note: {line}" for line in [*corrections(plan.study.source), *remarks(plan.study)]]
    if options.json:
        print(json.dumps(document(costs(plan)), indent=1))
    else:
        print(lines("\n".join([*notes(plan), *more, summary(plan)])))
    if options.write:
        write_design(plan)
        print(lines(f"wrote {plan.paths.design}"), file=sys.stderr if options.json else sys.stdout)
    failed, untried = try_study(plan.study, Path(plan.config["datasets"])) if options.tried else ([], [])
    for line in [*(f"note: {note}" for note in untried), *failed]:
        print(lines(line), file=sys.stderr)
    return 1 if failed else 0
