"""Measure the overhead of determinism for each network on each kind of hardware.

One job times all networks on a kind of hardware, one after the other, so that they are timed on the same device. The job
requests exclusive use of the node, because other work on the node would distort the timing.

REQUIRES  no data, because the training images are random numbers
PROVIDES  overhead/{hardware}/{network}.csv (every block) and .json (device, versions, arms), which are not declared as
          outputs, because Snakemake deletes the outputs of a failed job; overhead/{hardware}.csv: the blocks of all
          networks; overhead.csv: the blocks on all hardware
RERUNS    when the study requests other sizes, processes, blocks or arms, or when the definition of the container image changes,
          but not when the code is edited. Networks that were timed with the same settings are not timed again; delete
          the files of a network to time it again
"""


# These jobs take seconds, so they run where Snakemake runs, even on a cluster.
localrules:
    collect_overhead,


rule time_networks:
    input:
        image=ancient(JOBS.inspection),
    output:
        blocks=PATHS.timed_on("{hardware}"),
    log:
        PATHS.log("overhead/{hardware}"),
    container:
        JOBS.image
    threads: workflow.cores if workflow.local_exec else PLAN.config["threads_per_job"]
    resources:
        **JOBS.resources(alone=True),
    params:
        # untracked, so that networks are not timed again after the working tree has moved
        design=untracked(PATHS.design),
        folder=untracked(f"{PATHS.folder}/overhead"),
        settings=JOBS.timed_digest,
        image=JOBS.image_option,
        definition=JOBS.definition,
    shell:
        "python -m noisegrid overhead --study {params.design:q} --hardware {wildcards.hardware:q}"
        " --threads {threads:q} {params.image:q} --output {params.folder:q} 2> {log:q}"


rule collect_overhead:
    input:
        image=ANALYSIS_IMAGE,
        hardware=PLAN.timed_files(),
    output:
        overhead=PATHS.overhead,
    log:
        PATHS.log("collect_overhead"),
    container:
        PLAN.images.file(ANALYSIS)
    shell:
        "python -m noisegrid collect {input.hardware:q} --output {output.overhead:q} 2> {log:q}"
