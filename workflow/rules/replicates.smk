"""Prepared dataset -> trained replicates: a job trains some of every noise source of a task, since they share all else,
or of one source where one of each would not fit its time.

REQUIRES  <datasets>/{dataset}/manifest.json
PROVIDES  batches/{hardware}/{task}/{batch}.json, which lists replicates and their weight hashes (names: design/batch.py)
          pilot/{hardware}/{task}.json: how long a replicate takes; only when asked for (`snakemake pilot`)
          replicates/<cell>/{replicate}/, kept whatever becomes of the job: they are no output that Snakemake may delete
RERUNS    a job when its dataset or image is newer; it finds its replicates finished, and trains nothing again.
          Never on an edit of the code (a comment must not cost GPU days); other settings are refused before any work
"""


rule train_replicates:
    input:
        manifest=lambda wildcards: PLAN.manifest(wildcards.hardware, wildcards.task),
        image=lambda wildcards: PLAN.inspections(PLAN.stack_of(wildcards.hardware)),
    output:
        batch=f"{RESULTS}/batches/{{hardware}}/{{task}}/{{batch}}.json",
    log:
        f"{RESULTS}/logs/batches/{{hardware}}/{{task}}/{{batch}}.log",
    container:
        lambda wildcards: PLAN.image(PLAN.stack_of(wildcards.hardware))
    threads: PLAN.config["threads_per_job"]
    resources:
        **PLAN.requests(),
    params:
        # asking for `output` tells Snakemake that these decide no content: a moved clone trains nothing again
        study=lambda wildcards, output: PLAN.study.source,
        results=lambda wildcards, output: PLAN.config["results"],
        dataset=lambda wildcards, input: os.path.dirname(input.manifest),
        minutes=PLAN.config["checkpoint_minutes"],
        failures=PLAN.failures_option,
        share=PLAN.share_option,
        image=lambda wildcards: PLAN.image_option(wildcards.hardware),
        definition=lambda wildcards: PLAN.definition(PLAN.stack_of(wildcards.hardware)),
        settings=lambda wildcards: PLAN.batch_digest(
            wildcards.hardware, wildcards.task, wildcards.batch
        ),
    shell:
        "python -m noisegrid train {params.study:q}"
        " --hardware {wildcards.hardware:q} --task {wildcards.task:q}"
        " --replicates {wildcards.batch:q} --cores {threads:q} --checkpoint-minutes {params.minutes:q} {params.failures:q} {params.share:q} {params.image:q}"
        " --dataset {params.dataset:q} --results {params.results:q}"
        " --output {output.batch:q} 2> {log:q}"


rule run_pilot:
    input:
        manifest=lambda wildcards: PLAN.manifest(wildcards.hardware, wildcards.task),
        image=lambda wildcards: PLAN.inspections(PLAN.stack_of(wildcards.hardware)),
    output:
        pace=f"{RESULTS}/pilot/{{hardware}}/{{task}}.json",
    log:
        f"{RESULTS}/logs/pilot/{{hardware}}/{{task}}.log",
    container:
        lambda wildcards: PLAN.image(PLAN.stack_of(wildcards.hardware))
    threads: PLAN.config["threads_per_job"]
    resources:
        **{**PLAN.requests(), "runtime": 15},  # a minute of training, and time to get there; short jobs start early
    params:
        study=lambda wildcards, output: PLAN.study.source,
        results=lambda wildcards, output: PLAN.config["results"],
        dataset=lambda wildcards, input: os.path.dirname(input.manifest),
        image=lambda wildcards: PLAN.image_option(wildcards.hardware),
        recipe=lambda wildcards: PLAN.pace_identity(wildcards.hardware, wildcards.task),
    shell:
        "python -m noisegrid pilot {params.study:q} --hardware {wildcards.hardware:q} --task {wildcards.task:q}"
        " --dataset {params.dataset:q} --results {params.results:q} {params.image:q} --output {output.pace:q} 2> {log:q}"
