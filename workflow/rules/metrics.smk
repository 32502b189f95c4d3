"""Compute metrics with n, intervals and nulls from the replicates. Fail if control replicates are not bitwise equal.

REQUIRES  chunks/{hardware}/{task}/*.json and the replicates that they list
PROVIDES  cells/<cell>.csv: the metrics of a cell; across/{task}/{noise}.csv: a comparison of the same replicates on
          several kinds of hardware; metrics.csv: all of these files, concatenated
RERUNS    when a chunk file is newer, or when the modules that measure change (their digest is a parameter)
"""


# These jobs take seconds, so they run where Snakemake runs, even on a cluster.
localrules:
    measure_cell,
    compare_hardware,
    collect_metrics,


rule measure_cell:
    input:
        image=ANALYSIS_IMAGE,
        chunks=JOBS.cell_chunks,
    output:
        metrics=PATHS.cell_metrics(CELL),
    log:
        PATHS.log(f"cells/{CELL}"),
    container:
        PLAN.images.file(ANALYSIS)
    params:
        design=untracked(PATHS.design),
        results=untracked(PLAN.config["results"]),
        settings=JOBS.cell_digest,
        code=command_digest("measure"),
    shell:
        "python -m noisegrid measure {params.design:q}"
        " --cell {wildcards.hardware:q}/{wildcards.task:q}/{wildcards.noise:q}"
        " --chunks {input.chunks:q} --results {params.results:q}"
        " --output {output.metrics:q} 2> {log:q}"


rule compare_hardware:
    input:
        image=ANALYSIS_IMAGE,
        chunks=JOBS.chunks_of_all_hardware,
    output:
        metrics=PATHS.across("{task}", "{noise}"),
    log:
        PATHS.log("across/{task}/{noise}"),
    container:
        PLAN.images.file(ANALYSIS)
    params:
        design=untracked(PATHS.design),
        results=untracked(PLAN.config["results"]),
        code=command_digest("compare-hardware"),
    shell:
        "python -m noisegrid compare-hardware {params.design:q}"
        " --task {wildcards.task:q} --noise {wildcards.noise:q}"
        " --chunks {input.chunks:q} --results {params.results:q}"
        " --output {output.metrics:q} 2> {log:q}"


rule collect_metrics:
    input:
        image=ANALYSIS_IMAGE,
        cells=PLAN.cell_files() + PLAN.across_files(),
    output:
        metrics=PATHS.metrics,
    log:
        PATHS.log("collect_metrics"),
    container:
        PLAN.images.file(ANALYSIS)
    shell:
        "python -m noisegrid collect {input.cells:q} --output {output.metrics:q} 2> {log:q}"
