"""Combine findings, figures and tables into one self-contained HTML page with Snakemake's own reporter.

REQUIRES  findings, figures, tables and cell pages
PROVIDES  report.html
RERUNS    when one of the required files is newer, or when the config changes
"""

# The texts that Snakemake's reporter puts above figures and tables.
CAPTIONS = sorted((WORKFLOW / "report").rglob("*.rst"))


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
        snakefile=untracked(workflow.main_snakefile),
        config=JOBS.config,  # a function, because the config may have braces
        code=command_digest("report", *CAPTIONS),
    shell:
        "python -m noisegrid report --snakefile {params.snakefile:q} --config {params.config:q}"
        " --output {output.html:q} {input.products:q} 2> {log:q}"
