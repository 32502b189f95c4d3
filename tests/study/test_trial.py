"""The trial of the user's own networks before any job: every mistake is one sentence that names the key."""

import os
import subprocess
from pathlib import Path

import pytest
from conftest import noisegrid
from factories import cells, study, write_study

from noisegrid.common.errors import NoisegridError
from noisegrid.planning import plan, preflight, trial
from noisegrid.study.resolve import load_study

CODE = """
import functools, os, types
import torch
from torch import nn

class Scripted(nn.Module):
    def __init__(self, make):
        super().__init__()
        self.flat, self.layer, self.make = nn.Flatten(), nn.LazyLinear(10), make
    def forward(self, x):
        return self.make(self.layer(self.flat(x)), self)

def scripted(make):
    return lambda classes, channels, size: Scripted(make)

def net(classes, channels, size, width=4):
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * size * size, width), nn.Linear(width, classes))

def needs(classes, channels, size, width):
    return net(classes, channels, size, width)

def narrow(classes, channels, size):
    return nn.Sequential(nn.Flatten(), nn.Linear(7, classes))

good = functools.partial(net, width=3)
logits = scripted(lambda y, _: types.SimpleNamespace(logits=y))
scores = scripted(lambda y, _: types.SimpleNamespace(scores=y))
pair = scripted(lambda y, _: (y, y))
column = scripted(lambda y, _: y[:, :1])
whole = scripted(lambda y, _: y.argmax(1, keepdim=True).expand(2, 10))
detached = scripted(lambda y, _: y.detach())
infinite = scripted(lambda y, _: y / 0)
only_trains = scripted(lambda y, self: y if self.training else y.no_such_method())
needs_gpu = scripted(lambda y, _: y + torch._C._cuda_getDeviceCount(1, 2))
raises = lambda classes, channels, size: [][0]
exits = lambda classes, channels, size: os._exit(7)
crashes = lambda classes, channels, size: os.kill(os.getpid(), 9)
text = lambda classes, channels, size: "a network"
number = 3
"""
FAILS = {
    "good": None,
    "net(width=5)": None,
    "net(widht=5)": ".network_options: own_nets:net: unknown option 'widht'; did you mean 'width'?",
    "narrow(width=5)": ".network_options: own_nets:narrow: the function has no option 'width'; remove it",
    "needs": ".network_options: own_nets:needs cannot be called with classes, channels, size (missing a required",
    "narrow": ".network: network own_nets:narrow fails with two examples of shape [1, 8, 8] (RuntimeError: mat1",
    "logits": None,
    "pair": None,
    "scores": ".network: network own_nets:scores: it returns an object of type SimpleNamespace; return a tensor, an",
    "exits": ".network: own_nets:exits ended the process of its trial (exit status 7",
    "column": "it returns a tensor of shape [2, 1]; return logits of shape [2, 10], one row per example",
    "whole": "it returns numbers of type torch.int64; return logits, which are floats",
    "detached": "fails with two examples of shape [1, 8, 8] (RuntimeError: element 0 of tensors does not require grad",
    "infinite": "its loss is ",
    "only_trains": "(AttributeError: 'Tensor' object has no attribute 'no_such_method', own_nets.py line ",
    "raises": "network own_nets:raises cannot be built (IndexError: list index out of range, own_nets.py",
    "crashes": ".network: own_nets:crashes ended the process of its trial (signal 9",
    "text": "the builder returned str, not a torch.nn.Module",
    "number": "this is of type int, which cannot be called; name a function",
}  # fmt: skip


def own_study(folder: Path, networks: dict[str, dict], **keys: object) -> Path:
    """Write a study with one task for each network: its name, and the keys of the task."""
    tasks = {name: {"like": "smallcnn-digits", **task} for name, task in networks.items()}
    blocks = [cells(name, "control", hardware=keys.pop("hardware", "cpu")) for name in networks]
    return write_study(folder, study(*blocks, tasks=tasks, **keys))


@pytest.fixture(scope="module")
def tried(tmp_path_factory):
    """Try all networks at once, in as many processes as they crash."""
    folder = tmp_path_factory.mktemp("trial")
    (folder / "own_nets.py").write_text(CODE)
    networks = {}
    for number, case in enumerate(FAILS):
        name, _, option = case.rstrip(")").partition("(")
        key, _, value = option.partition("=")
        networks[f"t{number}"] = {
            "network": f"own_nets:{name}",
            "network_options": {key: int(value)} if option else {},
        }
    before = Path.cwd()
    os.chdir(folder)
    try:
        made = load_study(str(own_study(folder, networks)))
        return trial.try_study(made, folder / "none")
    finally:
        os.chdir(before)


@pytest.mark.parametrize("case", FAILS)
def test_a_network_that_cannot_be_trained_is_one_sentence_with_its_key(tried, case):
    failed, notes = tried
    assert notes == []
    own = [sentence for sentence in failed if f": tasks.t{list(FAILS).index(case)}." in sentence]
    if FAILS[case] is None:
        assert own == []
    else:
        (sentence,) = own
        assert FAILS[case] in sentence and "\n" not in sentence and "mine.yaml: tasks." in sentence


@pytest.mark.parametrize("command", ["check", "plan"])
def test_the_users_code_is_imported_only_if_asked_for(tmp_path, command):
    package = tmp_path / "ownspy"
    package.mkdir()
    (package / "__init__.py").write_text("import pathlib\npathlib.Path('imported').touch()\n")
    (package / "nets.py").write_text("def net(classes, channels, size, width): ...\n")
    (package / "data.py").write_text("import no_such_library\ndef read(folder, cache): ...\n")
    datasets = {"d": {"read": "ownspy.data:read", "classes": 2, "full_scale": 1}}
    path = own_study(tmp_path, {"x": {"network": "ownspy.nets.net"}}, datasets=datasets)
    done = noisegrid(command, path.name, cwd=tmp_path)
    assert done.returncode == 0 and "ownspy.nets.net is read as ownspy.nets:net" in done.stdout, done.stdout
    assert not (tmp_path / "imported").exists()
    done = noisegrid(command, path.name, "--import", cwd=tmp_path)
    assert done.returncode == 1 and (tmp_path / "imported").exists() and "Traceback" not in done.stdout
    assert "mine.yaml: tasks.x.network_options: ownspy.nets:net cannot be called with classes" in done.stdout
    assert "mine.yaml: datasets.d.read: dataset ownspy.data:read: cannot be imported" in done.stdout
    assert "No module named 'no_such_library'" in done.stdout


#: Recipes that name a part of PyTorch or of the user, and how their trial fails. The module takes RAdam and StepLR out
#: of PyTorch, as if it was a version without them.
RECIPES = {
    "good": ({"optimizer": {"name": "AdamW", "learning_rate": 0.1}, "schedule": []}, None),
    "loss": ({"loss": {"name": "own_parts:loss", "options": {"power": 2}}}, None),
    "old": (
        {"optimizer": {"name": "RAdam", "learning_rate": 0.1}},
        ".optimizer: RAdam cannot be used with torch 2.12.1",
    ),
    "older": (
        {"scheduler": {"name": "StepLR", "options": {"step_size": 1}}, "schedule": []},
        ".scheduler: StepLR cannot be used with torch 2.12.1",
    ),
    "bare": (
        {"scheduler": {"name": "ExponentialLR"}, "schedule": []},
        "(TypeError: ExponentialLR.__init__() missing 1 required positional argument: 'gamma'); correct it",
    ),
    "many": (
        {"loss": {"name": "own_parts:each", "options": {}}},
        ".loss: own_parts:each: it returns no single number that depends on the outputs; return the mean over examples",
    ),
    "wrong": (
        {"loss": {"name": "own_parts:wrong"}},
        ".loss: own_parts:wrong cannot take the outputs and labels of two examples of shape [1, 8, 8] (",
    ),
}
PARTS = """
import torch
from own_nets import net
del torch.optim.RAdam, torch.optim.lr_scheduler.StepLR
loss = lambda outputs, labels, power: (outputs.abs() ** power).mean()
each = lambda outputs, labels: outputs.sum(1)
wrong = lambda outputs, labels: (outputs - labels).mean()
"""


def test_a_recipe_that_cannot_be_used_is_one_sentence_with_its_key(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_nets.py").write_text(CODE)
    (tmp_path / "own_parts.py").write_text(PARTS)
    tasks = {name: {"network": "own_parts:net", **keys} for name, (keys, _) in RECIPES.items()}
    failed, notes = trial.try_study(load_study(str(own_study(tmp_path, tasks))), tmp_path / "none")
    assert notes == []
    for name, (_, sentence) in RECIPES.items():
        own = [line for line in failed if f": tasks.{name}." in line]
        assert own == [] if sentence is None else sentence in own[0] and len(own) == 1, (name, own)


def test_snakemake_tries_own_networks_before_any_job(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_nets.py").write_text(CODE)
    path = own_study(
        tmp_path,
        {"x": {"network": "own_nets:scores"}, "y": {"dataset": "d"}, "z": {"network": "own_nets:net", "dataset": "d"}},
        datasets={"d": {"read": "own_nets:net", "classes": 2, "full_scale": 1}},
    )
    made = plan.make({"study": str(path), "results": str(tmp_path / "results")})
    work = preflight.all_of(made)
    with pytest.raises(NoisegridError, match=r"tasks\.x\.network: network own_nets:scores: it returns"):
        preflight.check_machine(made, work, local=False)
    inside = plan.make({"study": str(path), "results": str(tmp_path / "results")}, in_containers=True)
    assert "the jobs run in containers" in preflight.try_networks(inside, work)[0]
    work.unfinished[:] = [cell for cell in work.unfinished if cell.task != "x"]
    monkeypatch.setattr(subprocess, "run", None)  # nothing is left to try, so no process starts
    (note,) = preflight.try_networks(made, work)
    assert "tasks.z: network own_nets:net is tried when dataset d is prepared; to try it before, state channels" in note


def test_networks_of_the_catalog_cost_nothing(monkeypatch):
    monkeypatch.setattr(subprocess, "run", None)
    made = plan.make({"study": "paper", "results": "no/results"})
    assert preflight.try_networks(made, preflight.all_of(made)) == []
    assert trial.try_study(made.study, Path("none")) == ([], [])


def test_a_dataset_is_prepared_only_if_the_studys_networks_can_use_it(tmp_path):
    assert noisegrid("init", "mine", "--network", "--dataset", cwd=tmp_path).returncode == 0
    path = tmp_path / "mine.yaml"
    good = path.read_text()
    path.write_text(good.replace("{width: 32}", "{widht: 32}"))
    command = ["prepare-dataset", "mine_data", "--study", "mine.yaml", "--output", "d/manifest.json"]
    done = noisegrid(*command, cwd=tmp_path)
    assert done.returncode == 1 and "unknown option 'widht'; did you mean 'width'?" in done.stdout, done.stdout
    assert not list((tmp_path / "d").iterdir())


def test_a_network_for_a_gpu_that_is_not_here_is_noted_and_not_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_nets.py").write_text("def net(classes, channels, size):\n    raise RuntimeError('No CUDA here')\n")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    made = load_study(str(own_study(tmp_path, {"x": {"network": "own_nets:net"}}, hardware="h200")))
    failed, (note,) = trial.try_study(made, tmp_path)
    assert failed == [] and "it needs a GPU and this machine has none" in note


def test_a_trial_without_end_is_ended_and_noted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_nets.py").write_text("import time\ntime.sleep(99)\ndef net(): ...\n")
    monkeypatch.setattr(trial, "PATIENCE_S", 2)
    made = load_study(str(own_study(tmp_path, {"x": {"network": "own_nets:net"}, "y": {"network": "own_nets:net"}})))
    failed, (note,) = trial.try_study(made, tmp_path)
    assert failed == [] and "tasks.x.network: own_nets:net was not tried to its end" in note
