"""Histories, of which the last value counts, and the exports of trackers. All files are stand-ins, written by hand."""

import pytest

from noisegrid.reading.chart import unfold
from noisegrid.reading.columns import runs_of
from noisegrid.reading.csv_tables import parse
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.sides import read_side
from noisegrid.reading.table import Choice

#: Stand-in for the export of the runs table of Weights & Biases: settings and summary of each run.
WANDB_RUNS = """\
"Name","State","Notes","User","Tags","Created","Runtime","Sweep","_step","epoch","lr","method","seed","val/accuracy","val/loss"
"fluffy-sun-1","finished","-","ada","","2026-01-05T10:00:00.000Z","120","","781","10","0.1","sgd","1","0.912","0.31"
"brisk-sea-2","finished","-","ada","","2026-01-05T10:03:00.000Z","121","","781","10","0.1","sgd","2","0.908","0.33"
"quiet-oak-3","finished","-","ada","","2026-01-05T10:06:00.000Z","119","","781","10","0.1","sam","1","0.921","0.28"
"light-ice-4","crashed","-","ada","","2026-01-05T10:09:00.000Z","19","","104","1","0.1","sam","2","",""
"""
#: Stand-in for the export of a chart of Weights & Biases: a history of each run.
WANDB_CHART = """\
"Step","fluffy-sun-1 - val/loss","fluffy-sun-1 - val/loss__MIN","fluffy-sun-1 - val/loss__MAX",\
"a - b - val/loss","a - b - val/loss__MIN","a - b - val/loss__MAX"
"0","2.3","2.3","2.3","2.2","2.2","2.2"
"10","0.7","0.6","0.8","","",""
"20","0.4","0.3","0.5","0.9","0.8","1.0"
"30","","","","0.5","0.4","0.6"
"""
#: Stand-in for the runs of MLflow, as `mlflow.search_runs().to_csv()` and as the download of its page.
MLFLOW_RUNS = """\
run_id,experiment_id,status,artifact_uri,start_time,end_time,metrics.val_acc,metrics.loss,params.lr,params.seed,tags.mlflow.runName
0a1b,0,FINISHED,file:///a,2026-01-05 10:00:00+00:00,2026-01-05 10:02:00+00:00,0.912,0.31,0.1,1,bold-ant-1
0c2d,0,FINISHED,file:///b,2026-01-05 10:03:00+00:00,2026-01-05 10:05:00+00:00,0.908,0.33,0.1,2,wise-bee-2
"""
MLFLOW_PAGE = """\
Start Time,Duration,Run ID,Name,Source Type,Source Name,User,Status,lr,seed,loss,val_acc
2026-01-05 10:00:00,2.0min,0a1b,bold-ant-1,LOCAL,train.py,ada,FINISHED,0.1,1,0.31,0.912
2026-01-05 10:03:00,2.1min,0c2d,wise-bee-2,LOCAL,train.py,ada,FINISHED,0.1,2,0.33,0.908
"""


def found(text, *choice, **named):
    return runs_of(unfold(parse(text, "base.csv")), Choice(*choice, **named))


def results(text, *choice, **named):
    return [(run.name, run.seed, run.value) for run in found(text, *choice, **named).runs]


def test_runs_of_weights_and_biases():
    rows = results(WANDB_RUNS, "accuracy", where=(("method", "sgd"),))
    assert rows == [("fluffy-sun-1", "1", 0.912), ("brisk-sea-2", "2", 0.908)]
    rows = results(WANDB_RUNS, "accuracy", where=(("method", "sam"), ("State", "finished")))
    assert rows == [("quiet-oak-3", "1", 0.921)]
    with pytest.raises(CannotJudge, match="may be the metric: val/accuracy, val/loss; choose it with --metric"):
        results(WANDB_RUNS, where=(("State", "finished"),))


def test_a_chart_of_weights_and_biases(tmp_path):
    (tmp_path / "chart.csv").write_text(WANDB_CHART)
    runs = read_side([str(tmp_path / "chart.csv")], Choice("loss"))
    assert runs.names == ("fluffy-sun-1", "a - b") and runs.values.tolist() == [0.4, 0.5]
    assert runs.metric == "val/loss" and runs.seeds is None
    what = "last value of column 'val/loss', at Step 20 to 30"
    assert runs.read == ((str(tmp_path / "chart.csv"), what, 8, 2),)
    runs = read_side([str(tmp_path / "chart.csv")], Choice("loss", where=(("run", "a - b"),)))
    assert runs.names == ("a - b",)


def test_a_chart_by_time_has_steps_too():
    text = '"Relative Time (Process)","a - acc","b - acc"\n"1.5","0.5",""\n"2.5","0.25","0.75"\n'
    assert results(text, "acc") == [("a", None, 0.25), ("b", None, 0.75)]


@pytest.mark.parametrize("text", [MLFLOW_RUNS, MLFLOW_PAGE])
def test_runs_of_mlflow(text):
    assert results(text, "val_acc") == [("bold-ant-1", "1", 0.912), ("wise-bee-2", "2", 0.908)]


def test_a_table_with_one_dash_in_a_name_is_no_chart():
    table = parse("seed,lr - base,accuracy\n1,2,3\n", "base.csv")
    assert unfold(table) is table


def test_the_last_value_of_each_run_is_its_result():
    text = "run,step,loss\na,10,3\na,20,1\nb,20,4\nb,10,9\nb,30,\n"
    assert results(text) == [("a", None, 1), ("b", None, 4)]
    assert found(text).what == "last value of column 'loss', at step 20" and found(text).rows == 5
    assert found("epoch,loss\n1,3\n2,2\n").what == "last value of column 'loss', at epoch 2"
    assert found("run,step,loss\na,1,3\na,2,2\nb,1,3\n").what == "last value of column 'loss', at step 1 to 2"


def test_a_history_of_one_run_has_the_name_of_its_file():
    assert results("global_step,loss\n1,3\n2,2\n") == [("base.csv", None, 2)]


def test_runs_of_a_history_are_told_apart_by_their_seeds():
    text = "seed,epoch,loss\n1,1,5\n1,2,4\n2,1,3\n2,2,2\n"
    assert results(text) == [("seed 1 of base.csv", "1", 4), ("seed 2 of base.csv", "2", 2)]
    text = "Name,seed,epoch,loss\nsam,1,1,5\nsam,1,2,4\nsam,2,1,3\nsam,2,2,2\n"
    assert results(text) == [("sam (seed 1)", "1", 4), ("sam (seed 2)", "2", 2)]


def test_a_history_of_two_metrics_at_the_same_steps():
    """PyTorch Lightning writes one row with the loss and another row with the accuracy."""
    text = "epoch,step,train_loss,val_acc\n0,99,0.9,\n0,99,,0.5\n1,199,0.7,\n1,199,,0.6\n"
    assert results(text, "val_acc") == [("base.csv", None, 0.6)]
    assert results(text, "train_loss") == [("base.csv", None, 0.7)]


@pytest.mark.parametrize(
    "step",
    [
        *("time/total_timesteps", "timesteps", "num_timesteps", "training_iteration", "num_updates", "env_steps"),
        *("train/epoch", "my_step", "eval.global_step"),
    ],
)
def test_steps_by_other_names_and_by_the_ends_of_names(step):
    text = f"{step},reward\n1000,1\n2000,5\n3000,4\n"
    assert results(text, "reward") == [("base.csv", None, 4)]


def test_an_epoch_may_be_a_fraction():
    assert results("train/epoch,reward\n0.5,1\n1.5,5\n1.0,4\n", "reward") == [("base.csv", None, 5)]


@pytest.mark.parametrize("name", ["best_epoch", "n_step", "params.step", "max_steps", "steps_per_epoch", "loss_epoch"])
def test_columns_that_end_like_steps_and_count_none(name):
    rows = results(f"{name},reward\n3.5,1\n2.5,5\n7.5,4\n", "reward")
    assert [value for *_, value in rows] == [1, 5, 4]


def test_a_metric_that_ends_like_a_step_is_no_step():
    assert [value for *_, value in results("val_acc_epoch\n93\n92\n", "val_acc_epoch")] == [93, 92]


def counted(name, counts):
    return f"{name},reward\n" + "".join(f"{count},{reward % 7}.5\n" for reward, count in enumerate(counts))


@pytest.mark.parametrize("name", ["frames", "epochs", "batch", "samples_seen"])
def test_a_column_that_counts_up_and_is_no_known_step_is_refused(name):
    message = f"column '{name}' of base.csv counts up from row to row; if the rows are the steps of one run, name it"
    with pytest.raises(CannotJudge, match=message):
        results(counted(name, range(1000, 11000, 1000)), "reward")
    assert len(results(counted(name, range(1000, 10000, 1000)), "reward")) == 9
    assert len(results(counted(name, [1, 2, 3, 4, 5, 6, 7, 8, 9, 9]), "reward")) == 10
    assert len(results(counted(name, [1, 2, 3, 4, 5, 6, 7, 8, 9, 20]), "reward")) == 10
    with_run = counted(f"run,{name}", [f"{run},{1000 * run}" for run in range(12)])
    assert len(results(with_run, "reward")) == 12


@pytest.mark.parametrize("name", ["seed", "run", "index", "trial", "job_id", "fold", "Unnamed: 0", "wall_time"])
def test_a_number_or_a_time_of_a_run_is_no_counter(name):
    assert len(results(counted(name, range(12)), "reward")) == 12


def test_rows_that_ended_at_one_step_are_runs():
    assert [value for *_, value in results("epoch,accuracy\n90,0.5\n90,0.25\n90,0.75\n")] == [0.5, 0.25, 0.75]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # two runs one below the other, with nothing that tells them apart
        (
            "step,loss\n1,3\n2,2\n1,4\n2,3\n",
            "there are 2 values of the loss of base.csv at step 1; name the column that",
        ),
        (
            'step,loss\n999,3\n"1,000",2\n',
            "row 2 of base.csv: '1,000' in column 'step' is no step; write steps with digits alone",
        ),
        # a loss that became NaN is no missing value: the one before it is not the result
        ("step,loss\n1,3\n2,nan\n", "the loss of row 2 of base.csv is nan; leave out the runs that failed"),
        (
            "run,step,loss\na,1,3\na,2,2\nb,1,\nb,2,\n",
            "there is no loss of b: all its rows are empty; leave out the runs",
        ),
    ],
)
def test_a_history_without_a_clear_result_is_refused(text, message):
    with pytest.raises(CannotJudge) as caught:
        found(text, "loss")
    assert str(caught.value).startswith(message)
