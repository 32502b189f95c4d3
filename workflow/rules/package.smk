"""Results -> one file that a stranger can check: `snakemake package`, at any time, of what is finished.

REQUIRES  finished replicates; tables, figures and report if they are there
PROVIDES  {study}.crate.zip beside the results: an RO-Crate, the same bytes for the same results
RERUNS    whenever it is asked for
"""


localrules:
    package,


rule package:
    input:
        image=ANALYSIS_IMAGE,
    log:
        PATHS.log("package"),
    container:
        PLAN.images.file(ANALYSIS)
    params:
        config=PLAN.config_json,
        crate=PATHS.crate,
    shell:
        "python -m noisegrid package --config {params.config:q} --output {params.crate:q} 2> {log:q}"
