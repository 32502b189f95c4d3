"""Statistics of the noise between replicates, as pure functions on arrays. The only imports are NumPy and SciPy.

The arrays have these shapes: `predictions` (class indices) and `correct` (booleans) are (replicates, examples),
`labels` is (examples,), and `logits` is (replicates, examples, classes). All fractions lie between 0 and 1; the
`measuring` package converts them to percent.

The definitions of churn, L2 and the standard deviation of top-1 accuracy follow section 3 of the paper, with the
corrections in docs/metrics.md. Functions named `reference_*` follow the paper's published code where that code differs
from these definitions.
"""

from noisegrid.stats.calibration import expected_calibration_error, softmax
from noisegrid.stats.intervals import (
    CONFIDENCE,
    Estimate,
    mean,
    mean_difference,
    median,
    std,
    std_interval,
    student_interval,
    student_quantile,
)
from noisegrid.stats.null import Null, independent_error_null
from noisegrid.stats.pairs import (
    churn_matrix,
    l2_matrices,
    l2_raw_matrix,
    logit_correlation_matrix,
    logit_sample,
    pair_mean,
)
from noisegrid.stats.parts import Parts, whole
from noisegrid.stats.power import replicates_needed, significant_difference, t_test_power
from noisegrid.stats.reference import reference_agreement, reference_std
from noisegrid.stats.spreads import SubGroups, pooled_spread, rates, spread, spread_ratio
from noisegrid.stats.step_times import (
    block_ratios,
    log_ratios,
    median_interval,
    p_value,
    ratio_over_processes,
    simultaneous,
)

__all__ = [
    "CONFIDENCE",
    "Estimate",
    "Null",
    "Parts",
    "SubGroups",
    "block_ratios",
    "churn_matrix",
    "expected_calibration_error",
    "independent_error_null",
    "l2_matrices",
    "l2_raw_matrix",
    "log_ratios",
    "logit_correlation_matrix",
    "logit_sample",
    "mean",
    "mean_difference",
    "median",
    "median_interval",
    "p_value",
    "pair_mean",
    "pooled_spread",
    "rates",
    "ratio_over_processes",
    "reference_agreement",
    "reference_std",
    "replicates_needed",
    "significant_difference",
    "simultaneous",
    "softmax",
    "spread",
    "spread_ratio",
    "std",
    "std_interval",
    "student_interval",
    "student_quantile",
    "t_test_power",
    "whole",
]
