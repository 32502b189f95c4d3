"""Replicates -> metrics with n, interval and null; control is verified here, bit by bit.

REQUIRES  batches/{hardware}/{task}/*.json and the replicates that they list
PROVIDES  cells/<cell>.csv (long form), metrics.csv (the whole study)
RERUNS    when the modules that measure change (their digest is a parameter)
"""


rule measure_cell:
    input:
        batches=lambda wildcards: PLAN.batch_files(wildcards.hardware, wildcards.task),
    output:
        metrics=f"{RESULTS}/cells/{CELL}.csv",
    log:
        f"{RESULTS}/logs/cells/{CELL}.log",
    params:
        study=PLAN.study.source,
        results=lambda wildcards: PLAN.config["results"],
        code=modules_digest("measure", "metrics"),
    shell:
        "python -m noisegrid.measure --study {params.study:q}"
        " --cell {wildcards.hardware}/{wildcards.task}/{wildcards.noise}"
        " --batches {input.batches:q} --results {params.results:q}"
        " --output {output.metrics:q} 2> {log:q}"


rule collect_metrics:
    input:
        cells=PLAN.cell_files(),
    output:
        metrics=f"{RESULTS}/metrics.csv",
    log:
        f"{RESULTS}/logs/collect_metrics.log",
    shell:
        "python -m noisegrid.collect {input.cells:q} --output {output.metrics:q} 2> {log:q}"
