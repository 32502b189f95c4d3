"""metrics.csv and overhead.csv -> tables, a page per task with all of its numbers, and what the study found in sentences.

REQUIRES  metrics.csv; overhead.csv, if the study times any network
PROVIDES  tables/<table>.csv, .md, .tex, .html of every table; tables/cells/{hardware}.{task}.html; findings.md,
          .html and .rst (the report's first page)
RERUNS    when the modules that write tables change (their digest is a parameter)
"""


# Seconds each: where Snakemake runs, also on a cluster.
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
        code=modules_digest("reporting/*", "stats/*"),
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
        code=modules_digest("reporting/*"),
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
        code=modules_digest("reporting/*", "stats/*"),
    shell:
        "python -m noisegrid findings --metrics {input.metrics:q} {params.overhead:q}"
        " --output {output.findings:q} 2> {log:q}"
