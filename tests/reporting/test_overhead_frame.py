"""Overheads and the claims on them, from timings whose truth is known."""

import itertools
import math
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats

from noisegrid import stats
from noisegrid.overhead.session import COLUMNS
from noisegrid.reporting import claims_overhead, overhead_frame
from noisegrid.reporting.findings import overhead_sentences
from noisegrid.reporting.verdicts import NOT_DECIDED, NOT_MEASURED, NOT_REPRODUCED, REPRODUCED, Verdict

PROCESSES, BLOCKS = 5, 4
#: The smallest number of 1,000 intervals that must cover, for a coverage of 93 % by a 99 % binomial interval.
COVERING = int(scipy_stats.binom.ppf(0.005, 1000, 0.93))


def timing(
    network: str, ratio: float, hardware: str = "cpu", spread: float = 0.01, kernels=(), processes: int = PROCESSES
) -> list[dict]:
    """Blocks of both arms. The logarithm of the ratio has the standard deviation `spread` between processes."""
    rng = np.random.default_rng(zlib.crc32(f"{network}{hardware}".encode()))
    common = {
        "hardware": hardware,
        "network": network,
        "size_px": 224,
        "batch_size": 128,
        "device": "d",
        "versions": "v",
    }
    rows = []
    for process in range(processes):
        here, effect = common | {"process": process}, math.exp(spread * rng.standard_normal())
        rows += [
            here | {"arm": arm, "against": against, "measure": "step", "block": block, "steps": 10,
                    "value": 100 * factor * math.exp(spread / 10 * rng.standard_normal())}
            for (arm, against, factor), block in itertools.product(
                [("default", "", 1.0), ("deterministic", "default", ratio * effect)], range(BLOCKS))
        ]  # fmt: skip
        for arm, kernel, module, ms in kernels:
            named = here | {"arm": arm, "kernel": kernel}
            rows += [named | {"measure": "kernel", "module": module, "value": ms}] if process == 0 else []
        for arm, kernel in dict.fromkeys((arm, kernel) for arm, kernel, *_ in kernels):
            total = sum(ms for a, k, _, ms in kernels if (a, k) == (arm, kernel)) * math.exp(0.01 * process)
            rows += [here | {"arm": arm, "kernel": kernel, "measure": "kernel_total", "value": total}]
    return rows


def frame(*parts: list[dict]) -> pd.DataFrame:
    table = pd.DataFrame(list(itertools.chain(*parts)), columns=list(COLUMNS))
    words = ["against", "kernel", "module", "note", "direction"]
    return table.assign(**table[words].astype(object).fillna(""))


def judged(claim: str, *parts: list[dict]) -> Verdict:
    (found,) = claims_overhead.TESTS[claim](frame(*parts))
    return found


def verdict(claim: str, *parts: list[dict]) -> str:
    return judged(claim, *parts).verdict


# --- intervals -------------------------------------------------------------------------------------------------------


def blocks_of(
    rng: np.random.Generator, draws: int, processes: int, blocks: int = 3, effect: float = 0.03, rho: float = 0.8
) -> np.ndarray:
    """Ratios of shape (draws, processes, blocks): truth 1.5, effects of processes, and autocorrelated blocks."""
    noise = rng.standard_normal((draws, processes, blocks))
    for block in range(1, blocks):
        noise[..., block] = rho * noise[..., block - 1] + math.sqrt(1 - rho**2) * noise[..., block]
    return 1.5 * np.exp(effect * rng.standard_normal((draws, processes, 1)) + 0.02 * noise)


@pytest.mark.parametrize("effect", [0.0, 0.03])
def test_interval_over_processes_covers_as_often_as_it_says(effect):
    drawn = blocks_of(np.random.default_rng(0), 1000, PROCESSES, effect=effect)
    found = [stats.ratio_over_processes(list(draw)) for draw in drawn]
    assert sum(e.low <= 1.5 <= e.high for e in found) >= COVERING


def test_interval_over_blocks_of_one_process_does_not():
    """The negative control: the same number of blocks of one process, as version 2 of overhead.csv has them."""
    drawn = blocks_of(np.random.default_rng(0), 1000, 1, blocks=15)
    found = [stats.ratio_over_processes(list(draw)) for draw in drawn]
    assert sum(e.low <= 1.5 <= e.high for e in found) < 700
    pooled = [stats.median_interval(draw.ravel()) for draw in blocks_of(np.random.default_rng(0), 1000, PROCESSES)]
    assert sum(e.low <= 1.5 <= e.high for e in pooled) < COVERING


def test_ratio_over_processes_by_hand():
    """Medians 1 and e² have logarithms 0 and 2: mean 1, standard error 1, and t with one degree of freedom 12.706."""
    found = stats.ratio_over_processes([np.array([0.5, 1.0, 9.0]), np.full(3, math.exp(2))])
    assert found[:3] == pytest.approx((math.e, math.exp(1 - 12.7062), math.exp(1 + 12.7062)), rel=1e-4)


def test_simultaneous_intervals_and_p_are_those_of_scipy():
    values = np.array([0.1, 0.2, 0.15, 0.12])
    estimate = stats.mean(values)
    (wide,) = stats.simultaneous([estimate], 3)
    oracle = scipy_stats.ttest_1samp(values, 0.05)
    assert (wide.low, wide.high) == pytest.approx(tuple(oracle.confidence_interval(1 - 0.05 / 3)))
    assert stats.p_value(estimate, 0.05) == pytest.approx(oracle.pvalue)


def test_processes_that_agree_to_the_bit_have_an_interval_without_width():
    same = stats.mean(np.full(5, 0.25))
    assert stats.simultaneous([same], 2)[0][:3] == (0.25, 0.25, 0.25)
    assert (stats.p_value(same, 0.25), stats.p_value(same, 0.3)) == (1.0, 0.0)


def test_median_interval_by_hand():
    """Binomial(10, 1/2): P(at most 1) = 0.0107 <= 0.025 < P(at most 2), so the second and ninth of ten."""
    assert stats.median_interval(range(1, 11))[:3] == (5.5, 2, 9)
    assert stats.median_interval(range(1, 7))[:3] == (3.5, 1, 6)  # 2 / 2^6 = 0.031: all six are needed
    assert np.isnan(stats.median_interval(range(5)).low)


def test_median_interval_covers_independent_values_as_often_as_it_says():
    rng = np.random.default_rng(0)
    found = [stats.median_interval(rng.exponential(size=10)) for _ in range(2000)]
    assert np.mean([e.low <= np.log(2) <= e.high for e in found]) > 0.95


# --- tables ----------------------------------------------------------------------------------------------------------


def test_overhead_is_the_ratio_of_neighbouring_blocks():
    rows = timing("a", 1.5, spread=0)
    drift = {block: 1 + block for block in range(BLOCKS)}  # a device that slows down hurts both arms alike
    for row in rows:
        row["value"] *= drift[row["block"]]
    (overhead,) = overhead_frame.determinism(frame(rows)).itertuples()
    assert (overhead.ratio, overhead.low, overhead.high) == pytest.approx((1.5, 1.5, 1.5))
    assert overhead.increase_percent == pytest.approx(50)


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


def test_times_of_kernels_are_means_over_processes():
    kernels = [("default", "a", "", 10.0), ("deterministic", "b", "", 30.0)]
    table = overhead_frame.kernel_differences(frame(timing("a", 3, kernels=kernels))).set_index("kernel")
    assert table.loc["b", "deterministic_ms"] == pytest.approx(30 * np.exp(0.01 * np.arange(PROCESSES)).mean())


def test_n_is_the_number_of_processes_wherever_it_is_printed():
    table = frame(timing("a", 1.5))
    assert overhead_frame.provenance(table).startswith("n = 5 processes of 4 blocks of 10 steps; ")
    assert overhead_frame.determinism(table)["processes"].tolist() == [5]
    (row,) = overhead_frame.determinism(table).to_dict("records")
    assert overhead_sentences(table) == [
        f"Determinism on cpu: a deterministic training step takes {row['ratio']:.2f} [{row['low']:.2f}, "
        f"{row['high']:.2f}] times as long (a, size 224, batch 128, n = 5 processes). Two runs from one state were "
        "bitwise equal for 0 of 1 networks."
    ]


def test_a_cost_that_is_not_shown_is_called_so():
    text = overhead_sentences(frame(timing("a", 1.0), timing("b", 0.5)))[0]
    assert "; the largest of 2 networks). This does not show whether determinism costs time: the interval" in text


@pytest.mark.parametrize(
    ("ratios", "place", "value", "why"),
    [
        ((1.5, 1.2), "the largest of 2", 1.5, ""),
        ((1.0, 0.5), "the largest of 2", 1.0, "the interval, corrected for 2 networks, contains 1 (no cost)"),
        ((0.9, 0.5), "the largest of 2", 0.9, ""),  # both save time
        ((1.0,), "", 1.0, "the interval contains 1 (no cost)"),
    ],
)
def test_the_cost_that_is_named(ratios, place, value, why):
    table = overhead_frame.determinism(frame(*(timing(str(ratio), ratio) for ratio in ratios)))
    row, found, reason = overhead_frame.largest(table)
    assert (found, round(row["ratio"], 1), reason) == (place, value, why)


def test_a_largest_of_many_is_compared_after_a_correction():
    """An interval that hardly excludes 1 decides for one network and not for the largest of twenty."""
    one = overhead_frame.determinism(frame(timing("a", 1.5)))
    one["low"], one["high"], one["ratio"] = 1.01, 1.01 * 1.2, np.sqrt(1.01 * 1.01 * 1.2)
    many = pd.concat([one, *[one.assign(ratio=0.99, low=0.9, high=1.1)] * 19], ignore_index=True)
    assert overhead_frame.largest(one)[2] == ""
    assert overhead_frame.largest(many)[2] == "the interval, corrected for 20 networks, contains 1 (no cost)"


def test_one_process_is_said_wherever_its_number_is_printed(tmp_path):
    table = frame(timing("a", 1.5, processes=1))
    assert "n = 1 process (conditional on one process)" in overhead_frame.provenance(table)
    assert overhead_frame.determinism(table)["note"].tolist() == ["conditional on one process"]
    text = overhead_sentences(table)[0]
    assert " [no interval] times as long" in text and "conditional on one process). This does not show" in text


def test_a_file_of_version_2_is_one_process(tmp_path):
    kernels = [("default", "a", "x", 10.0), ("default", "a", "y", 5.0), ("deterministic", "b", "x", 30.0)]
    new = frame(timing("a", 1.5, processes=1, kernels=kernels))
    old = new[new["measure"] != "kernel_total"].drop(columns="process").assign(schema=2)
    old.to_csv(tmp_path / "overhead.csv", index=False)
    read = overhead_frame.load_overhead(Path(tmp_path / "overhead.csv"))
    compared = ["ratio", "low", "high", "processes", "note"]
    again, expected = (overhead_frame.determinism(one)[compared] for one in (read, new))
    pd.testing.assert_frame_equal(again, expected)
    assert overhead_frame.kernel_times(read).loc[(0, "a"), "default"] == 15


# --- claims ----------------------------------------------------------------------------------------------------------


def test_c12_is_about_the_papers_devices():
    assert claims_overhead.published_maxima() == {"p100": 7.46, "v100": 2.41, "t4": 1.96}
    assert verdict("C12", timing("a", 7.0, "p100"), timing("b", 1.1, "p100")) == REPRODUCED
    assert verdict("C12", timing("a", 2.0, "p100")) == NOT_REPRODUCED
    assert verdict("C12", timing("a", 7.0, "p100", spread=0.3)) == NOT_DECIDED
    found = judged("C12", timing("a", 7.0, "cpu"))
    assert (found.verdict, found.note) == (NOT_MEASURED, "the paper has no number for this device")


def test_c12_has_an_interval_for_the_largest_of_all_networks():
    """With forty equal networks, the largest is too high by selection; the interval still covers the truth."""
    found = judged("C12", *(timing(str(k), 2.0, "p100", spread=0.05) for k in range(40)))
    assert found.effect > 2.05 and found.low < 2.0 < found.high


@pytest.mark.parametrize("claim", ["C13", "C14", "C15"])
def test_a_quotient_falls_both_ways(claim):
    """Planted: a difference, equality (with the margin: not reproduced), the opposite, and too much noise."""
    names = {"C13": ("a", "b"), "C14": ("mediumcnn_k7", "mediumcnn_k1"), "C15": ("a", "a")}[claim]
    devices = ("p100", "h200") if claim == "C15" else ("p100", "p100")

    def of(first: float, second: float, spread: float = 0.01, processes: int = PROCESSES) -> Verdict:
        pairs = zip(names, (first, second), devices, strict=True)
        return judged(claim, *(timing(*pair, spread=spread, processes=processes) for pair in pairs))

    assert of(3.0, 1.0).verdict == REPRODUCED and of(3.0, 1.0).p < 0.001
    assert of(1.5, 1.5).verdict == NOT_REPRODUCED and of(1.5, 1.5).p < 0.05
    assert of(1.0, 3.0).verdict == (REPRODUCED if claim == "C13" else NOT_REPRODUCED)
    assert of(1.3, 1.2, spread=0.3).verdict == NOT_DECIDED and of(1.3, 1.2, spread=0.3).p > 0.05
    assert of(3.0, 1.0).n == PROCESSES and "n = 5 can decide a factor of" in of(3.0, 1.0).note
    few = of(3.0, 1.0, processes=3)
    assert few.n == 3 and few.note.startswith("cannot be decided with n = 3; at least 5 processes are needed")
    one = of(3.0, 1.0, processes=1)
    assert (one.verdict, one.n) == (NOT_DECIDED, 1) and math.isnan(one.p) and math.isnan(one.low)
    assert one.note.startswith("conditional on one process; cannot")


def test_c13_says_beforehand_what_its_networks_and_processes_can_decide():
    """Seven networks: 21 pairs, t with 8 degrees of freedom. At the stated spread, half an interval is the margin."""
    found = judged("C13", *(timing(str(k), 1.5) for k in range(7)))
    critical = scipy_stats.t.ppf(1 - 0.025 / 21, 8)
    limit = math.exp(math.log(1.25) / (critical * math.sqrt(2 / 5))) - 1
    assert f"by at most {limit:.1%} (std)" in found.note and found.verdict == NOT_REPRODUCED


def rate(claim: str, word: str, ratios: dict[str, float], spread: float, draws: int = 30) -> int:
    """Count how often a claim about networks with these true overheads gets a verdict."""
    rng, count = np.random.default_rng(3), 0
    base = {name: frame(timing(name, ratio, spread=0)) for name, ratio in ratios.items()}
    for _ in range(draws):
        parts = []
        for table in base.values():
            effects = np.exp(spread * rng.standard_normal(PROCESSES))[table["process"]]
            parts.append(table.assign(value=table["value"] * np.where(table["arm"] == "deterministic", effects, 1)))
        (found,) = claims_overhead.TESTS[claim](pd.concat(parts, ignore_index=True))
        count += found.verdict == word
    return count


def test_c13_does_not_find_variation_that_is_not_there_although_it_chooses_the_extremes():
    equal, different = {str(k): 1.5 for k in range(6)}, {str(k): 1.0 + 0.2 * k for k in range(6)}
    assert rate("C13", REPRODUCED, equal, spread=0.1) <= 4
    assert rate("C13", REPRODUCED, different, spread=0.03) >= 27
    assert rate("C13", NOT_REPRODUCED, equal, spread=0.03) >= 27


def test_c15_compares_the_same_networks_on_both_generations():
    """The largest overheads are those of different networks, and would say the opposite."""
    old = [timing("a", 2.0, "p100"), timing("only_old", 1.0, "p100")]
    new = [timing("a", 1.1, "h200"), timing("only_new", 9.0, "h200")]
    found = judged("C15", *old, *new)
    assert found.verdict == REPRODUCED and found.effect == pytest.approx(2 / 1.1, rel=0.05)
    assert found.context == "p100 against h200: a"
    apart = judged("C15", old[1], new[1])
    assert (apart.verdict, apart.note) == (NOT_MEASURED, "no network was timed on both")
    several = judged("C15", *old, *new, timing("b", 3.0, "p100"), timing("b", 1.5, "h200"))
    assert several.effect == pytest.approx(math.sqrt(2 / 1.1 * 2), rel=0.05)
    assert several.context.endswith("mean over 2 networks")


def test_c15_compares_the_oldest_with_the_newest_generation():
    assert verdict("C15", timing("a", 7.0, "p100"), timing("a", 2.4, "v100"), timing("a", 1.1, "h200")) == REPRODUCED
    assert list(claims_overhead.TESTS["C15"](frame(timing("a", 2.0, "p100")))) == []


def test_c16_asks_which_kernels_explain_the_overhead():
    other = [("default", "fast", "", 10.0), ("deterministic", "slow", "", 30.0)]
    same = [("default", "conv", "", 10.0), ("deterministic", "conv", "", 30.0)]
    found = judged("C16", timing("a", 3.0, "v100", kernels=other))
    assert (found.verdict, found.n, found.effect) == (REPRODUCED, PROCESSES, pytest.approx(1))
    assert verdict("C16", timing("a", 3.0, "v100", kernels=same)) == NOT_REPRODUCED
    assert verdict("C16", timing("a", 0.9, "v100", kernels=other)) == NOT_DECIDED
    assert list(claims_overhead.TESTS["C16"](frame(timing("a", 3.0, "cpu", kernels=other)))) == []


def test_c16_without_kernels_is_not_measured():
    for kernels in ((), [("default", "fast", "", 10.0)]):
        found = judged("C16", timing("a", 3.0, "v100", kernels=kernels))
        assert (found.verdict, found.note) == (NOT_MEASURED, "the profiler reported no kernels of both arms")


def test_c16_has_an_interval_over_profiled_passes():
    """The share lies on either side of one half from pass to pass: not decided, whatever its mean."""
    kernels = [("default", "conv", "", 10.0), ("deterministic", "conv", "", 20.0), ("deterministic", "slow", "", 12.0)]
    rows = timing("a", 3.0, "v100", kernels=kernels)
    assert verdict("C16", rows) == REPRODUCED
    for row in rows:
        if row["measure"] == "kernel_total" and row["kernel"] == "slow" and row["process"] % 2:
            row["value"] = 4.0
    found = judged("C16", rows)
    assert found.verdict == NOT_DECIDED and found.low < 0.5 < found.high and found.p > 0.05
