"""Typed settings read the dictionaries that cells hold, for every task and hardware of the catalog."""

import json

import pytest
from conftest import ROOT
from factories import cells, study, write_study

from noisegrid.common.errors import NoisegridError
from noisegrid.common.schemas import catalog, schema
from noisegrid.runtime.hardware import entry
from noisegrid.study.recipes import resolve_tasks, task_settings
from noisegrid.study.resolve import hardware_settings, load_study
from noisegrid.study.settings import Hardware, Task
from noisegrid.study.sources import NOISES


@pytest.mark.parametrize("name", catalog("tasks"))
def test_every_task_of_the_catalog(name):
    settings = task_settings(resolve_tasks({}, "catalog"), catalog("datasets"), name, "catalog")
    task = Task.of(settings)
    parts = {"optimizer", "augment", "scheduler"} & settings.keys()
    for key in settings.keys() - parts - {"schedule"}:
        assert getattr(task, key) == settings[key]
    for part in parts:
        for key, value in settings[part].items():
            assert getattr(getattr(task, part), key) == value
    assert [list(pair) for pair in task.schedule] == settings.get("schedule", [])


@pytest.mark.parametrize("name", catalog("hardware"))
def test_every_hardware_of_the_catalog(name):
    settings = hardware_settings(name, "catalog")
    hardware = Hardware.of(settings)
    assert all(getattr(hardware, key) == value for key, value in settings.items())
    assert hardware.is_cuda == (settings["device"] == "cuda")


def test_a_setting_that_nobody_knows_is_no_setting():
    cell = load_study("quick").cells[0]
    with pytest.raises(TypeError, match="surprise"):
        Task.of(cell.settings["task"] | {"surprise": 1})


def test_crops_at_random_places_are_augmentation():
    settings = load_study("quick").cells[0].settings
    hardware, plain = Hardware.of(settings["hardware"]), {"pad": 0, "flip": False}
    without, crops = (Task.of(settings["task"] | {"augment": plain | more}) for more in ({}, {"resized_crop": 24}))
    assert NOISES["augment"].missing(without, hardware) == "does not augment"
    assert NOISES["augment"].missing(crops, hardware) == ""


def test_the_installed_stack_is_a_setting_and_a_part_of_the_name():
    plain, here = hardware_settings("cpu", "catalog"), hardware_settings("cpu@here", "catalog")
    assert here == plain | {"stack": "here"}
    assert entry("cpu@here").title == f"{entry('cpu').title}, installed PyTorch"
    assert hardware_settings("h100@here", "catalog")["stack"] == "here"  # nobody knows which kernels it has


def test_a_stack_for_all_hardware_that_names_none(tmp_path):
    blocks = (
        cells(hardware="cpu"),
        cells("smallcnn_bn-digits", hardware="cpu@torch2.7-cu126"),
        cells("smallcnn_dropout-digits", hardware="auto"),
    )
    path = write_study(tmp_path, study(*blocks))
    assert load_study(str(path), "here").hardware == ["cpu@here", "cpu@torch2.7-cu126"]
    assert load_study(str(path)).hardware == ["cpu", "cpu@torch2.7-cu126"]


def test_every_key_of_the_config_is_documented_with_its_default():
    page = (ROOT / "config/README.md").read_text()
    rows = {line.split("|")[1].strip(" `"): line for line in page.splitlines() if line.startswith("| `")}
    keys = schema("config")["properties"]
    assert rows.keys() == keys.keys()
    for key, about in keys.items():
        if "default" in about:
            assert json.dumps(about["default"]).strip('"') == rows[key].split("|")[3].strip(" `"), key


def test_a_setting_of_the_other_optimiser_is_refused():
    """It would have no effect, and nobody would notice."""
    for name, key in (("adam", "momentum"), ("sgd", "epsilon"), ("rprop", "weight_decay")):
        optimizer = {"name": name, "learning_rate": 0.1, key: 0.1}
        tasks = {"own": {"like": "smallcnn-digits", "optimizer": optimizer}}
        with pytest.raises(NoisegridError, match=f"tasks.own.optimizer: {name} has no {key}; remove it"):
            resolve_tasks(tasks, "mine.yaml")
