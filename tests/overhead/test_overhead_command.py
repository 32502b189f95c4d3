"""What `noisegrid overhead` refuses before it times anything, and which files it leaves."""

import csv
import dataclasses
import hashlib
import json
from pathlib import Path

import pytest
from conftest import noisegrid
from torch import nn

from noisegrid.cli import main
from noisegrid.common.errors import NoisegridError
from noisegrid.overhead import summary
from noisegrid.overhead.session import SLOW_S, Session
from noisegrid.runtime.hardware import entry
from noisegrid.study.arms import timed_network

COMMON = {"study": "", "hardware": "cpu", "device": "d", "uuid": "", "versions": "v", "note": "", "image": None}
FEW = {"size": 8, "batch_size": 2, "processes": 1, "blocks": 1, "steps": 1}


@pytest.fixture(autouse=True)
def workspace(monkeypatch):
    """The command sets this variable before anything is timed."""
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def tiny(classes: int, channels: int, size: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * size**2, classes))


def timing(names=("default",)):
    return timed_network("cpu", "test_overhead_command:tiny", list(names), "test", **FEW)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["gpt", "--size", "32"], "--size: gpt is timed at 256 tokens and at no other size; leave --size out"),
        (["resnet18", "--size", "64"], "--size: resnet18 is timed at 32 px and at no other size; leave --size out"),
        (["gpt", "--inputs", "tokens"], "--inputs: gpt takes tokens (networks.yaml says so); leave --inputs out"),
        (["all", "--inputs", "tokens"], "--inputs: smallcnn takes images (networks.yaml says so); leave --inputs out"),
        (["gpt", "gpt", "--size", "5"], "leave --size out"),
        (["smallcnn", "--inputs", "token"], "--inputs: unknown kind of inputs 'token'; did you mean 'tokens'?"),
        (["--study", "quick", "--blocks", "2"], "--blocks: the study says it; leave --blocks out, or edit the study"),
        (["--study", "quick", "--batch-size", "2"], "--batch-size: the study says it; leave --batch-size out"),
    ],
)
def test_options_that_do_not_fit_are_refused(capsys, words, sentence):
    assert main.main(["overhead", "--hardware", "cpu", *words]) == 2
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1


def test_a_size_holds_for_the_networks_that_can_have_it(capsys):
    assert main.main(["overhead", "--explain", "gpt", "mediumcnn_k1", "--size", "32"]) == 0
    note = "note: gpt is timed at 256 tokens and at no other size; --size is that of the other networks\n"
    assert capsys.readouterr().err == note


def test_an_unknown_network_says_how_to_name_ones_own(capsys):
    assert main.main(["overhead", "--hardware", "cpu", "transformer"]) == 1
    assert "; name a network of your own as package.module:function" in capsys.readouterr().err


def test_an_interrupted_call_leaves_the_earlier_result(tmp_path, monkeypatch):
    """The second call has other settings and ends in its profile: CSV, checksum and JSON stay as they were."""
    assert summary.time_and_print(timing(), entry("cpu"), COMMON, tmp_path)
    folder = tmp_path / "cpu"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    name = "test_overhead_command.tiny"
    assert set(before) == {f"{name}.csv", f"{name}.csv.sha256", f"{name}.json"}

    def interrupted(self):
        raise NoisegridError("interrupted")

    with monkeypatch.context() as context:
        context.setattr(Session, "_profile", interrupted)
        assert not summary.time_and_print(timing(["deterministic"]), entry("cpu"), COMMON, tmp_path)
    assert {path: (folder / path).read_bytes() for path in before} == before
    partial = folder / f"{name}.csv.partial"
    assert "deterministic" in partial.read_text()

    assert summary.time_and_print(timing(["deterministic"]), entry("cpu"), COMMON, tmp_path)
    assert not partial.exists()
    content = (folder / f"{name}.csv").read_bytes()
    assert {row["arm"] for row in csv.DictReader(content.decode().splitlines())} == {"default", "deterministic"}
    assert (folder / f"{name}.csv.sha256").read_text().startswith(hashlib.sha256(content).hexdigest())
    assert json.loads((folder / f"{name}.json").read_text())["planned"]["arms"] == ["default", "deterministic"]


def test_a_csv_is_never_beside_the_json_of_another_result(tmp_path, monkeypatch):
    assert summary.time_and_print(timing(), entry("cpu"), COMMON, tmp_path)
    assert summary.is_timed(timing(), tmp_path, None)

    move = Path.replace

    def fail_at_the_end(path, target):
        if Path(target).suffix == ".json":
            raise OSError("killed")
        return move(path, target)

    monkeypatch.setattr(Path, "replace", fail_at_the_end)
    with pytest.raises(OSError, match="killed"):
        summary.time_and_print(timing(["deterministic"]), entry("cpu"), COMMON, tmp_path)
    assert not summary.is_timed(timing(), tmp_path, None)


def test_a_full_disk_leaves_the_earlier_result(tmp_path, monkeypatch):
    assert summary.time_and_print(timing(), entry("cpu"), COMMON, tmp_path)
    before = {path: path.read_bytes() for path in (tmp_path / "cpu").iterdir()}

    def full(path, text):
        if ".json" in path.name:
            raise NoisegridError("the disk is full")
        path.write_text(text)

    monkeypatch.setattr(summary, "write_text", full)
    with pytest.raises(NoisegridError, match="the disk is full"):
        summary.time_and_print(timing(["deterministic"]), entry("cpu"), COMMON, tmp_path)
    assert {path: path.read_bytes() for path in before} == before


def test_a_result_of_a_release_without_inputs_and_classes_is_kept(tmp_path):
    assert summary.time_and_print(timing(), entry("cpu"), COMMON, tmp_path)
    path = tmp_path / "cpu/test_overhead_command.tiny.json"
    about = json.loads(path.read_text())
    del about["planned"]["inputs"], about["planned"]["classes"]
    path.write_text(json.dumps(about))
    assert summary.is_timed(timing(), tmp_path, None)
    about["planned"]["steps"] = 2
    path.write_text(json.dumps(about))
    assert not summary.is_timed(timing(), tmp_path, None)


def test_a_long_timing_is_announced_with_what_makes_it_shorter(capsys):
    """Two arms, one process: 3 steps of warm-up, 2 + 1 of a block and 1 + 2 profiled ones; 6 more are compared."""
    found = Session(timing(["deterministic"]), entry("cpu"), COMMON, None)
    found.running, found.step_s = [None, None], [SLOW_S / 15] * 2  # (9 + 6) steps of each arm: two hours
    found._announce()
    said = capsys.readouterr().out
    assert said.startswith("cpu/test_overhead_command.tiny: about 2 h for 2 arms, by the first steps; fewer arms")
    found.step_s = [1.0, 1.0]
    found._announce()
    assert capsys.readouterr().out == "cpu/test_overhead_command.tiny: about 30 s for 2 arms, by the first steps\n"
    found.step_s = [0.01, 0.01]
    found._announce()
    assert capsys.readouterr().out == ""


def test_a_slow_first_step_is_announced_for_each_later_process(capsys):
    """Compilation takes a minute in each of five processes; the first has it behind it."""
    planned = dataclasses.replace(timing(), processes=5)
    found = Session(planned, entry("cpu"), COMMON, None)
    found.running, found.step_s, found.first_s = [None], [0.0], [60.0]
    found._announce()
    assert "about 4 min for 1 arms" in capsys.readouterr().out


@pytest.mark.slow
def test_a_small_transformer_of_ones_own_is_timed_and_explained(tmp_path):
    (tmp_path / "my_net.py").write_text(
        "from torch import nn\n"
        "class Model(nn.Module):\n"
        "    def __init__(self, classes, context):\n"
        "        super().__init__()\n"
        "        self.tokens, self.head = nn.Embedding(classes, 8), nn.Linear(8, classes)\n"
        "        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)\n"
        "    def forward(self, x):\n"
        "        return self.head(self.layer(self.tokens(x)))\n"
    )
    words = ["overhead", "my_net:Model", "--hardware", "cpu", "--inputs", "tokens", "--size", 16, "--classes", 50]
    words += ["--batch-size", 2, "--processes", 1, "--blocks", 1, "--steps", 1, "--arms", "deterministic"]
    done = noisegrid(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "16 tokens, batch 2" in done.stdout and "no interval (one process)" in done.stdout
    done = noisegrid(*words, "--explain", cwd=tmp_path)
    assert "my_net.Model: aten::scaled_dot_product_attention may vary" in done.stdout
