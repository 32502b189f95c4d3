"""Sources that choose: every value occurs, in every seed set, and nothing is stated where the source is held."""

import pytest

from noisegrid.common.schemas import catalog
from noisegrid.crate.possible import wrong_flags
from noisegrid.study.choices import choices
from noisegrid.study.crossing import problem_of_source
from noisegrid.study.missing import why_missing
from noisegrid.study.recipes import resolve_datasets, resolve_tasks, task_settings
from noisegrid.study.resolve import hardware_settings
from noisegrid.study.settings import Hardware, Task
from noisegrid.study.sources import FREE, NOISES
from noisegrid.training import noise

CHOOSING = [source for source in FREE if choices(source, Hardware.of(hardware_settings("cpu", "test")))]


def device(name):
    return Hardware.of(hardware_settings(name, "test"))


def task_of(name, **changes):
    recipe = task_settings(resolve_tasks({}, "test"), resolve_datasets({}, "test"), name, "test")
    return Task.of(recipe | changes)


def values_of(source, hardware, replicates, **options):
    flags = [noise.derive_flags(hardware, 1, "t", source, number, **options) for number in range(replicates)]
    return [flag.get(source) for flag in flags]


@pytest.mark.parametrize(
    ("hardware", "backends"),
    [
        ("cpu", ("flash", "math")),
        ("cpu_bf16", ("flash", "math")),
        ("h100", ("efficient", "math")),
        ("h200_amp", ("flash", "efficient", "math")),
        ("rtx5000_amp", ("efficient", "math")),
        ("xla_cpu", ()),
    ],
)
def test_the_sdpa_backends_of_a_device(hardware, backends):
    assert choices("sdpa_backend", device(hardware)) == backends
    assert set(backends) <= set(noise.SDPA_BACKENDS)


def test_mixed_precision_with_float16_is_on_hardware_without_flash_attention_only():
    """This is what sdpa_backends assumes of the catalog."""
    found = {name: entry for name, entry in catalog("hardware").items() if entry["precision"] == "amp_fp16"}
    assert found and all(float(entry["compute_capability"]) < 8 for entry in found.values())


@pytest.mark.parametrize("source", CHOOSING)
@pytest.mark.parametrize("hardware", ["cpu", "h200_amp"])
def test_replicates_go_through_the_values_in_turn(source, hardware):
    values = choices(source, device(hardware))
    assert values_of(source, device(hardware), 2 * len(values)) == [*values, *values]


@pytest.mark.parametrize("source", CHOOSING)
@pytest.mark.parametrize("sets", [1, 2, 5])
def test_every_seed_set_meets_every_value(source, sets):
    values = values_of(source, device("cpu"), 2 * sets, seed_sets=sets)
    for seed_set in range(sets):
        assert set(values[seed_set::sets]) == set(choices(source, device("cpu")))


@pytest.mark.parametrize("source", CHOOSING)
def test_a_level_of_a_crossed_cell_is_one_value(source):
    values = choices(source, device("cpu"))
    flags = [
        noise.derive_flags(device("cpu"), 1, "t", "crossed", number, {"init": 2, source: 2}) for number in range(4)
    ]
    # of the sources, the last of the registry changes fastest
    assert [flag[source] for flag in flags] == [*values[:2], *values[:2]]


@pytest.mark.parametrize("source", CHOOSING)
def test_a_switch_is_stated_only_where_its_source_is_free(source):
    for name in FREE:
        flags = noise.derive_flags(device("cpu"), 1, "t", name, 0)
        assert (source in flags) == (name == source)


@pytest.mark.parametrize("source", CHOOSING)
@pytest.mark.parametrize("hardware", ["cpu", "h100", "h200_amp"])
def test_verify_accepts_the_values_of_the_device_and_no_others(source, hardware):
    one = device(hardware)
    flags = noise.derive_flags(one, 1, "t", source, 0)
    for value in choices(source, one):
        assert list(wrong_flags(flags | {source: value}, one, [source])) == []
    for value in ("cudnn", 1, None):
        assert list(wrong_flags(flags | {source: value}, one, [source])) != []
    assert list(wrong_flags(flags, one, [])) != []
    del flags[source]
    assert list(wrong_flags(flags, one, [source])) != []


def test_more_levels_than_values_are_refused():
    problem = problem_of_source("sdpa_backend", 3, task_of("vit_tiny-digits"), device("cpu"))
    assert problem == "sdpa_backend has 3 levels, but there are only 2 values (flash, math); write fewer"
    assert problem_of_source("sdpa_backend", 2, task_of("vit_tiny-digits"), device("cpu")) == ""


def test_backends_are_missing_where_the_network_is_known_to_have_no_attention():
    assert (
        why_missing("sdpa_backend", task_of("smallcnn-digits"), device("cpu")) == "has no scaled_dot_product_attention"
    )
    assert why_missing("sdpa_backend", task_of("vit_tiny-digits"), device("cpu")) == ""
    assert why_missing("sdpa_backend", task_of("smallcnn-digits", network="mine:network"), device("cpu")) == ""
    assert "no backends of attention" in NOISES["sdpa_backend"].missing(
        task_of("vit_tiny-digits"), device("xla_cpu"), {}
    )
