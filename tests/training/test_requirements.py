"""What a task needs: counted by hand for a network small enough, and the catalog's numbers recomputed."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import ROOT, noisegrid
from torch import nn

from noisegrid.common.schemas import catalog
from noisegrid.data.form import Form
from noisegrid.planning import plan
from noisegrid.planning.estimate import estimates
from noisegrid.study.kinds import training_examples
from noisegrid.study.recipes import least_memory_gb, resolve_tasks
from noisegrid.study.resolve import load_study
from noisegrid.training.requirements import (
    _kept_for_backward,
    catalog_task,
    training_bytes,
    training_flop,
    weights_bytes,
)

FORM = Form("images", "classes", 10, (3, 32, 32), full_scale=255)


def test_two_dense_layers_by_hand():
    with torch.device("meta"):
        network = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 2))
        inputs = torch.empty(16, 8)
    # kept: the input (16 x 8) for the first weight's gradient, ReLU's output (16 x 4), which is the second's input too
    assert _kept_for_backward(network, inputs) == 4 * (16 * 8 + 16 * 4)


def test_a_network_of_twice_the_batch_keeps_twice_as_much():
    task = catalog_task("smallcnn-cifar10")
    small, large = (training_bytes(replace(task, batch_size=n), FORM) for n in (64, 128))
    weights = 4 * 4 * 15_722  # float32; weights, gradients, Adam's two moments
    assert large - weights == 2 * (small - weights)


@pytest.mark.parametrize("name", resolve_tasks({}, "catalog"))
def test_the_catalogs_numbers_are_those_counted(name):
    stated, task = resolve_tasks({}, "catalog")[name], catalog_task(name)
    dataset = catalog("datasets")[task.dataset]
    form = Form.of_entry(dataset)
    need = training_bytes(task, form) / 1e9
    flop = training_flop(task, form, training_examples(stated, dataset))
    assert stated["tflop_per_epoch"] == pytest.approx(flop / 1e12, rel=0.01)
    assert stated["weights_mb"] == pytest.approx(weights_bytes(task, form) / 1e6, rel=0.01)
    assert least_memory_gb(stated, "fp32") == pytest.approx(need, rel=0.2 if need > 0.1 else 1.0, abs=1e-3)


def test_an_epochs_arithmetic_by_hand():
    """ResNet-18 on CIFAR: 0.557 GMAC per image (paper's network), two operations each, three passes, 50,000 images."""
    task = catalog_task("resnet18-cifar10")
    assert training_flop(task, FORM, 50_000) == pytest.approx(3 * 2 * 0.557e9 * 50_000, rel=0.01)


def test_jobs_hold_what_fits_their_time():
    found = plan.make({"study": "paper", "results": "r", "datasets": "d"})
    hours = 200 * 167 / (15.7 * 0.35) / 3600  # one ResNet-18 on a V100; a job plans with 80 % of four hours
    assert hours < 3.2 < 2 * hours
    names = [chunk.name for chunk in found.packing.chunks_of("v100", "resnet18-cifar10")]
    sources = ("algo_impl", "algo", "impl", "control")
    assert names == [f"resnet18-cifar10/{source}.{k}-{k}" for source in sources for k in range(10)]
    assert [chunk.name for chunk in found.packing.chunks_of("v100", "smallcnn-cifar10")] == ["smallcnn-cifar10/0-9"]
    files = found.chunk_files("v100", "resnet18-cifar10", "impl")
    assert files == [f"r/paper/chunks/v100/resnet18-cifar10/impl.{k}-{k}.json" for k in range(10)]


def test_device_hours_by_hand():
    (line,) = [
        e for e in estimates(load_study("paper"), Path("r")) if (e.hardware, e.task) == ("v100", "resnet18-cifar10")
    ]
    assert (line.cells, line.replicates) == (4, 40)
    assert line.hours == pytest.approx(40 * 200 * 167 / (15.7 * 0.35) / 3600)


def test_the_docs_show_what_the_plan_prints(tmp_path):
    printed = noisegrid("plan", "paper", cwd=tmp_path)
    assert printed.returncode == 0
    assert printed.stdout in (ROOT / "docs/hpc.md").read_text()


def test_a_small_network_is_limited_by_launches_and_a_large_one_by_arithmetic():
    study = load_study("paper")
    hours = {one.task: one.hours / one.replicates for one in estimates(study, Path("r")) if one.hardware == "v100"}
    launches = resolve_tasks({}, "catalog")["smallcnn-cifar10"]["launches_per_step"]["fp32"]
    # 391 steps an epoch, 10 µs a launch: 38 s, where the arithmetic takes 24 s at 35 % of a V100's 15.7 TFLOP/s
    assert hours["smallcnn-cifar10"] * 3600 == pytest.approx(200 * 391 * launches * 10e-6)
    assert hours["smallcnn-cifar10"] * 3600 > 200 * 0.664 / (15.7 * 0.35)
    assert hours["resnet18-cifar10"] * 3600 == pytest.approx(200 * 167 / (15.7 * 0.35))
