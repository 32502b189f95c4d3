"""Load and check the study before any work starts, and make its plan, which gives the other rule files their paths."""

import os
import re
import sys

sys.path.insert(0, os.path.join(workflow.basedir, "workflow"))

from noisegrid.common.dependencies import command_digest
from noisegrid.common.errors import unknown
from noisegrid.common.schemas import WORKFLOW
from noisegrid.planning.jobs import Jobs, shell_prefix, untracked
from noisegrid.planning.plan import make_or_exit, refuse, write_design
from noisegrid.planning.preflight import check_machine_or_exit
from noisegrid.planning.terminal import Terminal, say_what_was_made
from noisegrid.reporting.registry import FIGURE_SUFFIXES, TABLE_SUFFIXES
from noisegrid.runtime.hardware import ANALYSIS

IN_CONTAINERS = "APPTAINER" in {
    method.name for method in workflow.deployment_settings.deployment_method
}
# Only a call that submits jobs has a maximum number of nodes (`jobs` in its profile), even if it is a dry run.
SUBMITS = workflow.resource_settings.nodes is not None
if config.get("job_per") is None:
    config["job_per"] = "task" if SUBMITS else "device"
PLAN = make_or_exit(config, IN_CONTAINERS, in_job=not workflow.is_main_process, submits=SUBMITS)
PATHS, JOBS = PLAN.paths, Jobs(PLAN)
TERMINAL = Terminal()
if workflow.is_main_process:
    TERMINAL.watch(drawn=not workflow.dryrun)
if workflow.is_main_process and workflow.modifier.base_snakefile is not None:
    write_design(PLAN)  # the Snakefile does it in onstart, which Snakemake ignores in a module
if IN_CONTAINERS:
    workflow.deployment_settings.apptainer_args += PLAN.images.engine_arguments()
# The inspection file that every job in the analysis image needs; empty without --sdm apptainer.
ANALYSIS_IMAGE = PLAN.images.inspections(ANALYSIS)

# Inside and outside containers, jobs import the code from the working tree, so that an edit takes
# effect without an installation.
shell.prefix(shell_prefix())


wildcard_constraints:
    **PLAN.wildcards,
