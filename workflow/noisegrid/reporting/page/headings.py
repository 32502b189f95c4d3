"""The words of the page: titles of figures, of tables, of their columns and of metrics, and what words mean."""

#: Above each figure. Its caption is in workflow/report/figures.
FIGURE_TITLES = {
    "figure_overview": "On what two runs disagree",
    "figure_1": "How much runs differ",
    "figure_2": "With and without batch normalisation",
    "figure_3": "Which classes differ",
    "figure_4": "Which sub-groups differ",
    "figure_5": "How much runs differ, by hardware",
    "figure_6": "What determinism costs",
    "figure_7": "Where the time goes",
    "figure_8": "The order of the data",
    "figure_across": "The same seeds on other hardware",
    "figure_sources": "Every source alone",
    "figure_epochs": "Noise by epoch",
    "figure_components": "What each source contributes",
}
#: Above each table. Its caption is in reporting/registry.py.
TABLE_TITLES = {
    "noise": "Accuracy and noise",
    "difference": "Which gain is real",
    "test_set": "What would remain on an infinite test set",
    "ensembles": "Ensembles",
    "versus": "Two methods",
    "classes": "Classes",
    "components": "Components of the noise",
    "claims": "The paper's claims",
    "taxonomy": "What each noise leaves free",
    "published": "The paper's own numbers",
    "reference": "As the paper's code defines the metrics",
    "overhead": "What determinism costs",
    "kernels": "The kernels that explain it",
    "skipped": "What was not timed",
}
#: Columns whose name does not read as it is.
_COLUMN_TITLES = {
    "n_replicates": "n",
    "std_percentage_points": "standard deviation (points)",
    "std_rmse": "standard deviation of the RMSE",
    "rmse": "RMSE",
    "std_bits": "standard deviation (bits)",
    "l2_unit": "L2, unit length",
    "l2_raw": "L2, raw",
    "real_gain_percentage_points": "smallest real difference (points)",
    "replicates_for_0.1_points": "runs to see 0.1 points",
    "replicates_for_0.3_points": "runs to see 0.3 points",
    "replicates_for_1_points": "runs to see 1 point",
    "test_examples_percentage_points": "test examples add ± (points)",
    "test_examples_add_percentage_points": "test examples add ± (points)",
    "remaining_std_percentage_points": "standard deviation that would remain (points)",
    "vanishing_share_of_variance": "share of the variance that would vanish",
    "difference_percentage_points": "b − a (points)",
    "margin_percentage_points": "margin (points)",
    "smallest_percentage_points": "smallest difference that can be shown (points)",
    "b_better": "P(a run of b is better)",
    "above_null_p": "p",
    "above_null_at_fdr": "above null at 5 % FDR",
    "largest_over_null": "largest class over its null",
    "largest_over_null_p": "its p, over all classes",
    "largest_ratio": "largest class over all classes",
    "share_percent": "goes away if held (%)",
    "alone_percent": "stays if alone (%)",
    "std_ddof0_percentage_points": "standard deviation, ddof 0 (points)",
    "agreement_at_midpoint_percent": "agreement at the midpoint (%)",
    "l2_raw_with_buffers_at_midpoint": "L2 at the midpoint, raw, with buffers",
    "effect": "effect",
    "p": "p",
    "ratio": "step time, ratio",
    "step_ms": "step (ms)",
    "first_step_ms": "first step (ms)",
    "default_ms": "default (ms)",
    "deterministic_ms": "deterministic (ms)",
    "size_px": "size (px)",
}
#: Units at the end of a column's name, and how they read.
_UNITS = {"_percentage_points": " (points)", "_percent": " (%)", "_ms": " (ms)"}
#: Metrics whose name does not read as it is.
_METRIC_TITLES = {
    "accuracy_mean": "accuracy",
    "accuracy_std": "standard deviation of accuracy",
    "unequal_weights": "pairs of runs with unequal weights",
    "l2_raw": "L2 distance of the weights, raw",
    "l2_unit": "L2 distance of the weights, unit length",
    "l2_raw_buffers": "L2 distance with buffers, raw",
    "l2_unit_buffers": "L2 distance with buffers, unit length",
    "class_accuracy_std": "standard deviation of its accuracy",
    "class_accuracy_mean": "its accuracy",
    "class_std_ratio": "its standard deviation over that of all classes",
    "class_std_over_null": "its standard deviation over its null",
    "class_std_ratio_max": "largest class over all classes",
    "class_std_over_null_max": "largest class over its null",
    "classes_above_null": "classes above their null",
    "classes_above_null_fdr": "classes above their null at 5 % FDR",
    "accuracy_std_distribution": "standard deviation on an infinite test set",
    "test_set_share": "share of the variance about these examples",
    "accuracy_sampling_error": "the test examples add ±",
    "run_churn": "churn against the other runs of its seed set",
    "rmse": "RMSE",
    "rmse_mean": "RMSE",
    "rmse_std": "standard deviation of the RMSE",
}

#: What the words of the findings mean, below them.
WORDS = {
    "replicate": "One training run of a cell. All replicates of a cell have the same task, hardware and free sources.",
    "[a, b]": "The 95 % interval of the number before it.",
    "points": "Percentage points of accuracy.",
    "churn": "The share of the test examples for which two runs predict different classes.",
    "seed set": (
        "The seeds that a cell holds, for example the initial weights and the order where the implementation alone is "
        "free. Several seed sets show whether a result depends on the seeds that happen to be held."
    ),
    "conditional on one seed set": (
        "All runs of the cell share their held seeds. The number holds for these seeds; with others, it may differ."
    ),
    "crossed runs": "One run for each combination of the seeds of several sources, to tell the sources apart.",
    "independent errors": (
        "What chance alone gives: each run errs on each test example with the probability that was observed for this "
        "example, and no error depends on another one. The range of this is the null."
    ),
    "false discovery rate": "The expected share of wrong ones among the classes that are named.",
}


def column_title(name: str) -> str:
    """Return the title of a column of a table, with its unit in brackets."""
    if name in _COLUMN_TITLES:
        return _COLUMN_TITLES[name]
    for ending, unit in _UNITS.items():
        if name.endswith(ending):
            return name.removesuffix(ending).replace("_", " ") + unit
    return name.replace("_", " ")


def metric_title(name: str) -> str:
    """Return the title of a metric."""
    return _METRIC_TITLES.get(name, name.replace("_", " "))
