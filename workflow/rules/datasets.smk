"""Raw files -> one memory-mapped, checksummed copy per dataset, which all replicates of all studies read.

REQUIRES  the raw folders named in config.yaml, or the network
PROVIDES  <datasets>/{dataset}/manifest.json and the arrays that it lists
RERUNS    never by itself: delete the folder to prepare it again
"""


localrules:
    prepare_dataset,


rule prepare_dataset:
    input:
        image=ancient(PLAN.images.inspections(PLAN.images.training_stack)),
    output:
        manifest=f"{PLAN.config['datasets']}/{{dataset}}/manifest.json",
    log:
        f"{PLAN.config['datasets']}/{{dataset}}/prepare.log",
    container:
        PLAN.images.file(PLAN.images.training_stack)
    params:
        # another study or raw folder prepares nothing again
        study=untracked(PLAN.study.source),
        design=untracked(PATHS.design),
        raw=untracked(JOBS.raw_folder_option),
    shell:
        "python -m noisegrid prepare-dataset {wildcards.dataset:q} {params.raw:q}"
        " --study {params.study:q} --design {params.design:q} --output {output.manifest:q} 2> {log:q}"
