"""Draw the figures, numbered as in the paper, from metrics.csv and overhead.csv.

REQUIRES  metrics.csv; overhead.csv for Figures 6 and 7
PROVIDES  figures/{figure}.pdf (for print) and figures/{figure}.png (for the screen)
RERUNS    when the data are newer, or when the modules that draw change (their digest is a parameter)
"""


# These jobs take seconds, so they run where Snakemake runs, even on a cluster.
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
        code=command_digest("figure"),
    shell:
        "python -m noisegrid figure {wildcards.figure:q} --data {input.data:q}"
        " --output {output.pdf:q} 2> {log:q}"
