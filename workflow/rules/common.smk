"""The study, validated once before any work starts; every other file asks it for cells. Nothing here computes."""

import os
import sys

sys.path.insert(0, os.path.join(workflow.basedir, "workflow"))

from noisegrid.plan import (
    check_machine_or_exit,
    make_or_exit,
    modules_digest,
    shell_prefix,
)

PLAN = make_or_exit(config)
RESULTS = PLAN.results
DATASETS = PLAN.config["datasets"]
CELL = "{hardware}/{task}/{noise}"

# Code comes from the working tree, so that an edit needs no installation, inside a container and outside.
shell.prefix(shell_prefix())


wildcard_constraints:
    **PLAN.wildcards,
