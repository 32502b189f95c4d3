"""The direction of a metric, which its name says."""

import pytest

from noisegrid.gating.metric import lower_is_better, words


@pytest.mark.parametrize(
    "name",
    [
        *("loss", "val_loss", "eval/loss", "trainLoss", "test-error", "error_rate", "top1_err", "word_perplexity,none"),
        *("ppl", "RMSE", "metrics.mae", "WER", "FID", "nll", "cross_entropy", "cross-entropy", "crossEntropy", "ECE"),
        *(
            "bits_per_byte",
            "mlogloss",
            "MSELoss",
            "loss1",
            "err5",
            "fid50k_full",
            "eer",
            "lpips",
            "false_positive_rate",
        ),
        *("merror", "deviance", "miss_rate"),
        *("Runtime", "gpu_memory_mb", "mpjpe", "bpc", "neg_log_prob", "neg_log_likelihood", "logloss"),
        *("negative_log_likelihood", "bits/bpb", "wall_time", "latency_ms", "expected_calibration_error"),
    ],
)
def test_lower_is_better(name):
    assert lower_is_better(name)


@pytest.mark.parametrize(
    "name",
    [
        *("accuracy", "acc", "val_acc_norm,none", "f1", "AUROC", "BLEU", "exact_match", "reward", "R2", "result"),
        *("neg_mean_squared_error", "neg_log_loss", "log_likelihood", "glossary_score", "terror", "lossless_rate", ""),
    ],
)
def test_higher_is_better(name):
    assert not lower_is_better(name)


@pytest.mark.parametrize("name", ["time_series_accuracy", "error_detection_f1", "kl_reward", "accuracy_loss"])
def test_a_name_that_says_both(name):
    assert lower_is_better(name) is None


def test_words():
    assert words("eval/wordPerplexity_v2,none") == ["eval", "word", "perplexity", "v2", "none"]
    assert words("ROC-AUC@5") == ["roc", "auc", "5"]
