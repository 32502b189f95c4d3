"""The study, validated once before any work starts; every other file asks it for cells. Nothing here computes."""

import os
import sys

sys.path.insert(0, os.path.join(workflow.basedir, "workflow"))

from noisegrid.runtime.hardware import ANALYSIS
from noisegrid.planning.plan import make_or_exit, modules_digest, shell_prefix
from noisegrid.planning.preflight import check_machine_or_exit

IN_CONTAINERS = "APPTAINER" in {
    method.name for method in workflow.deployment_settings.deployment_method
}
PLAN = make_or_exit(config, IN_CONTAINERS)
if IN_CONTAINERS:
    workflow.deployment_settings.apptainer_args += PLAN.engine_arguments()
RESULTS = PLAN.results
DATASETS = PLAN.config["datasets"]
CELL = "{hardware}/{task}/{noise}"
# What every job in the analysis image waits for; nothing without --sdm apptainer.
ANALYSIS_IMAGE = PLAN.inspections(ANALYSIS)

# Code comes from the working tree, so that an edit needs no installation, inside a container and outside.
shell.prefix(shell_prefix())


wildcard_constraints:
    **PLAN.wildcards,
