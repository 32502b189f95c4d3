"""Write the tables, the cell pages and the findings of the study from metrics.csv and overhead.csv.

REQUIRES  metrics.csv; overhead.csv if the study times networks
PROVIDES  tables/<table>.csv, .md, .tex and .html; tables/cells/{hardware}.{task}.html: the metrics of a task on one
          kind of hardware; findings.md, .html and .rst (the first page of the report): the findings, in sentences
RERUNS    when the data are newer, or when the modules that write tables change (their digest is a parameter)
"""


# These jobs take seconds, so they run where Snakemake runs, even on a cluster.
localrules:
    write_tables,
    write_cell_pages,
    write_findings,


rule write_tables:
    input:
        image=ANALYSIS_IMAGE,
        metrics=PATHS.metrics,
        overhead=PLAN.overhead,
    output:
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
    log:
        PATHS.log("tables"),
    container:
        PLAN.images.file(ANALYSIS)
    params:
        folder=untracked(f"{PATHS.folder}/tables"),
        overhead=PLAN.overhead_option,
        code=command_digest("tables"),
    shell:
        "python -m noisegrid tables --metrics {input.metrics:q} {params.overhead:q}"
        " --output {params.folder:q} 2> {log:q}"


rule write_cell_pages:
    input:
        image=ANALYSIS_IMAGE,
        metrics=PATHS.metrics,
    output:
        html=[
            report(
                PATHS.cell_page(hardware, task),
                caption="../report/cells.rst",
                category="3. Cells",
                labels={"task": task, "hardware": hardware},
            )
            for hardware, task in PLAN.study.tasks
        ],
    log:
        PATHS.log("cell_pages"),
    container:
        PLAN.images.file(ANALYSIS)
    params:
        folder=untracked(f"{PATHS.folder}/tables/cells"),
        code=command_digest("cell-pages"),
    shell:
        "python -m noisegrid cell-pages --metrics {input.metrics:q} --output {params.folder:q} 2> {log:q}"


rule write_findings:
    input:
        image=ANALYSIS_IMAGE,
        metrics=PATHS.metrics,
        overhead=PLAN.overhead,
    output:
        findings=PATHS.findings("md"),
        front=PATHS.findings("rst"),
        html=report(
            PATHS.findings("html"),
            caption="../report/findings.rst",
            category="0. Findings",
        ),
    log:
        PATHS.log("findings"),
    container:
        PLAN.images.file(ANALYSIS)
    params:
        overhead=PLAN.overhead_option,
        code=command_digest("findings"),
    shell:
        "python -m noisegrid findings --metrics {input.metrics:q} {params.overhead:q}"
        " --output {output.findings:q} 2> {log:q}"
