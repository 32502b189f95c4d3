"""design.json: the resolved study, as the call that starts the work writes it and every job reads it."""

import json

import pytest
import yaml
from conftest import TINY, noisegrid

from noisegrid.common.errors import NoisegridError
from noisegrid.planning import plan
from noisegrid.runtime import devices
from noisegrid.study import design, resolve
from noisegrid.study.resolve import load_study


@pytest.mark.parametrize("name", [str(TINY), "quick", "fashion", "paper", "upgrade"])
def test_what_is_read_is_what_was_written(tmp_path, name):
    study = load_study(name)
    design.write(study, tmp_path / "design.json")
    again = design.read(tmp_path / "design.json")
    assert again.cells == study.cells and [cell.digest for cell in again.cells] == [c.digest for c in study.cells]
    assert again.timed_networks == study.timed_networks and again.name == study.name
    assert again.datasets == {name: study.datasets[name] for name in study.values("dataset")}
    assert resolve.load(str(tmp_path / "design.json")).cells == study.cells
    assert design.changes(study, tmp_path / "design.json") == []


def test_auto_means_the_machine_that_planned(tmp_path, monkeypatch):
    """A job on a node with another device works on the cells of the plan."""
    document = yaml.safe_load(TINY.read_text())
    document["cells"] = document["cells"][:1]
    document["cells"][0]["hardware"] = ["auto"]
    (tmp_path / "auto.yaml").write_text(yaml.safe_dump(document))
    config = {"study": str(tmp_path / "auto.yaml"), "results": str(tmp_path / "results"), "datasets": "d"}
    plan.write_design(plan.make(config))
    monkeypatch.setattr(devices, "gpus", lambda: {"GPU-1": "NVIDIA H100 80GB HBM3"})
    assert plan.make(config).study.values("hardware") == ["h100"]
    assert plan.make(config, in_job=True).study.values("hardware") == ["cpu"]


def test_a_change_is_named_and_only_what_it_contradicts_is_refused(tmp_path):
    noisegrid("plan", TINY, "--write", cwd=tmp_path)
    assert (tmp_path / "results/tiny/design.json").exists()
    (tmp_path / "more.yaml").write_text(TINY.read_text().replace("replicates: 4", "replicates: 6"))
    done = noisegrid("plan", "more.yaml", cwd=tmp_path)
    assert "study tiny changed since it was last run: cpu/tiny-digits/one_ulp: replicates: 4 -> 6" in done.stdout
    assert done.returncode == 0
    (tmp_path / "other.yaml").write_text(TINY.read_text().replace("epochs: 2", "epochs: 3"))
    done = noisegrid("plan", "other.yaml", cwd=tmp_path)
    assert "task.epochs: 2 -> 3" in done.stdout and "and 16 more changes" in done.stdout, done.stdout


def test_writing_the_same_again_leaves_the_file_alone(tmp_path):
    path = tmp_path / "design.json"
    design.write(load_study(str(TINY)), path)
    before = path.stat().st_mtime_ns
    design.write(load_study(str(TINY)), path)
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda text: text[:-9], "truncated or edited"),
        (lambda text: text.replace('"format": 2', '"format": 99'), "written by another release"),
        (lambda text: "[]", "written by another release"),
        (lambda text: json.dumps({"format": 2}), "was edited"),
    ],
)
def test_a_damaged_design_is_named_with_its_remedy(tmp_path, harm, message):
    path = tmp_path / "design.json"
    design.write(load_study(str(TINY)), path)
    path.write_text(harm(path.read_text()))
    with pytest.raises(NoisegridError, match=rf"design\.json .*{message}.*delete it and run Snakemake"):
        design.read(path)
