"""Convert the raw files of each dataset, once, into checksummed arrays that all replicates of all studies memory-map.

REQUIRES  the folders of raw files that config.yaml names, or internet access
PROVIDES  <datasets>/{dataset}/manifest.json and the arrays that it lists
RERUNS    never automatically; delete the folder of a dataset to prepare the dataset again
"""


localrules:
    prepare_dataset,
    datasets,


# Where nodes have no network, `snakemake datasets` prepares everything that a study reads beforehand.
rule datasets:
    input:
        PLAN.dataset_manifests(),


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
        # untracked, so that a dataset is not prepared again for another study or another raw folder
        study=untracked(PLAN.study.source),
        raw=untracked(JOBS.raw_folder_option),
    shell:
        "python -m noisegrid prepare-dataset {wildcards.dataset:q} {params.raw:q}"
        " --study {params.study:q} --output {output.manifest:q} 2> {log:q}"
