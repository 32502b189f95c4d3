"""Sample logs that lm-evaluation-harness wrote with its dummy model (see fixtures/README.md), and damaged ones."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from noisegrid.reading import lm_eval
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.table import Choice

LOGS = Path(__file__).parent / "fixtures/lm_eval"
CAPITALS = sorted(LOGS.glob("samples_capitals_*"))
(LARGER,), (SUMS,), (TEXTS,) = (sorted(LOGS.glob(f"samples_{task}_*")) for task in ("larger", "sums", "texts"))


def read(path, metric=None, **where):
    return lm_eval.read(path, Choice(metric, where=tuple(where.items())))


def columns(path, metric=None, **where) -> dict:
    """Return the columns of the only run as lists."""
    (table,) = read(path, metric, **where)
    return {name: values.tolist() for name, values in table.columns.items()}


def refusal(path, metric=None, **where) -> str:
    with pytest.raises(CannotJudge) as caught:
        read(path, metric, **where)
    return str(caught.value)


def rewritten(folder, path, change, name="samples_t_2026-01-01T00-00-00.jsonl") -> Path:
    """Write a log with another content of its samples, and return its path."""
    samples = [json.loads(line) for line in path.read_text().splitlines()]
    samples = [change(sample) or sample for sample in samples]
    (folder / name).write_text("".join(json.dumps(sample) + "\n" for sample in samples))
    return folder / name


def test_each_file_is_a_run_with_the_scores_of_each_document():
    tables = read(LOGS, "acc_norm", task="capitals")
    assert [table.origin for table in tables] == [str(path) for path in CAPITALS]
    assert [table.constants["run"] for table in tables] == [f"lm_eval/{path.stem[8:]}" for path in CAPITALS]
    assert all(table.constants["task"] == "capitals" for table in tables)
    scores = [table.columns["acc_norm"].tolist() for table in tables]
    assert scores == [[0, 0, 0, 0], [0, 0, 0, 1], [1, 1, 0, 0]]
    for table in tables:
        assert table.columns["id"].tolist() == [0, 1, 2, 3] and table.columns["acc_norm"].dtype == bool
        assert table.columns.keys() == {"id", "acc", "acc_norm"}  # the likelihoods alone do not explain acc_norm


def test_the_choices_of_the_model_are_predictions_of_acc():
    found = columns(CAPITALS[1], "acc")
    assert found["label"] == ["Berlin", "Paris", "Rome", "Madrid"]
    assert found["prediction"] == ["Rome", "Madrid", "Madrid", "Madrid"]  # by hand, the largest likelihood of each line
    assert found["acc"] == [False, False, False, True]


def test_choices_that_differ_between_documents_are_numbered():
    found = columns(LARGER)
    assert found["label"] == ["choice 2", "choice 1"] and found["prediction"] == ["choice 1", "choice 2"]


@pytest.mark.parametrize(
    "change",
    [
        lambda sample: sample.update(acc=1.0 - sample["acc"]),  # the task computes it in another way
        lambda sample: sample.update(target="[0, 2]"),  # several right choices
        lambda sample: sample.update(target=-100),
        lambda sample: sample.pop("filtered_resps"),
        lambda sample: sample.update(arguments={}),
    ],
)
def test_predictions_that_do_not_explain_the_scores_are_left_out(tmp_path, change):
    assert "prediction" in columns(CAPITALS[0], "acc")
    found = columns(rewritten(tmp_path, CAPITALS[0], lambda sample: change(sample) and None), "acc")
    assert found.keys() == {"id", "acc", "acc_norm"}


def test_logs_of_earlier_releases_have_no_list_of_metrics_no_filter_and_other_arguments(tmp_path):
    def earlier(sample):
        arguments = [[one["arg_0"], one["arg_1"]] for one in sample["arguments"].values()]
        dropped = ("metrics", "filter", "doc_hash", "prompt_hash", "target_hash")
        return {name: value for name, value in (sample | {"arguments": arguments}).items() if name not in dropped}

    assert columns(rewritten(tmp_path, CAPITALS[1], earlier), "acc") == columns(CAPITALS[1], "acc")


def test_scores_that_are_not_zero_or_one_are_numbers(tmp_path):
    path = rewritten(tmp_path, SUMS, lambda sample: sample.update(exact_match=0.5))
    (table,) = read(path, filter="strict")
    assert table.columns["exact_match"].dtype == float and table.columns["exact_match"].tolist() == [0.5, 0.5]
    path = rewritten(tmp_path, SUMS, lambda sample: {**sample, "metrics": ["toxic"], "toxic": 1})
    assert read(path, filter="strict")[0].columns["toxic"].dtype == float  # 1 does not mean correct


# --- tasks, filters and metrics to choose ----------------------------------------------------------------------------


def test_several_tasks_need_a_choice():
    sentence = refusal(LOGS)
    assert "differ in task (capitals, larger, sums, texts); choose" in sentence
    assert sentence.endswith("as in --where task=capitals")
    assert len(read(LOGS, task="capitals")) == 3
    assert refusal(LOGS, task="capitol").endswith("unknown value of 'task': 'capitol'; did you mean 'capitals'?")


def test_several_filters_need_a_choice():
    sentence = refusal(SUMS)
    assert "differ in filter (flexible, strict)" in sentence and sentence.endswith("as in --where filter=strict")
    assert columns(SUMS, filter="strict") == {"id": [0, 1], "exact_match": [False, False]}
    assert columns(SUMS, filter="flexible") == {"id": [0, 1], "exact_match": [False, True]}


def test_a_perplexity_has_no_score_of_a_document(tmp_path):
    assert "no metric (bits_per_byte, word_perplexity) has one number for each document" in refusal(TEXTS)
    mixed = rewritten(tmp_path, TEXTS, lambda sample: {**sample, "metrics": [*sample["metrics"], "acc"], "acc": 1})
    sentence = refusal(mixed, "word_perplexity")
    assert sentence.endswith("word_perplexity does not have one number for each document; choose one of acc")
    assert columns(mixed, "acc") == {"id": [0, 1], "acc": [True, True]}


# --- recognizing and refusing ----------------------------------------------------------------------------------------


def test_logs_are_recognized_by_name_or_by_their_first_bytes(tmp_path):
    assert lm_eval.recognizes(LOGS) and lm_eval.recognizes(LOGS.parent) and lm_eval.recognizes(SUMS)
    renamed = shutil.copy(LARGER, tmp_path / "base.jsonl")
    assert lm_eval.recognizes(renamed) and "task" not in read(renamed)[0].constants
    assert not lm_eval.recognizes(tmp_path) and not lm_eval.recognizes(tmp_path / "missing.jsonl")
    other = tmp_path / "other.jsonl"
    other.write_text('{"accuracy": 0.5}\n')
    assert not lm_eval.recognizes(other)
    assert not lm_eval.recognizes(shutil.copy(LARGER, tmp_path / "base.txt"))


def test_damaged_logs_are_refused(tmp_path):
    whole = LARGER.read_bytes()
    path = tmp_path / LARGER.name
    for content, words in [
        (whole[:-3], ", line 2 is not JSON: the file is damaged, or still being written"),
        (b"", " is empty"),
        (b"[" * 100_000, ", line 1 is not JSON"),
        (b"[1]\n", ", line 1 is no sample of lm-evaluation-harness"),
        (b'{"acc": 1}\n', ", line 1 has no doc_id"),
        (b'{"doc_id": [1], "acc": 1}\n', ", line 1 has no doc_id"),
        (whole + whole, " has the document 0 twice"),
        (whole, ""),
    ]:
        path.write_bytes(content)
        if words:
            assert refusal(path).startswith(f"{path}{words}"), words
        else:
            assert len(read(path)) == 1


def test_numbers_that_are_too_large_are_refused(tmp_path):
    path = rewritten(tmp_path, LARGER, lambda sample: sample.update(acc=10**400))
    assert refusal(path) == f"{path}: a score of acc is too large; is the file damaged?"
    likely = [[10**400, False], [0, True]]
    path = rewritten(tmp_path, LARGER, lambda sample: sample.update(filtered_resps=likely))
    assert "prediction" not in columns(path)  # which are left out, like others that do not explain the score


def test_large_lines_are_not_read(monkeypatch):
    monkeypatch.setattr(lm_eval, "LINE", 100)
    assert ", line 1 is no sample" in refusal(LARGER)


def test_ids_may_be_texts_and_large_numbers_are_texts(tmp_path):
    path = rewritten(tmp_path, LARGER, lambda sample: sample.update(doc_id=f"q{sample['doc_id']}"))
    assert columns(path)["id"] == ["q0", "q1"]
    path = rewritten(tmp_path, LARGER, lambda sample: sample.update(doc_id=sample["doc_id"] + 10**30))
    assert columns(path)["id"] == [str(10**30), str(10**30 + 1)]
    path = rewritten(tmp_path, LARGER, lambda sample: sample.update(acc=float("nan")))
    assert np.isnan(read(path)[0].columns["acc"]).all()  # which the checks of the results refuse
