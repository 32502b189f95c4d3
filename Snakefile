"""Measure how much of a training result is noise, where it comes from, whom it affects, and what determinism costs.

Data flow in one direction: study -> datasets -> replicates -> metrics -> findings, tables, figures -> report.
"""

from snakemake.utils import min_version

min_version("9.5")


configfile: workflow.source_path("config.yaml")


include: "workflow/rules/common.smk"


# The first page of Snakemake's report says what was measured, on which hardware, and with which results.
report: os.path.abspath(PATHS.findings("rst"))


include: "workflow/rules/containers.smk"
include: "workflow/rules/datasets.smk"
include: "workflow/rules/replicates.smk"
include: "workflow/rules/metrics.smk"
include: "workflow/rules/overhead.smk"
include: "workflow/rules/inference.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/package.smk"
include: "workflow/rules/refuse.smk"


localrules:
    all,
    pilot,


rule all:
    default_target: True
    input:
        PATHS.metrics,
        PLAN.overhead,
        PLAN.products(),
        PATHS.report,
        PATHS.provenance,


# Run this before a large study. The pilot measures how long a replicate of each task takes, so that
# each job gets as many replicates as fit into its time.
rule pilot:
    input:
        PLAN.pilot_files(),


onstart:
    check_machine_or_exit(PLAN, workflow.dag.needrun_jobs(), local=workflow.local_exec)
    # every job reads the resolved study, so that all of them work on the same cells
    write_design(PLAN)
    TERMINAL.open(PLAN, log)


onsuccess:
    TERMINAL.close()
    say_what_was_made(PLAN, workflow.dag.targetjobs)


onerror:
    TERMINAL.close()
    # show which replicates failed, and why; the next call trains only the missing ones
    shell(
        "python -m noisegrid status {PLAN.study.source:q} --results {PLAN.config[results]:q}"
        + (" | tail -n 1" if TERMINAL.interrupted else "")
    )
