"""Networks -> what determinism costs on a hardware. One exclusive job per network: anything beside it would be timed too.

REQUIRES  nothing: the images are random numbers of the right shape and statistics
PROVIDES  overhead/{hardware}/{network}.csv (every block), .json (device, versions, what was refused); overhead.csv
RERUNS    never on an edit of the code; when the study asks for other sizes, blocks or arms
"""


# Seconds each: where Snakemake runs, also on a cluster.
localrules:
    collect_overhead,


rule time_network:
    input:
        image=ancient(JOBS.inspection),
    output:
        blocks=PATHS.timed("{hardware}/{network}", "csv"),
        record=PATHS.timed("{hardware}/{network}", "json"),
    log:
        PATHS.log("overhead/{hardware}/{network}"),
    container:
        JOBS.image
    threads: workflow.cores if workflow.local_exec else PLAN.config["threads_per_job"]
    resources:
        **JOBS.resources(alone=True),
    params:
        # a moved clone times nothing again
        study=untracked(PLAN.study.source),
        design=untracked(PATHS.design),
        folder=untracked(f"{PATHS.folder}/overhead"),
        settings=JOBS.timed_digest,
        image=JOBS.image_option,
        definition=JOBS.definition,
    shell:
        "python -m noisegrid overhead --study {params.study:q} --design {params.design:q} --hardware {wildcards.hardware:q}"
        " --network {wildcards.network:q} --threads {threads:q} {params.image:q}"
        " --output {params.folder:q} 2> {log:q}"


rule collect_overhead:
    input:
        image=ANALYSIS_IMAGE,
        networks=PLAN.timed_files(),
    output:
        overhead=PATHS.overhead,
    log:
        PATHS.log("collect_overhead"),
    container:
        PLAN.images.file(ANALYSIS)
    shell:
        "python -m noisegrid collect {input.networks:q} --output {output.overhead:q} 2> {log:q}"
