"""Train replicates on the prepared datasets.

On a cluster, a job trains some replicates of every noise of a task, because only the noise differs between them. If one
replicate of every noise does not fit into the time of a job, each job trains replicates of a single noise. On one
machine, a single job trains all cells on the CPU (`job_per` in config.yaml).

REQUIRES  <datasets>/{dataset}/manifest.json
PROVIDES  chunks/{hardware}/{chunk}.json: the replicates of a job, with their weight hashes (study/chunk.py explains the
          names); pilot/{hardware}/{task}.json: the duration of a replicate (only with `snakemake pilot`);
          replicates/<cell>/{replicate}/: the replicates. Their folders are not declared as outputs, because Snakemake
          deletes the outputs of a failed job
RERUNS    when the dataset or the image is newer, or when the number of replicates changes. Finished replicates are not
          trained again. An edit of the code reruns nothing, because a new comment must not cost GPU days. Results with
          other settings are refused before any work starts
"""


rule train_replicates:
    input:
        manifests=JOBS.manifests,
        image=JOBS.inspection,
    output:
        chunk=PATHS.chunk("{hardware}", "{chunk}"),
    log:
        PATHS.log("chunks/{hardware}/{chunk}"),
    container:
        JOBS.image
    threads: JOBS.threads(workflow.cores)
    resources:
        **JOBS.resources(),
    params:
        # untracked, so that no job runs again after the working tree has moved
        design=untracked(PATHS.design),
        results=untracked(PLAN.config["results"]),
        datasets=untracked(PLAN.config["datasets"]),
        scratch=untracked(PLAN.site.scratch_option),
        options=PLAN.training_options,
        image=JOBS.image_option,
        definition=JOBS.definition,
        settings=JOBS.chunk_digest,
    shell:
        "python -m noisegrid train {params.design:q} --hardware {wildcards.hardware:q}"
        " --replicates {wildcards.chunk:q} --cores {threads:q} {params.options:q} {params.image:q}"
        " --datasets {params.datasets:q} {params.scratch:q} --results {params.results:q}"
        " --output {output.chunk:q} 2> {log:q}"


rule run_pilot:
    input:
        manifests=JOBS.manifests,
        image=JOBS.inspection,
    output:
        pace=PATHS.pilot("{hardware}", "{task}"),
    log:
        PATHS.log("pilot/{hardware}/{task}"),
    container:
        JOBS.image
    threads: PLAN.config["threads_per_job"]
    resources:
        # start-up, at most three minutes of warm-up, and a minute of training; short jobs start early
        **JOBS.resources(runtime=lambda wildcards, attempt: 15 * attempt),
    params:
        design=untracked(PATHS.design),
        results=untracked(PLAN.config["results"]),
        datasets=untracked(PLAN.config["datasets"]),
        image=JOBS.image_option,
        recipe=JOBS.pace_identity,
    shell:
        "python -m noisegrid pilot {params.design:q} --hardware {wildcards.hardware:q} --task {wildcards.task:q}"
        " --datasets {params.datasets:q} --results {params.results:q} {params.image:q}"
        " --output {output.pace:q} 2> {log:q}"
