"""Write the results that exist so far into one file that others can check. `snakemake package` works at any time.

REQUIRES  at least one finished replicate; tables, figures and the report are included if they exist
PROVIDES  {study}.crate.zip in the results folder of the study: an RO-Crate, which is byte-identical if results, code
          and config are the same
RERUNS    every time `snakemake package` is called
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
        config=JOBS.config,  # a function, because the config may have braces
        crate=PATHS.crate,
    shell:
        "python -m noisegrid package --config {params.config:q} --output {params.crate:q} 2> {log:q}"
