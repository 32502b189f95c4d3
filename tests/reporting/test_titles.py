"""Readers see titles, and never the keys of what the catalogs know."""

import pytest

from noisegrid.common.schemas import catalog, check
from noisegrid.reporting.titles import class_title, hardware_title, network_title, noise_title, task_title
from noisegrid.study.sources import NOISES


@pytest.mark.parametrize(
    ("task", "title"),
    [
        ("smallcnn_bn-fashion_mnist", "Small CNN with batch norm on Fashion-MNIST"),
        ("smallcnn-digits", "Small CNN on digits"),
        ("smallcnn_dropout-digits", "Small CNN with dropout on digits"),
        ("gpt-genesis_exodus", "Character GPT on Genesis and Exodus"),  # its dropout is not what sets it apart
        ("my_own-task", "my_own-task"),
    ],
)
def test_tasks(task, title):
    assert task_title(task) == title


def test_every_task_has_a_title_of_its_own():
    titles = [task_title(task) for task in catalog("tasks")]
    assert len(set(titles)) == len(titles) and not set(titles) & catalog("tasks").keys()


def test_networks():
    assert network_title("mediumcnn_k7") == "Medium CNN 7×7" and network_title("package:mine") == "package:mine"


def test_kinds_of_hardware():
    assert hardware_title("cpu × cpu_sse41") == "CPU × CPU, SSE4.1 only"
    assert hardware_title("v100@torch2.7-cu126") == "V100 (PyTorch 2.7, CUDA 12.6)"
    assert hardware_title("mine") == "mine" and hardware_title("mine@here") == "mine (here)"


def test_noises_and_interactions():
    assert noise_title("algo_impl") == "everything" and noise_title("algo") == "all seeds"
    assert noise_title("init × order") == "initial weights × data order"
    assert noise_title("crossed") == "crossed"
    titles = [noise_title(noise) for noise in NOISES]
    assert len(set(titles)) == len(titles) and max(map(len, titles)) <= 27  # longer ones do not fit beside a panel


@pytest.mark.parametrize(
    ("task", "group", "title"),
    [
        ("smallcnn_bn-fashion_mnist", "class 6", "shirt"),
        ("smallcnn-cifar100", "class 99", "worm"),
        ("smallcnn-cifar100", "class 100", "class 100"),  # no such class
        ("resnet18-celeba", "class 9", "blond hair"),
        ("gpt-genesis_exodus", "class 3", "class 3"),  # characters have no names
        ("my_own-task", "class 6", "class 6"),
        ("table_mlp-census_income", "65 and over", "65 and over"),
    ],
)
def test_classes(task, group, title):
    assert class_title(task, group) == title


def test_every_class_is_named_or_none():
    named = {name: entry for name, entry in catalog("datasets").items() if "names" in entry}
    assert {"digits", "fashion_mnist", "cifar10", "cifar100", "celeba"} <= named.keys()
    for name, entry in named.items():
        check(entry["names"] and {"read": entry["read"], "names": entry["names"]}, "dataset", name)
        assert len(entry["names"]) == entry["classes"], name
