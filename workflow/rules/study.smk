"""Resolve the study: every name in it becomes the settings that this name has today.

REQUIRES  the study file and the catalogs
PROVIDES  design.json, which every job reads. `auto` means the hardware of the machine on which Snakemake was called
RERUNS    when the resolved study changes. The jobs that read it run again only if their own settings change, which
          are parameters of their rules
"""


localrules:
    resolve_study,


rule resolve_study:
    output:
        design=PATHS.design,
    log:
        PATHS.log("resolve_study"),
    params:
        study=untracked(PLAN.study.source),
        results=untracked(PLAN.config["results"]),
        content=PLAN.design_digest,
    shell:
        "python -m noisegrid plan {params.study:q} --results {params.results:q} --write > {log:q}"
