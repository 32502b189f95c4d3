"""The key `inference` of a study: what it expands to, and one clear message for every mistake."""

from pathlib import Path

import pytest
from factories import cells, study, write_study

from noisegrid.common.errors import NoisegridError
from noisegrid.study import design
from noisegrid.study.resolve import load_study
from noisegrid.study.study import Inference

TASK = "smallcnn-digits"
BLOCKS = (cells(hardware="cpu", replicates=3), cells(hardware="cpu_sse41", replicates=3))


def written(folder: Path, *entries: dict) -> str:
    return str(write_study(folder, study(*BLOCKS, inference=list(entries))))


def test_an_entry_means_every_hardware_that_has_the_cell(tmp_path):
    found = load_study(written(tmp_path, {"task": TASK})).inference
    assert found == (Inference("cpu", TASK, "control"), Inference("cpu_sse41", TASK, "control"))
    assert found[0].cell == f"cpu/{TASK}/control"


def test_what_an_entry_states_is_kept_and_is_read_from_the_design(tmp_path):
    entry = {"task": TASK, "noise": "algo", "hardware": "cpu", "replicate": 2, "batch_sizes": [4, 1], "examples": 8}
    loaded = load_study(written(tmp_path, entry | {"threads": [2]}))
    assert loaded.inference == (Inference("cpu", TASK, "algo", 2, (4, 1), (2,), 8),)
    design.write(loaded, tmp_path / "design.json")
    assert design.read(tmp_path / "design.json").inference == loaded.inference


def test_the_design_of_a_study_without_it_does_not_mention_it(tmp_path):
    assert "inference" not in design.document_of(load_study(str(write_study(tmp_path, study(*BLOCKS)))))


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([{"task": "smallcnn-digit"}], r"inference\[0\]: unknown cell 'cpu/smallcnn-digit/control'; did you mean"),
        ([{"task": TASK, "noise": "init"}], r"unknown cell 'cpu/smallcnn-digits/init'"),
        ([{"task": TASK, "replicate": 3}], "replicate 3 of cpu/smallcnn-digits/control does not exist; write 0 to 2"),
        ([{"task": TASK, "examples": 100}], "examples: 100 are less than two batches; write 128 or more"),
        ([{"task": TASK}, {"task": TASK}], r"inference\[1\]: the cell cpu/smallcnn-digits/control is named twice"),
        ([{"noise": "algo"}], "task"),
    ],
)
def test_a_mistake_is_one_message(tmp_path, entries, message):
    with pytest.raises(NoisegridError, match=message):
        load_study(written(tmp_path, *entries))


def test_a_gpu_is_refused(tmp_path):
    document = study(cells(hardware="h100"), inference=[{"task": TASK}])
    with pytest.raises(NoisegridError, match=r"h100/smallcnn-digits/control is not trained on a CPU; name hardware"):
        load_study(str(write_study(tmp_path, document)))
