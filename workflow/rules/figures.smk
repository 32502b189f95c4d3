"""metrics.csv -> figures, with the paper's numbering.

REQUIRES  metrics.csv
PROVIDES  figures/{figure}.pdf for print, .png for the screen
RERUNS    when the modules that draw change (their digest is a parameter)
"""


rule draw_figure:
    input:
        metrics=f"{RESULTS}/metrics.csv",
    output:
        pdf=f"{RESULTS}/figures/{{figure}}.pdf",
        png=report(
            f"{RESULTS}/figures/{{figure}}.png",
            caption="../report/figure.rst",
            category="1. Figures",
            labels={"figure": "{figure}"},
        ),
    log:
        f"{RESULTS}/logs/figures/{{figure}}.log",
    params:
        code=modules_digest("figures", "longform"),
    shell:
        "python -m noisegrid.figures {wildcards.figure} --metrics {input.metrics:q}"
        " --output {output.pdf:q} 2> {log:q}"
