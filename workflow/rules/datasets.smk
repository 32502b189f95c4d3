"""Raw files -> one memory-mapped, checksummed copy per dataset, which all replicates of all studies read.

REQUIRES  the raw folders named in config.yaml, or the network
PROVIDES  <datasets>/{dataset}/manifest.json and the arrays that it lists
RERUNS    never by itself: delete the folder to prepare it again
"""


localrules:
    prepare_dataset,


rule prepare_dataset:
    input:
        image=ancient(PLAN.inspections(PLAN.training_stack)),
    output:
        manifest=f"{DATASETS}/{{dataset}}/manifest.json",
    log:
        f"{DATASETS}/{{dataset}}/prepare.log",
    container:
        PLAN.image(PLAN.training_stack)
    params:
        # asking for `output` tells Snakemake that these decide no content: another study or folder prepares nothing again
        study=lambda wildcards, output: PLAN.study.source,
        raw=lambda wildcards, output: PLAN.raw_folder_option(wildcards.dataset),
    shell:
        "python -m noisegrid prepare-dataset {wildcards.dataset:q} {params.raw:q}"
        " --study {params.study:q} --output {output.manifest:q} 2> {log:q}"
