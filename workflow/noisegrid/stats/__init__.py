"""Statistics of the noise between replicates, as pure functions on arrays. The only imports are NumPy and SciPy.

The arrays have these shapes: `predictions` (class indices) and `correct` (booleans) are (replicates, examples),
`labels` is (examples,), and `logits` is (replicates, examples, classes). All fractions lie between 0 and 1; the
`measuring` package converts them to percent.

The definitions of churn, L2 and the standard deviation of top-1 accuracy follow section 3 of the paper, with the
corrections in docs/metrics.md. Functions named `reference_*` follow the paper's published code where that code differs
from these definitions.
"""

from noisegrid.stats.calibration import expected_calibration_error, softmax
from noisegrid.stats.comparison import Comparison, compare_methods, verdict_on
from noisegrid.stats.components import Components, components, half_square_matrix
from noisegrid.stats.hypotheses import difference, holm, log_ratio, p_above, p_different, p_equivalent, p_spread_below
from noisegrid.stats.intervals import (
    CONFIDENCE,
    FEWEST,
    Estimate,
    mean,
    mean_difference,
    median,
    outlier,
    std,
    std_interval,
    student_interval,
    student_quantile,
)
from noisegrid.stats.near_duplicates import p_near_duplicates
from noisegrid.stats.null import (
    UNDEFINED_SHARE,
    Null,
    benjamini_hochberg,
    compare_with_null,
    count_above,
    discoveries,
    exceeds,
    independent_error_draws,
    null_variance,
)
from noisegrid.stats.pairs import (
    Rows,
    churn_matrix,
    l2_matrices,
    l2_raw_matrix,
    logit_correlation_matrix,
    logit_sample,
    pair_mean,
)
from noisegrid.stats.parts import Parts, whole
from noisegrid.stats.power import replicates_needed, significant_difference, t_power, units_to_decide
from noisegrid.stats.reference import reference_agreement, reference_std
from noisegrid.stats.sequential import level_at_look
from noisegrid.stats.shares import share
from noisegrid.stats.spreads import SubGroups, pooled_spread, rates, spread, spread_ratio
from noisegrid.stats.step_times import (
    block_ratios,
    log_ratios,
    median_interval,
    p_value,
    ratio_over_processes,
    simultaneous,
)
from noisegrid.stats.test_set import SpreadSplit, sampling_error, split_by_test_set
from noisegrid.stats.ties import p_ties
from noisegrid.stats.trend import Trend, kendall, p_neighbours, trend_in_order

__all__ = [
    "CONFIDENCE",
    "FEWEST",
    "UNDEFINED_SHARE",
    "Comparison",
    "Components",
    "Estimate",
    "Null",
    "Parts",
    "Rows",
    "SpreadSplit",
    "SubGroups",
    "Trend",
    "benjamini_hochberg",
    "block_ratios",
    "churn_matrix",
    "compare_methods",
    "compare_with_null",
    "components",
    "count_above",
    "difference",
    "discoveries",
    "exceeds",
    "expected_calibration_error",
    "half_square_matrix",
    "holm",
    "independent_error_draws",
    "kendall",
    "l2_matrices",
    "l2_raw_matrix",
    "level_at_look",
    "log_ratio",
    "log_ratios",
    "logit_correlation_matrix",
    "logit_sample",
    "mean",
    "mean_difference",
    "median",
    "median_interval",
    "null_variance",
    "outlier",
    "p_above",
    "p_different",
    "p_equivalent",
    "p_near_duplicates",
    "p_neighbours",
    "p_spread_below",
    "p_ties",
    "p_value",
    "pair_mean",
    "pooled_spread",
    "rates",
    "ratio_over_processes",
    "reference_agreement",
    "reference_std",
    "replicates_needed",
    "sampling_error",
    "share",
    "significant_difference",
    "simultaneous",
    "softmax",
    "split_by_test_set",
    "spread",
    "spread_ratio",
    "std",
    "std_interval",
    "student_interval",
    "student_quantile",
    "t_power",
    "trend_in_order",
    "units_to_decide",
    "verdict_on",
    "whole",
]
