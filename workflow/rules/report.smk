"""Findings, figures and tables -> one self-contained HTML page, by Snakemake's own reporter.

REQUIRES  findings, figures, tables
PROVIDES  report.html
RERUNS    when one of them is newer
"""


localrules:
    write_report,


rule write_report:
    input:
        products=PLAN.products(),
        image=ANALYSIS_IMAGE,
    output:
        html=PATHS.report,
    log:
        PATHS.log("report"),
    container:
        PLAN.images.file(ANALYSIS)
    params:
        snakefile=workflow.main_snakefile,
        config=PLAN.config_json,
    shell:
        "python -m noisegrid report --snakefile {params.snakefile:q} --config {params.config:q}"
        " --output {output.html:q} {input.products:q} 2> {log:q}"
