"""metrics.csv and overhead.csv -> figures, with the paper's numbering.

REQUIRES  metrics.csv; for figures 6 and 7 overhead.csv
PROVIDES  figures/{figure}.pdf for print, .png for the screen
RERUNS    when the modules that draw change (their digest is a parameter)
"""


# Seconds each: where Snakemake runs, also on a cluster.
localrules:
    draw_figure,


rule draw_figure:
    input:
        image=ANALYSIS_IMAGE,
        data=JOBS.figure_data,
    output:
        pdf=PATHS.figure("{figure}", "pdf"),
        png=report(
            PATHS.figure("{figure}", "png"),
            caption="../report/figure.rst",
            category="1. Figures",
            labels={"figure": "{figure}"},
        ),
    log:
        PATHS.log("figures/{figure}"),
    container:
        PLAN.images.file(ANALYSIS)
    params:
        caption=JOBS.figure_caption,
        code=modules_digest("reporting/*", "stats/*", "reporting/noisegrid.mplstyle"),
    shell:
        "python -m noisegrid figure {wildcards.figure:q} --data {input.data:q}"
        " --output {output.pdf:q} 2> {log:q}"
