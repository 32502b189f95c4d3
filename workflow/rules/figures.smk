"""Draw the figures, numbered as in the paper, from metrics.csv and overhead.csv.

One job draws all figures, because importing Matplotlib takes longer than drawing a figure.

REQUIRES  metrics.csv; overhead.csv if the study times networks
PROVIDES  figures/{figure}.pdf (for print), figures/{figure}.png (for the screen),
          figures/{figure}.svg (for pages) and figures/{figure}.narrow.svg (for pages on phones)
RERUNS    when the data are newer, or when the modules that draw change (their digest is a parameter)
"""


# This job takes seconds, so it runs where Snakemake runs, even on a cluster.
localrules:
    draw_figures,


rule draw_figures:
    input:
        image=ANALYSIS_IMAGE,
        metrics=PATHS.metrics,
        overhead=PLAN.overhead,
    output:
        pdf=[PATHS.figure(figure, "pdf") for figure in PLAN.figures],
        svg=[
            PATHS.figure(figure, suffix)
            for figure in PLAN.figures
            for suffix in ("svg", "narrow.svg")
        ],
        png=[
            report(
                PATHS.figure(figure, "png"),
                caption=f"../report/figures/{figure}.rst",
                category="1. Figures",
                labels={"figure": figure},
            )
            for figure in PLAN.figures
        ],
    log:
        PATHS.log("figures"),
    container:
        PLAN.images.file(ANALYSIS)
    params:
        figures=PLAN.figures,
        folder=untracked(PATHS.figures),
        overhead=PLAN.overhead_option,
        code=command_digest("figures"),
    shell:
        "python -m noisegrid figures {params.figures:q} --metrics {input.metrics:q} {params.overhead:q}"
        " --output {params.folder:q} 2> {log:q}"
