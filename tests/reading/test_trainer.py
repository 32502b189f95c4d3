"""The trainer_state.json that the Trainer of Hugging Face transformers wrote (see fixtures/README.md)."""

import json
import math
import shutil
from pathlib import Path

import pytest

from noisegrid.reading import trainer
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.table import Choice

RUNS = Path(__file__).parent / "fixtures/trainer"
STATE = RUNS / "run0/trainer_state.json"


def read(path, metric="eval_loss", **where) -> dict[str, float]:
    """Return the value of a metric for each run."""
    tables = trainer.read(path, Choice(where=tuple(where.items())))
    assert all(len(values) == 1 for table in tables for values in table.columns.values())
    return {table.constants["run"]: float(table.columns[metric][0]) for table in tables}


def refusal(path) -> str:
    with pytest.raises(CannotJudge) as caught:
        read(path)
    return str(caught.value)


def state(path, *logged) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"log_history": logged}))
    return path


def test_the_last_logged_value_of_each_run_counts():
    losses = {"run0": 2.8062551021575928, "run1": 1.572386503219604, "run2": 2.0158421993255615}
    assert read(RUNS) == pytest.approx(losses, abs=1e-6) and list(read(RUNS)) == list(losses)
    assert read(STATE) == read(RUNS / "run0") == {"run0": 2.8062551021575928}  # not that of the first epoch, 2.80634
    assert read(RUNS, "step") == dict.fromkeys(losses, 2)
    assert list(read(RUNS, run="run1")) == ["run1"]


def test_the_last_checkpoint_of_a_run_counts(tmp_path, monkeypatch):
    for steps in (500, 1000, 90):
        state(tmp_path / f"a/checkpoint-{steps}/trainer_state.json", {"eval_loss": steps / 1000})
    assert read(tmp_path) == read(tmp_path / "a") == {"a": 1.0}
    assert read(tmp_path / "a/checkpoint-500/trainer_state.json") == {"a": 0.5}
    monkeypatch.chdir(tmp_path / "a/checkpoint-500")
    assert read(Path("trainer_state.json")) == read(Path()) == {"a": 0.5}
    state(tmp_path / "b/trainer_state.json", {"eval_loss": 2})
    shutil.copy(tmp_path / "b/trainer_state.json", tmp_path / "a")  # saved after training, beside the checkpoints
    assert read(tmp_path) == {"a": 2.0, "b": 2.0}


def test_nan_stays_and_texts_are_no_metrics(tmp_path):
    path = state(
        tmp_path / "a/trainer_state.json", {"eval_loss": 1, "note": "0.5", "best": True}, {"eval_loss": math.nan}
    )
    (table,) = trainer.read(path, Choice())
    assert table.columns.keys() == {"eval_loss"} and math.isnan(table.columns["eval_loss"][0])


def test_only_files_of_this_name_are_recognized(tmp_path):
    assert trainer.recognizes(STATE) and trainer.recognizes(RUNS)
    (tmp_path / ".hidden").mkdir()
    shutil.copy(STATE, tmp_path / ".hidden")
    shutil.copy(STATE, tmp_path / "state.json")
    assert not trainer.recognizes(tmp_path) and not trainer.recognizes(tmp_path / "state.json")
    assert not trainer.recognizes(tmp_path / "trainer_state.json")


LARGE = f'{{"log_history": [{{"loss": 1{"0" * 400}}}]}}'

DAMAGED = ["{", "[]", "{}", '{"log_history": 1}', '{"log_history": [1]}', "[" * 99_999, LARGE]


@pytest.mark.parametrize("content", DAMAGED)
def test_damaged_files_are_refused(tmp_path, content):
    path = tmp_path / "trainer_state.json"
    path.write_text(content)
    assert refusal(path).startswith(f"{path} is damaged, or still being written")
    path.write_text('{"log_history": []}')
    assert refusal(path).startswith(f"{path} has no logged values")


def test_large_files_are_not_read(monkeypatch):
    monkeypatch.setattr(trainer, "TEXT_BYTES", 1000)
    assert "bytes (limit: 1,000)" in refusal(STATE)
