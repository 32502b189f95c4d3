"""Refuse targets that the study does not make, in one sentence instead of Snakemake's MissingRuleException.

REQUIRES  nothing
PROVIDES  nothing: its input functions end Snakemake with the sentence
RERUNS    never
"""

# The files that the rules draw_figures and write_tables make.
MADE = [f"figures/{figure}.{suffix}" for figure in PLAN.figures for suffix in FIGURE_SUFFIXES]
MADE += [f"tables/{table}.{suffix}" for table in PLAN.tables for suffix in TABLE_SUFFIXES]


localrules:
    refuse_product,
    refuse_study,


rule refuse_product:
    input:
        lambda names: refuse(PLAN.why_not_made(names.folder, names.file)),
    output:
        f"{PATHS.folder}/{{folder}}/{{file}}",
    wildcard_constraints:
        folder=f"(?!({'|'.join(map(re.escape, MADE))})$)(figures|tables)",
        file="[^/]+",


# If another workflow uses this one as a module, such files may be files of that workflow.
if workflow.modifier.base_snakefile is None:

    rule refuse_study:
        input:
            lambda names: refuse(PLAN.why_not_here(names.other, names.file)),
        output:
            f"{PATHS.results}/{{other}}/{{file}}",
        wildcard_constraints:
            other=f"(?!{re.escape(PATHS.study)}/)[^/]+",
            file=".+",

    # A word without a slash and a dot is a misspelt rule: no rule makes such a file.
    rule refuse_target:
        input:
            lambda names: refuse(unknown("target", names.word, TARGETS)),
        output:
            "{word}",
        wildcard_constraints:
            word="[A-Za-z0-9_-]+",


# What can be asked for by name: the rules without wildcards.
TARGETS = [one.name for one in workflow.rules if one.name != "default" and not one.has_wildcards()]
