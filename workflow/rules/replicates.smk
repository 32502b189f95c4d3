"""Prepared dataset -> trained replicates. A job trains some replicates of every noise of a task, since they share all
else, or of one noise if one replicate of each would not fit into its time.

REQUIRES  <datasets>/{dataset}/manifest.json
PROVIDES  chunks/{hardware}/{task}/{chunk}.json, which lists replicates and their weight hashes (names: study/chunk.py)
          pilot/{hardware}/{task}.json: how long a replicate takes; only when asked for (`snakemake pilot`)
          replicates/<cell>/{replicate}/, kept however the job ends: they are no output that Snakemake may delete
RERUNS    a job when its dataset or image is newer; it finds its replicates finished, and trains nothing again.
          Never on an edit of the code (a comment must not cost GPU days); other settings are refused before any work
"""


rule train_replicates:
    input:
        manifest=JOBS.manifest,
        image=JOBS.inspection,
    output:
        chunk=PATHS.chunk("{hardware}", "{task}", "{chunk}"),
    log:
        PATHS.log("chunks/{hardware}/{task}/{chunk}"),
    container:
        JOBS.image
    threads: PLAN.config["threads_per_job"]
    resources:
        **JOBS.resources(),
    params:
        # a moved clone trains nothing again
        study=untracked(PLAN.study.source),
        design=untracked(PATHS.design),
        results=untracked(PLAN.config["results"]),
        dataset=untracked(JOBS.dataset),
        options=PLAN.training_options,
        image=JOBS.image_option,
        definition=JOBS.definition,
        settings=JOBS.chunk_digest,
    shell:
        "python -m noisegrid train {params.study:q} --design {params.design:q} --hardware {wildcards.hardware:q} --task {wildcards.task:q}"
        " --replicates {wildcards.chunk:q} --cores {threads:q} {params.options:q} {params.image:q}"
        " --dataset {params.dataset:q} --results {params.results:q} --output {output.chunk:q} 2> {log:q}"


rule run_pilot:
    input:
        manifest=JOBS.manifest,
        image=JOBS.inspection,
    output:
        pace=PATHS.pilot("{hardware}", "{task}"),
    log:
        PATHS.log("pilot/{hardware}/{task}"),
    container:
        JOBS.image
    threads: PLAN.config["threads_per_job"]
    resources:
        **JOBS.resources(runtime=15),  # a minute of training, and time to get there; short jobs start early
    params:
        study=untracked(PLAN.study.source),
        design=untracked(PATHS.design),
        results=untracked(PLAN.config["results"]),
        dataset=untracked(JOBS.dataset),
        image=JOBS.image_option,
        recipe=JOBS.pace_identity,
    shell:
        "python -m noisegrid pilot {params.study:q} --design {params.design:q} --hardware {wildcards.hardware:q} --task {wildcards.task:q}"
        " --dataset {params.dataset:q} --results {params.results:q} {params.image:q}"
        " --output {output.pace:q} 2> {log:q}"
