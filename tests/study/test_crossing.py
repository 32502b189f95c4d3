"""Crossed cells: what they expand to, whose seeds are equal, and one clear message for every mistake in a block."""

import itertools
import math

import pytest
from factories import cells, study, write_study
from hypothesis import given
from hypothesis import strategies as st

from noisegrid.common.errors import NoisegridError
from noisegrid.crate.possible import check_design
from noisegrid.study import check
from noisegrid.study.resolve import load_study
from noisegrid.study.seeds import derive_seeds, levels, stream
from noisegrid.study.settings import Hardware
from noisegrid.study.sources import PROBES, SOURCES
from noisegrid.training import noise

CROSSED = st.dictionaries(st.sampled_from([*SOURCES, "one_ulp"]), st.integers(2, 4), min_size=2, max_size=3)


def block(crossed: object, task: str = "smallcnn-digits", hardware: str = "cpu", **more: object) -> dict:
    return {"hardware": [hardware], "tasks": [task], "crossed": crossed, **more}


def resolved(folder, *blocks: dict):
    return load_study(str(write_study(folder, study(*blocks)))).cells


def test_every_combination_is_one_replicate(tmp_path):
    (cell,) = resolved(tmp_path, block({"impl": 2, "order": 2, "init": 3}))
    assert (cell.path, cell.replicates) == ("cpu/smallcnn-digits/crossed", 12)
    assert cell.crossed == {"init": 3, "order": 2, "impl": 2} and cell.free == {"init", "order", "impl"}
    combinations = [tuple(levels(cell.crossed, number).values()) for number in range(cell.replicates)]
    assert combinations == list(itertools.product(range(3), range(2), range(2)))


def test_levels_are_part_of_the_settings_but_their_order_is_not(tmp_path):
    def digest(crossed):
        return resolved(tmp_path, block(crossed))[0].digest

    assert digest({"init": 2, "order": 3}) == digest({"order": 3, "init": 2}) != digest({"init": 3, "order": 2})


def test_a_crossed_cell_stands_beside_noises_of_the_same_task(tmp_path):
    found = resolved(tmp_path, cells(), block({"init": 2, "order": 2}))
    assert [cell.noise for cell in found] == ["algo", "control", "crossed"]
    assert "crossed" not in found[0].settings  # an existing cell stays the same cell


@given(CROSSED)
def test_replicates_share_a_seed_if_and_only_if_they_share_the_level(crossed):
    runs = range(math.prod(crossed.values()))
    seeds = [derive_seeds(7, "t", "crossed", run, crossed=crossed) for run in runs]
    for source in (*SOURCES, *PROBES):
        if source not in crossed:
            held = derive_seeds(7, "t", "control", 0).get(source)
            assert {seed.get(source) for seed in seeds} == {held}
            continue
        for a, b in itertools.combinations(runs, 2):
            same = levels(crossed, a)[source] == levels(crossed, b)[source]
            assert (seeds[a][source] == seeds[b][source]) == same


def test_the_seed_of_a_level_by_hand():
    state = stream(7, "order/t/crossed/2").generate_state(1, "uint64")[0]
    assert derive_seeds(7, "t", "crossed", 5, crossed={"init": 2, "order": 3})["order"] == int(state) >> 11


def test_a_level_of_impl_is_one_combination_of_kernels(tmp_path):
    (cell,) = resolved(tmp_path, block({"init": 2, "impl": 3}, hardware="cpu_sse41"))
    hardware = Hardware.of(cell.settings["hardware"])
    flags = [noise.derive_flags(hardware, 1, "t", "crossed", run, cell.crossed) for run in range(6)]
    assert flags[:3] == flags[3:] and all(a != b for a, b in itertools.combinations(flags[:3], 2))
    with pytest.raises(NoisegridError, match="4 levels of impl, but this processor has only 3 combinations"):
        noise.derive_flags(hardware, 1, "t", "crossed", 0, {"init": 2, "impl": 4})


WRONG = {
    "a single level": (block({"init": 3, "order": 1}), "order has only 1 level.*hold it instead: remove order"),
    "a single source": (block({"init": 3}), r"at least two sources; for one source alone, write noise: \[init\]"),
    "unknown source": (block({"init": 3, "ordre": 2}), "unknown source 'ordre'; did you mean 'order'?"),
    "no number": (block({"init": "three", "order": 2}), "crossed.init: 'three' is not a whole number"),
    "no mapping": (block(["init", "order"]), "crossed: a list is not a mapping"),
    "too many": (block({"init": 1000, "order": 1000}), "1,000,000 replicates, the product of the levels; write fewer"),
    "also noise": (block({"init": 2, "order": 2}, noise=["algo"]), "remove noise, or move"),
    "also replicates": (block({"init": 2, "order": 2}, replicates=4, seed_sets=2), "remove replicates, seed_sets, or"),
    "no dropout": (block({"init": 2, "dropout": 2}), "task smallcnn-digits has no dropout, so dropout would measure"),
    "impl on CUDA": (
        block({"init": 2, "impl": 2}, "smallcnn-cifar10", "v100"),
        "on CUDA, impl has no seed, so none of its levels could be repeated; remove it",
    ),
    "impl on a TPU": (
        block({"init": 2, "impl": 2}, "resnet18-cifar100", "tpu_v2_8"),
        "runs through XLA on a device that has no switch for its kernels, so impl would measure nothing; remove it",
    ),
    "too few kernels on XLA": (
        block({"init": 2, "impl": 10}, hardware="xla_cpu"),
        "there are only 9 combinations of kernels",
    ),
    "too few kernels": (
        block({"init": 2, "impl": 9}, hardware="cpu_sse41"),
        "there are only 3 combinations of kernels",
    ),
    "neither": ({"hardware": ["cpu"], "tasks": ["smallcnn-digits"]}, "the key '(noise|replicates)' is missing; add it"),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_wrong_block_is_answered_with_one_sentence(mistake, tmp_path):
    wrong, words = WRONG[mistake]
    path = str(write_study(tmp_path, study(wrong)))
    with pytest.raises(NoisegridError, match=words):
        load_study(path)
    with pytest.raises(NoisegridError, match=words):
        raise NoisegridError("\n".join(check.mistakes(path)))


FORGED = {
    "other sources": ({"free": ["init"]}, "free must be the sources that are crossed"),
    "no levels": ({"crossed": None}, "must be a mapping"),
    "one level": ({"crossed": {"init": 1, "order": 2}}, "only 1 level"),
    "levels that are no numbers": ({"crossed": {"init": True, "order": 2}}, "must be a mapping of sources to numbers"),
    "another noise": ({"noise": "algo", "free": ["augment", "dropout", "init", "order"]}, "its noise is algo"),
}


@pytest.mark.parametrize("forgery", FORGED)
def test_settings_that_no_study_gives_are_refused(forgery, tmp_path):
    (cell,) = resolved(tmp_path, block({"init": 2, "order": 2}))
    check_design(cell.settings, "cell")
    change, words = FORGED[forgery]
    with pytest.raises(NoisegridError, match=words):
        check_design(cell.settings | change, "cell")
