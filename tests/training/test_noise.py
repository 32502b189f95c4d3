"""Noise sources: free means another recorded seed in every replicate, held means the same one everywhere."""

from functools import partial

import numpy as np
import pytest

from noisegrid.crate.possible import wrong_flags
from noisegrid.study.missing import why_missing
from noisegrid.study.recipes import resolve_datasets, resolve_tasks, task_settings
from noisegrid.study.resolve import hardware_settings
from noisegrid.study.seeds import derive_seeds, stream
from noisegrid.study.settings import Hardware, Task
from noisegrid.study.sources import FREE, NOISES, SOURCES
from noisegrid.training import noise

CPU = Hardware.of(hardware_settings("cpu", "test"))
CUDA = Hardware(device="cuda", precision="fp32", tf32=False, memory_format="channels_last")


@pytest.mark.parametrize("setting", FREE)
def test_free_seeds_differ_and_held_seeds_do_not(setting):
    seeds = [derive_seeds(7, "task", setting, replicate) for replicate in range(50)]
    for source in seeds[0]:
        distinct = len({seed[source] for seed in seeds})
        assert distinct == (50 if source in FREE[setting] else 1)


def test_probes_have_a_seed_only_where_they_are_free():
    assert set(derive_seeds(7, "t", "algo_impl", 0)) == set(SOURCES)
    assert set(derive_seeds(7, "t", "one_ulp", 0)) == {*SOURCES, "one_ulp"}


def test_seed_sets_hold_their_own_seeds_in_turn():
    held = [derive_seeds(7, "t", "order", replicate, seed_sets=3)["init"] for replicate in range(6)]
    assert len(set(held)) == 3 and held[:3] == held[3:]
    assert held[0] == derive_seeds(7, "t", "order", 0)["init"]  # the first pair is the study's own


def test_one_weight_moves_by_one_unit_in_the_last_place():
    vector = np.random.default_rng(0).standard_normal(500).astype(np.float32)
    moved = noise.move_one_weight(vector, 3)
    (index,) = np.flatnonzero(moved != vector)
    assert abs(int(moved.view(np.int32)[index]) - int(vector.view(np.int32)[index])) == 1
    assert not np.array_equal(moved, noise.move_one_weight(vector, 4))


def test_autotune_alone_lets_cudnn_choose_among_deterministic_kernels():
    flags = noise.derive_flags(CUDA, 1, "t", "autotune", 0)
    assert (flags["deterministic"], flags["cudnn_benchmark"]) == (True, True)


@pytest.mark.parametrize(
    ("source", "switches"),
    [
        ("cudnn_deterministic", {"deterministic": True, "cudnn_deterministic": False, "cudnn_benchmark": False}),
        ("atomics", {"deterministic": False, "cudnn_deterministic": True, "cudnn_benchmark": False}),
    ],
)
def test_the_other_parts_of_impl_on_cuda_are_told_apart(source, switches):
    flags = noise.derive_flags(CUDA, 1, "t", source, 0)
    assert {key: flags[key] for key in switches} == switches
    assert list(wrong_flags(flags, CUDA, [source])) == []
    for other in ("control", "impl", "autotune"):
        given = noise.derive_flags(CUDA, 1, "t", other, 0)
        assert "cudnn_deterministic" not in given and list(wrong_flags(given, CUDA, FREE[other])) == []
        assert list(wrong_flags(given, CUDA, [source])) != []


def test_atomics_are_missing_where_the_network_is_known_to_have_none():
    task = {**task_settings(resolve_tasks({}, "test"), resolve_datasets({}, "test"), "smallcnn-digits", "test")}
    known, own = Task.of(task), Task.of(task | {"network": "mine:network"})
    assert why_missing("atomics", known, CUDA) == "has no operator outside cuDNN that uses atomic additions"
    assert why_missing("atomics", own, CUDA) == ""
    assert NOISES["cudnn_deterministic"].missing(known, CUDA) == ""
    for source in ("atomics", "cudnn_deterministic"):
        assert NOISES[source].missing(own, CPU) == "runs on a device without cuDNN"


def test_held_seeds_are_the_same_in_every_cell_of_a_study():
    held = {derive_seeds(7, task, "order", 3)["init"] for task in ("a", "b")}
    held |= {derive_seeds(7, "a", setting, 5)["init"] for setting in ("control", "impl", "augment")}
    assert len(held) == 1
    assert held != {derive_seeds(8, "a", "control", 0)["init"]}


def test_all_streams_are_distinct_and_fit_any_json_reader():
    seeds = [
        seed
        for task in "ab"
        for setting in FREE
        for replicate in range(100)
        for source, seed in derive_seeds(7, task, setting, replicate).items()
        if source in FREE[setting]
    ]
    assert len(set(seeds)) == len(seeds)
    assert min(seeds) >= 0 and max(seeds) < 2**53


def test_streams_look_independent():
    draws = np.array([np.random.default_rng(stream(1, f"s{k}")).standard_normal(2000) for k in range(20)])
    correlations = np.corrcoef(draws)[np.triu_indices(20, 1)]
    assert np.abs(correlations).max() < 0.1


def test_cpu_environments_differ_between_replicates_until_all_are_used():
    count = len(noise.cpu_environments(CPU.kernels["free"]))
    flags = [noise.derive_flags(CPU, 7, "task", "impl", replicate) for replicate in range(count)]
    assert len({tuple(flag.items()) for flag in flags}) == count
    assert noise.derive_flags(CPU, 7, "task", "impl", count) == flags[0]


@pytest.mark.parametrize("seed_sets", [1, 2, 3, 4, 5, 6, 8])
@pytest.mark.parametrize("count", [3, 6, 8, 9, 16])
def test_the_replicates_of_a_seed_set_differ_in_their_environments(monkeypatch, count, seed_sets):
    """Until all are used, also if the number of seed sets and that of environments share a factor."""
    monkeypatch.setattr(noise, "cpu_environments", lambda _: [{"threads": number} for number in range(count)])
    for first in range(seed_sets):
        members = [first + seed_sets * member for member in range(count)]
        flags = [noise.derive_flags(CPU, 7, "task", "impl", one, None, seed_sets) for one in members]
        assert sorted(flag["threads"] for flag in flags) == list(range(count))


def test_held_impl_is_one_environment():
    flags = {
        tuple(noise.derive_flags(CPU, 7, "t", setting, r).items()) for setting in ("algo", "init") for r in range(5)
    }
    assert flags == {tuple(noise.held_flags(CPU).items())}


def test_an_instruction_set_that_the_processor_lacks_is_never_asked_for(monkeypatch):
    monkeypatch.setattr(noise, "processor_features", lambda: frozenset({"sse4_1", "avx2", "fma"}))
    environments = noise.cpu_environments(CPU.kernels["free"])
    assert {environment["aten"] for environment in environments} == {"default", "avx2"}
    monkeypatch.setattr(noise, "processor_features", frozenset)  # an ARM machine, say
    assert noise.cpu_environments(CPU.kernels["free"]) == [
        {"aten": "", "onednn": "", "mkl": "", "threads": count} for count in CPU.kernels["free"]["threads"]
    ]


def test_cuda_impl_free_is_the_frameworks_own_and_held_is_deterministic():
    free, held = (noise.derive_flags(CUDA, 1, "t", setting, 0) for setting in ("impl", "algo"))
    assert (free["deterministic"], free["cudnn_benchmark"]) == (False, True)
    assert (held["deterministic"], held["cudnn_benchmark"]) == (True, False)


@pytest.mark.parametrize("setting", ["impl", "algo"])
def test_switches_are_really_set(setting, monkeypatch, request):
    import torch

    monkeypatch.setattr(torch.backends.cudnn, "benchmark", torch.backends.cudnn.benchmark)
    request.addfinalizer(partial(torch.use_deterministic_algorithms, torch.are_deterministic_algorithms_enabled()))
    noise.apply_flags(noise.derive_flags(CUDA, 1, "t", setting, 0))
    free = setting == "impl"
    assert torch.are_deterministic_algorithms_enabled() is not free
    assert torch.backends.cudnn.deterministic is not free
    assert torch.backends.cudnn.benchmark is free
    assert torch.backends.cuda.matmul.allow_tf32 is False
    assert torch.backends.cudnn.allow_tf32 is False  # PyTorch's own default is True
