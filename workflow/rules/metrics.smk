"""Compute metrics with n, intervals and nulls from the replicates. Fail if control replicates are not bitwise equal.

REQUIRES  chunks/{hardware}/{chunk}.json and the replicates that they list
PROVIDES  cells/{hardware}/{task}.csv: the metrics of all cells of a task; across/{task}.csv: a comparison of the same
          replicates on several kinds of hardware; versus.csv: the comparisons of two methods; metrics.csv: all of
          these files, concatenated
RERUNS    when a chunk file is newer, or when the modules that measure change (their digest is a parameter)
"""


# These jobs take seconds, so they run where Snakemake runs, even on a cluster.
localrules:
    measure_task,
    compare_hardware,
    compare_methods,
    collect_metrics,


rule measure_task:
    input:
        image=ANALYSIS_IMAGE,
        chunks=JOBS.task_chunks,
    output:
        metrics=PATHS.task_metrics("{hardware}", "{task}"),
    log:
        PATHS.log("cells/{hardware}/{task}"),
    container:
        PLAN.images.file(ANALYSIS)
    params:
        design=untracked(PATHS.design),
        results=untracked(PLAN.config["results"]),
        settings=JOBS.task_digest,
        code=command_digest("measure"),
    shell:
        "python -m noisegrid measure {params.design:q}"
        " --hardware {wildcards.hardware:q} --task {wildcards.task:q}"
        " --chunks {input.chunks:q} --results {params.results:q}"
        " --output {output.metrics:q} 2> {log:q}"


rule compare_hardware:
    input:
        image=ANALYSIS_IMAGE,
        chunks=JOBS.chunks_of_all_hardware,
    output:
        metrics=PATHS.across("{task}"),
    log:
        PATHS.log("across/{task}"),
    container:
        PLAN.images.file(ANALYSIS)
    params:
        design=untracked(PATHS.design),
        results=untracked(PLAN.config["results"]),
        code=command_digest("compare-hardware"),
    shell:
        "python -m noisegrid compare-hardware {params.design:q}"
        " --task {wildcards.task:q} --chunks {input.chunks:q} --results {params.results:q}"
        " --output {output.metrics:q} 2> {log:q}"


rule compare_methods:
    input:
        image=ANALYSIS_IMAGE,
        chunks=PLAN.versus_chunks(),
    output:
        metrics=PATHS.versus,
    log:
        PATHS.log("versus"),
    container:
        PLAN.images.file(ANALYSIS)
    params:
        design=untracked(PATHS.design),
        results=untracked(PLAN.config["results"]),
        versus=PLAN.versus_digest(),
        code=command_digest("compare-methods"),
    shell:
        "python -m noisegrid compare-methods {params.design:q}"
        " --chunks {input.chunks:q} --results {params.results:q}"
        " --output {output.metrics:q} 2> {log:q}"


rule collect_metrics:
    input:
        image=ANALYSIS_IMAGE,
        tasks=PLAN.metrics_files() + PLAN.across_files() + PLAN.versus_files(),
    output:
        metrics=PATHS.metrics,
    log:
        PATHS.log("collect_metrics"),
    container:
        PLAN.images.file(ANALYSIS)
    shell:
        "python -m noisegrid collect {input.tasks:q} --output {output.metrics:q} 2> {log:q}"
