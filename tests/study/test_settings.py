"""Typed settings read the dictionaries that cells hold, for every task and hardware of the catalog."""

import pytest

from noisegrid.common.schemas import catalog
from noisegrid.study.recipes import resolve_tasks, task_settings
from noisegrid.study.resolve import hardware_settings, load_study
from noisegrid.study.settings import Hardware, Task
from noisegrid.study.sources import NOISES


@pytest.mark.parametrize("name", catalog("tasks"))
def test_every_task_of_the_catalog(name):
    settings = task_settings(resolve_tasks({}, "catalog"), catalog("datasets"), name, "catalog")
    task = Task.of(settings)
    for key in settings.keys() - {"optimizer", "augment", "schedule"}:
        assert getattr(task, key) == settings[key]
    for key, value in settings["optimizer"].items():
        assert getattr(task.optimizer, key) == value
    assert task.augment.pad == settings["augment"]["pad"] and task.augment.flip == settings["augment"]["flip"]
    assert [list(pair) for pair in task.schedule] == settings["schedule"]


@pytest.mark.parametrize("name", [name for name, entry in catalog("hardware").items() if "unavailable" not in entry])
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
