"""metrics.csv and overhead.csv -> tables, a page per task with all of its numbers, and the sentences that the study says.

REQUIRES  metrics.csv; overhead.csv, where the study times anything
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
        metrics=f"{RESULTS}/metrics.csv",
        overhead=PLAN.overhead,
    output:
        csv=[f"{RESULTS}/tables/{table}.csv" for table in PLAN.tables],
        markdown=[f"{RESULTS}/tables/{table}.md" for table in PLAN.tables],
        latex=[f"{RESULTS}/tables/{table}.tex" for table in PLAN.tables],
        html=[
            report(
                f"{RESULTS}/tables/{table}.html",
                caption="../report/table.rst",
                category="2. Tables",
                labels={"table": table},
            )
            for table in PLAN.tables
        ],
    log:
        f"{RESULTS}/logs/tables.log",
    container:
        PLAN.image(ANALYSIS)
    params:
        folder=lambda wildcards, output: os.path.dirname(output.csv[0]),
        overhead=PLAN.overhead_option(),
        code=modules_digest("reporting/*", "stats/*"),
    shell:
        "python -m noisegrid tables --metrics {input.metrics:q} {params.overhead:q}"
        " --output {params.folder:q} 2> {log:q}"


rule write_cell_pages:
    input:
        image=ANALYSIS_IMAGE,
        metrics=f"{RESULTS}/metrics.csv",
    output:
        html=[
            report(
                f"{RESULTS}/tables/cells/{hardware}.{task}.html",
                caption="../report/cells.rst",
                category="3. Cells",
                labels={"task": task, "hardware": hardware},
            )
            for hardware, task in PLAN.tasks
        ],
    log:
        f"{RESULTS}/logs/cell_pages.log",
    container:
        PLAN.image(ANALYSIS)
    params:
        folder=lambda wildcards, output: os.path.dirname(output.html[0]),
        code=modules_digest("reporting/*"),
    shell:
        "python -m noisegrid cell-pages --metrics {input.metrics:q} --output {params.folder:q} 2> {log:q}"


rule write_findings:
    input:
        image=ANALYSIS_IMAGE,
        metrics=f"{RESULTS}/metrics.csv",
        overhead=PLAN.overhead,
    output:
        findings=f"{RESULTS}/findings.md",
        front=f"{RESULTS}/findings.rst",
        html=report(
            f"{RESULTS}/findings.html",
            caption="../report/findings.rst",
            category="0. Findings",
        ),
    log:
        f"{RESULTS}/logs/findings.log",
    container:
        PLAN.image(ANALYSIS)
    params:
        overhead=PLAN.overhead_option(),
        code=modules_digest("reporting/*", "stats/*"),
    shell:
        "python -m noisegrid findings --metrics {input.metrics:q} {params.overhead:q}"
        " --output {output.findings:q} 2> {log:q}"
