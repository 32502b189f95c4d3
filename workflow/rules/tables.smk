"""metrics.csv -> tables, and the few sentences that the study says.

REQUIRES  metrics.csv
PROVIDES  tables/{table}.csv, .md, .tex, .html; findings.md
RERUNS    when the modules that write tables change (their digest is a parameter)
"""


rule write_table:
    input:
        metrics=f"{RESULTS}/metrics.csv",
    output:
        csv=f"{RESULTS}/tables/{{table}}.csv",
        markdown=f"{RESULTS}/tables/{{table}}.md",
        latex=f"{RESULTS}/tables/{{table}}.tex",
        html=report(
            f"{RESULTS}/tables/{{table}}.html",
            caption="../report/table.rst",
            category="2. Tables",
            labels={"table": "{table}"},
        ),
    log:
        f"{RESULTS}/logs/tables/{{table}}.log",
    params:
        code=modules_digest("tables", "claims", "longform", "metrics"),
    shell:
        "python -m noisegrid.tables {wildcards.table} --metrics {input.metrics:q}"
        " --output {output.csv:q} 2> {log:q}"


rule write_findings:
    input:
        metrics=f"{RESULTS}/metrics.csv",
    output:
        findings=f"{RESULTS}/findings.md",
        html=report(
            f"{RESULTS}/findings.html",
            caption="../report/findings.rst",
            category="0. Findings",
        ),
    log:
        f"{RESULTS}/logs/findings.log",
    params:
        code=modules_digest("findings", "tables", "longform", "metrics"),
    shell:
        "python -m noisegrid.findings --metrics {input.metrics:q}"
        " --output {output.findings:q} --html {output.html:q} 2> {log:q}"
