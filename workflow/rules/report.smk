"""Write the report of the study, and Snakemake's own report next to it. Both are HTML files that need no network.

REQUIRES  metrics.csv and figures; overhead.csv if the study times networks; evaluations under other conditions if the
          study has any; for Snakemake's report, also findings, tables and cell pages
PROVIDES  report.html: verdict, findings, figures, tables and all numbers of every cell; provenance.html: Snakemake's
          report, with the code, the duration and the software of every step
RERUNS    when one of the required files is newer, when the modules that write change (their digest is a parameter), or,
          for Snakemake's report, when the config changes
"""

# The texts that Snakemake's reporter puts above figures and tables; the report has those of figures.
CAPTIONS = sorted((WORKFLOW / "report").rglob("*.rst"))
FIGURE_CAPTIONS = [path for path in CAPTIONS if path.parent.name == "figures"]
# The formats of figures that a page can show; of these, the report takes the best.
PAGE_SUFFIXES = [suffix for suffix in FIGURE_SUFFIXES if suffix != "pdf"]


localrules:
    write_report,
    write_provenance,


rule write_report:
    input:
        metrics=PATHS.metrics,
        overhead=PLAN.overhead,
        figures=[file for suffix in PAGE_SUFFIXES for file in PLAN.figure_files(suffix)],
        inference=PLAN.inference_files("txt", "png"),
        image=ANALYSIS_IMAGE,
    output:
        html=PATHS.report,
    log:
        PATHS.log("report"),
    container:
        PLAN.images.file(ANALYSIS)
    params:
        overhead=PLAN.overhead_option,
        provenance=os.path.basename(PATHS.provenance),
        code=command_digest("report", *FIGURE_CAPTIONS),
    shell:
        "python -m noisegrid report --metrics {input.metrics:q} {params.overhead:q} --figures {input.figures:q}"
        " --inference {input.inference:q} --provenance {params.provenance:q} --output {output.html:q} 2> {log:q}"


rule write_provenance:
    input:
        products=PLAN.products(),
        image=ANALYSIS_IMAGE,
    output:
        html=PATHS.provenance,
    log:
        PATHS.log("provenance"),
    container:
        PLAN.images.file(ANALYSIS)
    params:
        snakefile=untracked(workflow.main_snakefile),
        config=JOBS.config,  # a function, because the config may have braces
        code=command_digest("provenance", *CAPTIONS),
    shell:
        "python -m noisegrid provenance --snakefile {params.snakefile:q} --config {params.config:q}"
        " --output {output.html:q} {input.products:q} 2> {log:q}"
