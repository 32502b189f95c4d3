"""Prices and the claims on them, from timings whose truth is known."""

import itertools
import zlib

import numpy as np
import pandas as pd
import pytest

from noisegrid import stats
from noisegrid.overhead.session import COLUMNS
from noisegrid.reporting import claims_overhead, overhead_frame
from noisegrid.reporting.verdicts import NOT_DECIDED, NOT_MEASURED, NOT_REPRODUCED, REPRODUCED

BLOCKS = 10


def timing(network: str, ratio: float, hardware: str = "cpu", spread: float = 0.01, kernels=()) -> list[dict]:
    """Blocks of both arms whose ratio is known up to a relative spread."""
    rng = np.random.default_rng(zlib.crc32(f"{network}{hardware}".encode()))
    common = {
        "hardware": hardware,
        "network": network,
        "size_px": 224,
        "batch_size": 128,
        "device": "d",
        "versions": "v",
    }
    rows = [
        common | {"arm": arm, "against": against, "measure": "step", "block": block, "steps": 10,
                  "value": 100 * factor * (1 + spread * rng.standard_normal())}
        for (arm, against, factor), block in itertools.product(
            [("default", "", 1.0), ("deterministic", "default", ratio)], range(BLOCKS))
    ]  # fmt: skip
    rows += [
        common | {"arm": arm, "measure": "kernel", "kernel": k, "module": m, "value": ms} for arm, k, m, ms in kernels
    ]
    return rows


def frame(*parts: list[dict]) -> pd.DataFrame:
    table = pd.DataFrame(list(itertools.chain(*parts)), columns=list(COLUMNS))
    words = ["against", "kernel", "module", "note", "direction"]
    return table.assign(**table[words].astype(object).fillna(""))


def verdict(claim: str, *parts: list[dict]) -> str:
    (found,) = claims_overhead.TESTS[claim](frame(*parts))
    return found.verdict


def test_median_interval_by_hand():
    """Binomial(10, 1/2): P(at most 1) = 0.0107 <= 0.025 < P(at most 2), so the second and ninth of ten."""
    assert stats.median_interval(range(1, 11))[:3] == (5.5, 2, 9)
    assert stats.median_interval(range(1, 7))[:3] == (3.5, 1, 6)  # 2 / 2^6 = 0.031: all six are needed
    assert np.isnan(stats.median_interval(range(5)).low)


def test_median_interval_covers_as_often_as_it_says():
    rng = np.random.default_rng(0)
    found = [stats.median_interval(rng.exponential(size=10)) for _ in range(2000)]
    assert np.mean([e.low <= np.log(2) <= e.high for e in found]) > 0.95


def test_price_is_the_ratio_of_neighbouring_blocks():
    rows = timing("a", 1.5, spread=0)
    drift = {block: 1 + block for block in range(BLOCKS)}  # a device that slows down hurts both arms alike
    for row in rows:
        row["value"] *= drift[row["block"]]
    (price,) = overhead_frame.determinism(frame(rows)).itertuples()
    assert (price.ratio, price.low, price.high) == pytest.approx((1.5, 1.5, 1.5))
    assert price.increase_percent == pytest.approx(50)


def test_disturbed_blocks_are_counted_not_listed():
    rows = timing("a", 1.5)
    rows[3]["note"] = "other processes used 40% of the cores"
    table = overhead_frame.overhead_ratios(frame(rows)).set_index("arm")
    assert table.loc["default", "disturbed_blocks"] == 1 and table.loc["deterministic", "disturbed_blocks"] == 0


def test_kernels_of_one_arm_and_their_share():
    kernels = [("default", "fast", "conv1", 10.0), ("default", "same", "fc", 5.0),
               ("deterministic", "slow", "conv1", 20.0), ("deterministic", "slow", "conv2", 5.0),
               ("deterministic", "same", "fc", 5.0)]  # fmt: skip
    table = overhead_frame.kernel_differences(frame(timing("a", 2, kernels=kernels))).set_index("kernel")
    assert dict(table["only_in"]) == {"fast": "default", "slow": "deterministic"}
    assert table.loc["slow", "share_of_difference"] == pytest.approx(25 / 15)
    assert table.loc["fast", "share_of_difference"] == pytest.approx(-10 / 15)
    assert table.loc["slow", "layers"] == "conv1, conv2"


def test_equal_kernel_times_have_no_share():
    kernels = [("default", "a", "", 10.0), ("deterministic", "b", "", 10.1)]
    assert overhead_frame.kernel_differences(frame(timing("a", 1, kernels=kernels)))["share_of_difference"].isna().all()


def test_a_kernel_of_both_arms_is_told_where_it_takes_longer():
    kernels = [("default", "fill", "", 1.0), ("default", "conv", "", 50.0),
               ("deterministic", "fill", "", 10.0), ("deterministic", "conv", "", 50.1)]  # fmt: skip
    (row,) = overhead_frame.kernel_differences(frame(timing("a", 1.2, kernels=kernels))).itertuples()
    assert (row.kernel, row.only_in, row.share_of_difference) == ("fill", "", pytest.approx(9 / 9.1))


def test_c12_is_about_the_papers_devices():
    assert claims_overhead.published_maxima() == {"p100": 7.46, "v100": 2.41, "t4": 1.96}
    assert verdict("C12", timing("a", 7.0, "p100"), timing("b", 1.1, "p100")) == REPRODUCED
    assert verdict("C12", timing("a", 2.0, "p100")) == NOT_REPRODUCED
    assert verdict("C12", timing("a", 7.0, "cpu")) == NOT_MEASURED


def test_c13_and_c14_see_a_planted_difference_and_only_that():
    assert verdict("C13", timing("a", 3.0), timing("b", 1.0), timing("c", 1.2)) == REPRODUCED
    assert verdict("C13", timing("a", 1.0, spread=0.1), timing("b", 1.0, spread=0.1)) == NOT_DECIDED
    assert verdict("C14", timing("mediumcnn_k1", 1.1), timing("mediumcnn_k7", 2.0)) == REPRODUCED
    assert verdict("C14", timing("mediumcnn_k1", 2.0), timing("mediumcnn_k7", 1.1)) == NOT_REPRODUCED
    assert (
        verdict("C14", timing("mediumcnn_k1", 1.0, spread=0.1), timing("mediumcnn_k7", 1.0, spread=0.1)) == NOT_DECIDED
    )


def test_c15_compares_the_oldest_with_the_newest_generation():
    assert verdict("C15", timing("a", 7.0, "p100"), timing("a", 2.4, "v100"), timing("a", 1.1, "h200")) == REPRODUCED
    assert verdict("C15", timing("a", 1.0, "p100"), timing("a", 2.0, "h200")) == NOT_REPRODUCED
    assert list(claims_overhead.TESTS["C15"](frame(timing("a", 2.0, "p100")))) == []


def test_c16_asks_which_kernels_explain_the_price():
    other = [("default", "fast", "", 10.0), ("deterministic", "slow", "", 30.0)]
    same = [("default", "conv", "", 10.0), ("deterministic", "conv", "", 30.0)]
    assert verdict("C16", timing("a", 3.0, "v100", kernels=other)) == REPRODUCED
    assert verdict("C16", timing("a", 3.0, "v100", kernels=same)) == NOT_REPRODUCED
    assert list(claims_overhead.TESTS["C16"](frame(timing("a", 3.0, "cpu", kernels=other)))) == []
