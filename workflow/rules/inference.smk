"""Evaluate replicates under other conditions: batch sizes, neighbours, threads, instruction sets (docs/invariance.md).

REQUIRES  the replicates that the key `inference` of the study names, and their datasets
PROVIDES  inference/{hardware}/{task}/{noise}.json, .txt (the table) and .png
RERUNS    when a chunk file is newer, when the study asks for other conditions, or when the modules that evaluate change
          (their digest is a parameter)
"""


# This job takes a second, so it runs where Snakemake runs, even on a cluster.
localrules:
    draw_inference,


rule evaluate_inference:
    input:
        chunks=JOBS.inference_chunks,
        image=JOBS.inspection,
    output:
        json=PATHS.inference("{hardware}/{task}/{noise}", "json"),
        table=report(
            PATHS.inference("{hardware}/{task}/{noise}", "txt"),
            caption="../report/inference.rst",
            category="4. Inference",
            labels={"task": "{task}", "hardware": "{hardware}", "as": "table"},
        ),
    log:
        PATHS.log("inference/{hardware}.{task}.{noise}"),
    wildcard_constraints:
        noise="[^/]+",
    container:
        JOBS.image
    threads: PLAN.inference_threads
    resources:
        **JOBS.resources(),
    params:
        record=untracked(JOBS.inference_record),
        datasets=untracked(PLAN.config["datasets"]),
        options=JOBS.inference_options,
        code=command_digest("invariance"),
    # exit code 3 says that a condition changes logits, which is a finding and no failure
    shell:
        "python -m noisegrid invariance {params.record:q} {params.options:q} --datasets {params.datasets:q}"
        " --output {output.json:q} > {output.table:q} 2> {log:q} || test $? -eq 3"


rule draw_inference:
    input:
        json=PATHS.inference("{hardware}/{task}/{noise}", "json"),
        image=ANALYSIS_IMAGE,
    output:
        figure=report(
            PATHS.inference("{hardware}/{task}/{noise}", "png"),
            caption="../report/inference.rst",
            category="4. Inference",
            labels={"task": "{task}", "hardware": "{hardware}", "as": "figure"},
        ),
    log:
        PATHS.log("inference/{hardware}.{task}.{noise}.figure"),
    wildcard_constraints:
        noise="[^/]+",
    container:
        PLAN.images.file(ANALYSIS)
    params:
        code=command_digest("invariance"),
    shell:
        "python -m noisegrid invariance {input.json:q} --figure {output.figure:q} > /dev/null 2> {log:q} || test $? -eq 3"
