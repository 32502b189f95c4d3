"""The source `compile`: a compiled run repeats, resumes and is evaluated, and an eager one has other bits."""

import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import run
from torch import nn

from noisegrid.common.errors import NoisegridError
from noisegrid.planning.preflight import _check_compiler
from noisegrid.study.missing import why_missing
from noisegrid.study.recipes import resolve_datasets, resolve_tasks, task_settings
from noisegrid.study.resolve import hardware_settings
from noisegrid.study.settings import Hardware, Task
from noisegrid.study.study import Cell
from noisegrid.training import compilation

SCRIPT = Path(__file__).with_name("train_compiled.py")
needs_a_compiler = pytest.mark.skipif(not shutil.which("g++"), reason="needs the package g++")


def test_a_run_without_the_switch_is_eager_and_sets_nothing_up():
    network, before = nn.Linear(2, 2), dict(os.environ)
    for flags in ({}, {"compile": False}):
        assert compilation.forward_of(network, flags) is network
        assert compilation.compiler(flags) == {}
        with compilation.compiler_of(flags):
            assert dict(os.environ) == before


@pytest.mark.parametrize("earlier", [None, "/somewhere"])
def test_the_compiler_is_set_up_for_a_run_and_restored_after_it(monkeypatch, earlier):
    from torch._inductor import config

    monkeypatch.delenv(compilation.CACHE_VARIABLE, raising=False)
    if earlier:
        monkeypatch.setenv(compilation.CACHE_VARIABLE, earlier)
    before = config.compile_threads, config.deterministic, config.fallback_random
    with compilation.compiler_of({"compile": True, "deterministic": True}):
        folder = Path(os.environ[compilation.CACHE_VARIABLE])
        assert folder.is_dir() and not list(folder.iterdir())
        assert (config.compile_threads, config.deterministic, config.fallback_random) == (1, True, True)
    assert not folder.exists() and os.environ.get(compilation.CACHE_VARIABLE) == earlier
    assert (config.compile_threads, config.deterministic, config.fallback_random) == before


def test_settings_that_this_release_lacks_are_left_out():
    from torch._inductor import config

    with compilation._patched(config, compile_threads=3, a_setting_of_another_release=1):
        assert config.compile_threads == 3


def test_a_machine_without_a_compiler_is_refused_before_anything_is_trained(monkeypatch):
    from torch._inductor import config

    monkeypatch.setattr(config.cpp, "cxx", ("/there/is/no/g++",))
    with pytest.raises(NoisegridError, match=r"nothing can be compiled here \(.+\); torch\.compile needs a C\+\+"):
        compilation.check("cpu")


def cell_of(device, free):
    settings = {"free": free, "hardware": {"device": device}}
    return Cell("s", device, "digits", free[0] if free else "control", 2, settings)


def test_a_missing_compiler_is_found_before_the_first_job(monkeypatch):
    monkeypatch.setenv("CXX", "/there/is/no/g++")
    with pytest.raises(NoisegridError, match=r"^cpu/digits/compile compiles its network, but this machine has no C\+"):
        _check_compiler([cell_of("cpu", []), cell_of("cpu", ["compile"])])
    _check_compiler([cell_of("cpu", ["impl"]), cell_of("cuda", ["compile"])])
    monkeypatch.setenv("CXX", sys.executable)
    _check_compiler([cell_of("cpu", ["compile"])])


def test_the_source_is_missing_through_xla_alone():
    recipe = task_settings(resolve_tasks({}, "test"), resolve_datasets({}, "test"), "smallcnn-digits", "test")
    devices = {name: Hardware.of(hardware_settings(name, "test")) for name in ("cpu", "h100", "xla_cpu", "tpu_v2_8")}
    found = {name: why_missing("compile", Task.of(recipe), device) for name, device in devices.items()}
    why = "runs through XLA, which compiles every network"
    assert found == {"cpu": "", "h100": "", "xla_cpu": why, "tpu_v2_8": why}


# --- real training -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory, datasets):
    """Train: eager, with other dropout, compiled, and compiled again but stopped in the second epoch and resumed."""
    folder, found = tmp_path_factory.mktemp("compiled"), {}

    def train(name, *options):
        done = run(sys.executable, SCRIPT, datasets, folder / f"{name} states", folder / f"{name}.npy", *options)
        assert done.returncode == 0, done.stdout
        found[name] = json.loads(done.stdout.splitlines()[-1])

    train("eager")
    train("other dropout", "--dropout-seed", "2")
    train("compiled", "--compile")
    train("resumed", "--compile", "--stop-after", "4")
    assert found["resumed"] == {"stopped_after": 4}
    train("resumed", "--compile")
    for name, one in found.items():
        one["weights"] = np.load(folder / f"{name}.npy")
    return found


@pytest.mark.release
@pytest.mark.slow
@needs_a_compiler
def test_a_run_compiled_twice_with_an_empty_cache_has_the_same_bits_even_if_it_was_stopped(trained):
    assert trained["compiled"]["hash"] == trained["resumed"]["hash"]
    assert (trained["compiled"]["resumed"], trained["resumed"]["resumed"]) == (0, 1)
    caches = [trained[name]["cache"] for name in ("compiled", "resumed")]
    assert all(len(cache) == 1 and cache[0] for cache in caches) and caches[0] != caches[1]
    assert trained["compiled"]["left"] == trained["resumed"]["left"] == []


@pytest.mark.release
@pytest.mark.slow
@needs_a_compiler
def test_an_eager_run_has_other_bits_and_the_same_dropout(trained):
    assert trained["eager"]["hash"] != trained["compiled"]["hash"]
    assert trained["eager"]["names"] == trained["compiled"]["names"]
    weights = {name: torch.from_numpy(found["weights"]) for name, found in trained.items()}
    moved = {name: (weights[name] - weights["eager"]).norm().item() for name in ("compiled", "other dropout")}
    assert 0 < moved["compiled"] < moved["other dropout"] / 100


@pytest.mark.release
@pytest.mark.slow
@needs_a_compiler
def test_every_shape_of_a_batch_has_a_graph_of_its_own(trained):
    # two shapes of training; the resumed run has two, too, and both evaluate batches of one or two shapes
    assert trained["eager"]["graphs"] == 0
    assert trained["compiled"]["graphs"] == trained["resumed"]["graphs"] >= 3


@pytest.mark.slow
@needs_a_compiler
def test_a_machine_with_a_compiler_passes_the_check():
    done = run(sys.executable, "-c", "from noisegrid.training import compilation; compilation.check('cpu')")
    assert done.returncode == 0, done.stdout
