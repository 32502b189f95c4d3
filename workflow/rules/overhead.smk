"""Networks -> what determinism costs on a hardware: one exclusive job per network, since anything beside it would be timed too.

REQUIRES  nothing: the images are random numbers of the right shape and statistics
PROVIDES  overhead/{hardware}/{network}.csv (every block), .json (device, versions, what was refused); overhead.csv
RERUNS    never on an edit of the code; when the study asks for other sizes, blocks or arms
"""


# Seconds each: where Snakemake runs, also on a cluster.
localrules:
    collect_overhead,


rule time_network:
    input:
        image=lambda wildcards: ancient(PLAN.inspections(PLAN.stack_of(wildcards.hardware))),
    output:
        blocks=f"{RESULTS}/overhead/{{hardware}}/{{network}}.csv",
        record=f"{RESULTS}/overhead/{{hardware}}/{{network}}.json",
    log:
        f"{RESULTS}/logs/overhead/{{hardware}}/{{network}}.log",
    container:
        lambda wildcards: PLAN.image(PLAN.stack_of(wildcards.hardware))
    threads: workflow.cores if workflow.local_exec else PLAN.config["threads_per_job"]
    resources:
        **PLAN.requests(alone=True),
    params:
        # as for training: a moved clone times nothing again
        study=lambda wildcards, output: PLAN.study.source,
        folder=lambda wildcards, output: os.path.dirname(os.path.dirname(output.blocks)),
        settings=lambda wildcards: PLAN.timed_digest(wildcards.hardware, wildcards.network),
        image=lambda wildcards: PLAN.image_option(wildcards.hardware),
        definition=lambda wildcards: PLAN.definition(PLAN.stack_of(wildcards.hardware)),
    shell:
        "python -m noisegrid overhead --study {params.study:q} --hardware {wildcards.hardware:q}"
        " --network {wildcards.network:q} --threads {threads:q} {params.image:q} --output {params.folder:q} 2> {log:q}"


rule collect_overhead:
    input:
        image=ANALYSIS_IMAGE,
        networks=PLAN.overhead_files(),
    output:
        overhead=f"{RESULTS}/overhead.csv",
    log:
        f"{RESULTS}/logs/collect_overhead.log",
    container:
        PLAN.image(ANALYSIS)
    shell:
        "python -m noisegrid collect {input.networks:q} --output {output.overhead:q} 2> {log:q}"
