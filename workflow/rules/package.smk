"""Write the results that exist so far into one file that others can check. `snakemake package` works at any time.

REQUIRES  at least one finished replicate; tables, figures and the report are included if they exist. If the same call
          asks for `all` too (`snakemake all package`), the package waits until they are made
PROVIDES  {study}.crate.zip in the results folder of the study: an RO-Crate, which is byte-identical if results, code
          and config are the same
RERUNS    every time `snakemake package` is called
"""


localrules:
    package,


rule package:
    input:
        image=ANALYSIS_IMAGE,
        # a function, because `all` is known when the DAG is built
        results=lambda names: rules.all.input if "all" in workflow.dag_settings.targets else [],
    log:
        PATHS.log("package"),
    container:
        PLAN.images.file(ANALYSIS)
    params:
        config=JOBS.config,  # a function, because the config may have braces
        crate=PATHS.crate,
    shell:
        "python -m noisegrid package --config {params.config:q} --output {params.crate:q} 2> {log:q}"
