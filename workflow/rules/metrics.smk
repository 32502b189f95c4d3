"""Replicates -> metrics with n, interval and null; control is verified here, bit by bit.

REQUIRES  batches/{hardware}/{task}/*.json and the replicates that they list
PROVIDES  cells/<cell>.csv (long form), across/{task}/{noise}.csv (the same runs on several hardware),
          metrics.csv (the whole study)
RERUNS    when the modules that measure change (their digest is a parameter)
"""


# Seconds each: where Snakemake runs, also on a cluster.
localrules:
    measure_cell,
    compare_hardware,
    collect_metrics,


rule measure_cell:
    input:
        image=ANALYSIS_IMAGE,
        batches=lambda wildcards: PLAN.batch_files(
            wildcards.hardware, wildcards.task, wildcards.noise
        ),
    output:
        metrics=f"{RESULTS}/cells/{CELL}.csv",
    log:
        f"{RESULTS}/logs/cells/{CELL}.log",
    container:
        PLAN.image(ANALYSIS)
    params:
        study=lambda wildcards, output: PLAN.study.source,
        results=lambda wildcards, output: PLAN.config["results"],
        code=modules_digest("measuring/cell", "stats/*"),
    shell:
        "python -m noisegrid measure {params.study:q}"
        " --cell {wildcards.hardware:q}/{wildcards.task:q}/{wildcards.noise:q}"
        " --batches {input.batches:q} --results {params.results:q}"
        " --output {output.metrics:q} 2> {log:q}"


rule compare_hardware:
    input:
        image=ANALYSIS_IMAGE,
        batches=lambda wildcards: PLAN.batch_files_of_all_hardware(wildcards.task, wildcards.noise),
    output:
        metrics=f"{RESULTS}/across/{{task}}/{{noise}}.csv",
    log:
        f"{RESULTS}/logs/across/{{task}}/{{noise}}.log",
    container:
        PLAN.image(ANALYSIS)
    params:
        study=lambda wildcards, output: PLAN.study.source,
        results=lambda wildcards, output: PLAN.config["results"],
        code=modules_digest("measuring/*", "stats/*"),
    shell:
        "python -m noisegrid compare-hardware {params.study:q}"
        " --task {wildcards.task:q} --noise {wildcards.noise:q}"
        " --batches {input.batches:q} --results {params.results:q}"
        " --output {output.metrics:q} 2> {log:q}"


rule collect_metrics:
    input:
        image=ANALYSIS_IMAGE,
        cells=PLAN.cell_files() + PLAN.across_files(),
    output:
        metrics=f"{RESULTS}/metrics.csv",
    log:
        f"{RESULTS}/logs/collect_metrics.log",
    container:
        PLAN.image(ANALYSIS)
    shell:
        "python -m noisegrid collect {input.cells:q} --output {output.metrics:q} 2> {log:q}"
