"""Write the findings, the tables and the cell pages of the study from metrics.csv and overhead.csv.

REQUIRES  metrics.csv; overhead.csv if the study times networks
PROVIDES  findings.md, .html and .rst (the first page of the report): the findings, in sentences; tables/<table>.csv,
          .md, .tex and .html; tables/cells/{hardware}.{task}.html: the metrics of a task on one kind of hardware
RERUNS    when the data are newer, or when the modules that write tables change (their digest is a parameter)
"""


# This job takes a second, so it runs where Snakemake runs, even on a cluster.
localrules:
    write_tables,


rule write_tables:
    input:
        image=ANALYSIS_IMAGE,
        metrics=PATHS.metrics,
        overhead=PLAN.overhead,
    output:
        findings=PATHS.findings("md"),
        front=PATHS.findings("rst"),
        findings_html=report(
            PATHS.findings("html"),
            caption="../report/findings.rst",
            category="0. Findings",
        ),
        csv=PLAN.table_files("csv"),
        markdown=PLAN.table_files("md"),
        latex=PLAN.table_files("tex"),
        html=[
            report(
                PATHS.table(table, "html"),
                caption="../report/table.rst",
                category="2. Tables",
                labels={"table": table},
            )
            for table in PLAN.tables
        ],
        pages=[
            report(
                PATHS.cell_page(hardware, task),
                caption="../report/cells.rst",
                category="3. Cells",
                labels={"task": task, "hardware": hardware},
            )
            for hardware, task in PLAN.study.tasks
        ],
    log:
        PATHS.log("tables"),
    container:
        PLAN.images.file(ANALYSIS)
    params:
        folder=untracked(PATHS.folder),
        overhead=PLAN.overhead_option,
        code=command_digest("tables"),
    shell:
        "python -m noisegrid tables --metrics {input.metrics:q} {params.overhead:q}"
        " --output {params.folder:q} 2> {log:q}"
