"""Runs that did not finish, by the state that trackers export: their last value is no result."""

import pytest

from noisegrid.reading.columns import runs_of
from noisegrid.reading.csv_tables import parse
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.table import Choice


def values(text: str, metric: str | None = "acc", **where: str) -> list[float]:
    return [run.value for run in runs_of(parse(text, "base.csv"), Choice(metric, where=tuple(where.items()))).runs]


def refusal(text: str, **where: str) -> str:
    with pytest.raises(CannotJudge) as caught:
        values(text, **where)
    assert str(caught.value).isprintable()
    return str(caught.value)


WANDB = "Name,State,method,acc\na,finished,sgd,0.5\nb,crashed,sgd,0.25\nc,finished,sam,0.75\nd,running,sam,\n"


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({}, "2 of 4 rows from base.csv are of runs that did not finish (State crashed, running)"),
        ({"method": "sgd"}, "1 of 2 rows from base.csv is of a run that did not finish (State crashed)"),
        ({"method": "sam"}, "1 of 2 rows from base.csv is of a run that did not finish (State running)"),
    ],
)
def test_a_run_that_did_not_finish_has_no_result(where, message):
    remedy = "; keep those that did with --where State=finished, and say so where you report the result"
    assert refusal(WANDB, **where) == message + remedy


def test_rows_may_be_chosen_by_their_state():
    assert values(WANDB, State="finished") == [0.5, 0.75]
    assert values(WANDB, state="crashed") == [0.25]  # whoever asks for it
    assert "is empty; leave out the runs that failed" in refusal(WANDB, State="running")


@pytest.mark.parametrize(
    ("column", "finished", "other"),
    [
        ("status", "FINISHED", "FAILED"),  # MLflow
        ("Status", "FINISHED", "RUNNING"),
        ("state", "COMPLETE", "PRUNED"),  # Optuna
        ("state", "finished", "no such word"),
    ],
)
def test_the_remedy_is_spelled_as_in_the_file(column, finished, other):
    sentence = refusal(f"{column},acc\n{other},0.5\n{finished},0.25\n")
    assert f"({column} {other}); keep those that did with --where {column}={finished}," in sentence


def test_the_words_of_the_remedy_are_those_of_the_whole_table():
    text = "method,state,acc\nsgd,Finished,0.5\nsam,failed,0.25\n"
    assert "--where state=Finished" in refusal(text, method="sam")


def test_where_no_run_finished():
    """A script that does not end its run leaves it running in MLflow."""
    text = "status,acc\nRUNNING,0.5\nRUNNING,0.25\n"
    assert refusal(text).endswith(
        "; give it the results of runs that finished, or choose them with --where status=RUNNING if they did"
    )
    assert values(text, status="RUNNING") == [0.5, 0.25]


@pytest.mark.parametrize(
    "text",
    [
        "state,acc\nfinished,0.5\nFINISHED,0.25\n",
        "State,acc\nfinished,0.5\n,0.25\n",  # unknown
        "state,acc\nOhio,0.5\nUtah,0.25\n",  # of another kind
        "status,acc\n0,0.5\n1,0.25\n",
        "loss.state,acc\ncrashed,0.5\nfinished,0.25\n",
    ],
)
def test_other_columns_say_nothing_about_runs(text):
    assert values(text) == [0.5, 0.25]


def test_both_columns_count():
    assert "(status FAILED)" in refusal("state,status,acc\nOhio,FINISHED,0.5\nUtah,FAILED,0.25\n")


def test_the_history_of_a_run_that_did_not_finish():
    text = "run,state,step,acc\na,finished,1,0.5\na,finished,2,0.75\nb,crashed,1,0.25\nb,crashed,2,0.25\n"
    assert refusal(text).startswith("2 of 4 rows from base.csv are of runs that did not finish (state crashed)")
    assert values(text, state="finished") == [0.75]


def test_the_state_of_an_example_is_not_that_of_a_run():
    found = runs_of(parse("id,status,correct\na,failed,0\nb,finished,1\n", "base.csv"), Choice())
    assert len(found.runs) == 1 and found.runs[0].scores is not None


def test_hostile_names_are_shown_and_do_nothing():
    sentence = refusal("state,acc\n\x1b[2J; rm,0.5\nfinished now,0.25\nkilled,0.5\n")
    assert "\x1b" not in sentence and "--where 'state=" in sentence
