"""Refuse figures and tables that the study does not make, in one sentence instead of a MissingRuleException.

REQUIRES  nothing
PROVIDES  nothing: its input function ends Snakemake with the sentence
RERUNS    never
"""

# The files that the rules draw_figures and write_tables make.
MADE = [f"figures/{figure}.{suffix}" for figure in PLAN.figures for suffix in ("pdf", "png")]
MADE += [
    f"tables/{table}.{suffix}" for table in PLAN.tables for suffix in ("csv", "md", "tex", "html")
]


localrules:
    refuse_product,


rule refuse_product:
    input:
        lambda names: refuse(PLAN, names.folder, names.file),
    output:
        f"{PATHS.folder}/{{folder}}/{{file}}",
    wildcard_constraints:
        folder=f"(?!({'|'.join(map(re.escape, MADE))})$)(figures|tables)",
        file="[^/]+",
