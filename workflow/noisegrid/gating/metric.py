"""What the name of a metric says: whether a lower value is better, and whether it is a share, such as an accuracy."""

import itertools
import re

#: Words of a metric's name that mean that a lower value is better.
LOWER = frozenset(
    (
        "bce", "bits", "bpb", "bpc", "brier", "cer", "cost", "crossentropy", "deviance", "deviation", "distance",
        "divergence", "duration", "ece", "eer", "entropy", "err", "error", "errors", "falsenegative",
        "falsepositive", "fid", "fnr", "fpr", "hinge", "kl", "latency", "logloss", "loss", "losses", "lpips", "mae",
        "mape", "memory", "merror", "miss", "mistakes", "mlogloss", "mpjpe", "mse", "nll", "perplexity", "ppl",
        "regret", "rmse", "rmsle", "runtime", "smape", "ter", "time", "wer",
    )
)  # fmt: skip
#: Words that mean that a higher value is better. A name with one of these and one of LOWER says nothing.
HIGHER = frozenset(
    (
        "acc", "accuracy", "ap", "auc", "auprc", "auroc", "bleu", "dice", "em", "exact", "f1", "iou", "kappa", "map",
        "mcc", "miou", "precision", "recall", "reward", "rouge", "score",
    )
)  # fmt: skip
#: Words before which scikit-learn and others turn a loss around, so that a higher value is better.
NEGATED = frozenset(["neg", "negated"])
#: Words after `neg` or `negative` of which the negative is a loss.
LIKELIHOODS = frozenset(["likelihood", "ll", "loglik", "loglikelihood", "logprob", "prob", "probability"])
#: Words of a metric's name that mean that it is a share, given as a fraction or in percent.
SHARES = frozenset(
    (
        "acc", "acc1", "acc5", "accuracy", "ap", "auc", "auprc", "auroc", "bacc", "cer", "dice", "ece", "em",
        "exact", "f1", "fnr", "fpr", "iou", "map", "miou", "precision", "recall", "sensitivity", "specificity",
        "tnr", "top1", "top5", "tpr", "wer",
    )
)  # fmt: skip
_WORD = re.compile(r"[a-z]+[0-9]*|[0-9]+")


def words(metric: str) -> list[str]:
    """Return the words of a metric's name, such as `val` and `loss` for `val_loss`, `val/loss` and `valLoss`."""
    separated = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", metric)
    return _WORD.findall(separated.lower())


def _known(metric: str) -> set[str]:
    """Return the words of a metric's name, each also without the number at its end, and each two as one word."""
    found = words(metric)
    without = [word.rstrip("0123456789") for word in found]
    return {*found, *without, *(first + second for first, second in itertools.pairwise(found))}


def lower_is_better(metric: str) -> bool | None:
    """Return whether the name of a metric says that a lower value is better, as for a loss, an error or a perplexity.

    Returns
    -------
    bool or None
        None if the name says both, as `time_series_accuracy` does.

    Examples
    --------
    >>> [lower_is_better(name) for name in ("eval/loss", "MSELoss", "accuracy", "neg_mean_squared_error")]
    [True, True, False, False]
    """
    found = _known(metric)
    if (NEGATED | {"negative"}) & found and LIKELIHOODS & found:
        return True
    lower = bool(LOWER & found)
    if lower and HIGHER & found:
        return None
    return lower and not NEGATED & found


def says_direction(metric: str) -> bool:
    """Return whether the name of a metric says which direction is better.

    Examples
    --------
    >>> [says_direction(name) for name in ("val_acc", "test/loss", "epe")]
    [True, True, False]
    """
    found = _known(metric)
    return bool((LOWER | HIGHER | SHARES) & found)


def is_share(metric: str) -> bool:
    """Return whether the name of a metric says that it is a share, as an accuracy is.

    Examples
    --------
    >>> [is_share(name) for name in ("test/acc_norm", "macroF1", "eval_loss")]
    [True, True, False]
    """
    return bool(SHARES & set(words(metric)))
