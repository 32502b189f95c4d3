"""Networks and datasets of the user: the worked example, and failures on the way."""

import csv
import re
import shutil

import numpy as np
import pytest
import torch
from conftest import ROOT, TINY, metrics, snakemake
from factories import cells, study, write_study

from noisegrid.data.prepared import open_prepared
from noisegrid.study.resolve import load_study
from noisegrid.study.seeds import derive_seeds
from noisegrid.training.initial import build_network
from noisegrid.training.outcome import Diverged
from noisegrid.training.replicate import run_of
from noisegrid.training.train import Training
from noisegrid.training.weights import weights_of

pytestmark = pytest.mark.slow


def test_the_worked_example_with_an_own_network_and_dataset(tmp_path):
    """docs/example as a user runs it: attributes, sub-groups and Figure 4 included."""
    for name in ("own.py", "study.yaml"):
        shutil.copy(ROOT / "docs/example" / name, tmp_path)
    done = snakemake(tmp_path, study="study.yaml")
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "results/own/figures/figure_4.png").exists()
    rows = metrics(tmp_path, "own")
    sizes = {row["group"]: float(row["value"]) for row in rows if row["metric"] == "group_positives"}
    assert sizes["thin"] + sizes["bold"] == sizes["all"]
    assert {row["group"] for row in rows if row["metric"] == "class_accuracy_std"} == {"class 0", "class 1", "class 2"}
    claims = (tmp_path / "results/own/tables/claims.csv").read_text()
    assert re.search(r"C5,.*thin \(fewest positives\) in mlp-traits", claims)


def test_a_replicate_that_fails_is_named_with_its_reason(tmp_path):
    (tmp_path / "own.py").write_text(
        "import torch\n"
        "from noisegrid.networks.paper import small_cnn\n"
        "def net(classes, channels, size):\n"
        "    if torch.initial_seed():  # the trial before the jobs has seed 0\n"
        "        raise ValueError('no such layer')\n"
        "    return small_cnn(classes, channels, size, batch_norm=False)\n"
    )
    tasks = {"own-digits": {"like": "smallcnn-digits", "network": "own:net"}}
    path = write_study(tmp_path, study(cells("own-digits", "control"), name="failing", tasks=tasks))
    done = snakemake(tmp_path, study=path)
    assert done.returncode != 0
    assert (
        "failed: replicate 1 of cpu/own-digits/control: NoisegridError: network own:net could not be built"
        in done.stdout
    )
    assert "failing: 0 of 1 cells and 0 of 2 replicates done; 0 running, 2 failed" in done.stdout


def test_failures_can_be_accepted_and_made_good_later(tmp_path):
    """Replicate 1 of three fails as long as a file is there: tables say n = 2, and then 3."""
    (tmp_path / "own.py").write_text(
        "import pathlib, torch\n"
        "from noisegrid.networks.paper import small_cnn\n"
        "def net(classes, channels, size):\n"
        "    if pathlib.Path('broken').exists() and torch.initial_seed() == int(pathlib.Path('broken').read_text()):\n"
        "        raise ValueError('no such layer')\n"
        "    return small_cnn(classes, channels, size, batch_norm=False)\n"
    )
    tasks = {"own-digits": {"like": "smallcnn-digits", "network": "own:net", "epochs": 1, "schedule": []}}
    path = write_study(tmp_path, study(cells("own-digits", "init", replicates=3), name="some", tasks=tasks))
    (tmp_path / "broken").write_text(str(derive_seeds(1, "own-digits", "init", 1)["init"]))
    cell = "results/some/cells/cpu/own-digits.csv"
    assert snakemake(tmp_path, cell, study=path).returncode == 1
    done = snakemake(tmp_path, cell, study=path, accept_failures=True)
    assert done.returncode == 0, done.stdout
    with (tmp_path / cell).open() as file:
        rows = list(csv.DictReader(file))
    assert {row["n_replicates"] for row in rows} == {"2"}
    assert [row["value"] for row in rows if row["metric"] == "replicates_failed"] == ["1"]
    (tmp_path / "broken").unlink()
    done = snakemake(tmp_path, cell, study=path)
    assert done.returncode == 0, done.stdout
    with (tmp_path / cell).open() as file:
        assert {row["n_replicates"] for row in csv.DictReader(file)} == {"3"}


def test_logits_that_are_not_finite_are_divergence(datasets):
    """A network may overflow at the evaluation although the loss of every epoch is finite."""
    run, data = run_of(load_study(str(TINY)).cells[0], 0), open_prepared(datasets / "digits")
    start = weights_of(build_network(run.task, data))
    training = Training(run, data, start, torch.device("cpu"))
    assert np.isfinite(training.snapshot().logits).all()
    for value in (float("nan"), float("inf")):
        with torch.no_grad():
            training.network[-1].bias[0] = value
        with pytest.raises(Diverged, match="the outputs for 597 test examples are not finite after 0 epochs"):
            training.snapshot()


def test_a_wrong_network_is_refused_before_any_work(tmp_path):
    (tmp_path / "own.py").write_text(
        "from torch import nn\nnet = lambda classes, channels, size: nn.Linear(7, classes)\n"
    )
    path = write_study(
        tmp_path, study(cells("x", "control"), tasks={"x": {"like": "smallcnn-digits", "network": "own.net"}})
    )
    done = snakemake(tmp_path, study=path)
    assert done.returncode == 1 and "Traceback" not in done.stdout
    assert "tasks.x.network: own.net is read as own:net; write it in this form" in done.stdout
    assert (
        "noisegrid: mine.yaml: tasks.x.network: network own:net fails with two examples of shape [1, 8, 8]"
        in done.stdout.replace(f"{tmp_path}/", "")
    )
    assert not (tmp_path / "results/mine/replicates").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("own:mlp", "own:mpl"), "unknown function 'mpl'; did you mean 'mlp'?"),
        (("own:mlp", "owm:mlp"), "there is no module 'owm'"),
        (("read: own:digit_traits", "read: own:digits"), "datasets.traits.read"),
    ],
)
def test_an_own_module_that_is_not_there_is_named_before_any_work(tmp_path, change, message):
    shutil.copy(ROOT / "docs/example/own.py", tmp_path)
    (tmp_path / "study.yaml").write_text((ROOT / "docs/example/study.yaml").read_text().replace(*change))
    done = snakemake(tmp_path, study="study.yaml")
    assert done.returncode == 1
    assert message in done.stdout and "Traceback" not in done.stdout
    assert not (tmp_path / "results").exists()
