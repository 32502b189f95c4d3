"""Files of other tools and of noisegrid itself (see fixtures/README.md), from their paths to the runs of a side."""

import sys
from pathlib import Path

import pytest
from conftest import ROOT
from tensorboard.summary import Writer

from noisegrid.reading import crates, csv_tables, formats, json_tables, lightning, lm_eval, metrics, replicates, trainer
from noisegrid.reading import tensorboard as event_files
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.sides import read_side
from noisegrid.reading.table import Choice

FIXTURES = Path(__file__).parent / "fixtures"
QUICK = ROOT / "docs/results/quick/metrics.csv"
LOGS = sorted((FIXTURES / "lm_eval").iterdir())


def runs(*paths, metric=None, seed=None, **where):
    return read_side([str(path) for path in paths], Choice(metric, seed, tuple(where.items())))


def refusal(*paths, **choice) -> str:
    with pytest.raises(CannotJudge) as caught:
        runs(*paths, **choice)
    return str(caught.value)


@pytest.fixture
def events(tmp_path) -> Path:
    """Event files of three runs with two parts each."""
    for seed in range(3):
        for part, accuracy in (("train", 0.9), ("validation", 0.5 + 0.125 * seed)):
            writer = Writer(str(tmp_path / f"events/seed{seed}/{part}"))
            for step in range(3):
                writer.add_scalar("epoch_accuracy", accuracy - 0.25 * (2 - step), step)
            writer.close()
    return tmp_path / "events"


# --- which format reads a path ---------------------------------------------------------------------------------------


def test_special_formats_come_before_general_ones(events, tmp_path):
    crate = tmp_path / "quick.crate.zip"
    crate.touch()
    folder = tmp_path / "algo/0"
    folder.mkdir(parents=True)
    (folder / "record.json").write_text('{\n "format": 2,\n "noisegrid": "0"}')
    for path, form in {
        QUICK: metrics,
        QUICK.with_name("overhead.csv"): csv_tables,
        FIXTURES / "mlflow/runs.csv": csv_tables,
        FIXTURES / "lightning/version_0/metrics.csv": lightning,
        LOGS[0]: lm_eval,
        LOGS[0].parent: lm_eval,
        FIXTURES / "trainer": trainer,
        FIXTURES / "trainer/run0/trainer_state.json": trainer,
        folder / "record.json": json_tables,
        folder.parent: replicates,
        crate: crates,
        events: event_files,
    }.items():
        assert formats.find(path) is form.FORMAT, path


def test_the_names_of_formats_are_unique():
    assert len({form.name for form in formats.FORMATS}) == len(formats.FORMATS)


# --- other tools -----------------------------------------------------------------------------------------------------


def test_mlflow_runs_of_one_method_with_their_seeds():
    found = runs(FIXTURES / "mlflow/runs.csv", metric="accuracy", method="sam")
    assert found.metric == "accuracy" and found.values.tolist() == [0.73, 0.72, 0.71, 0.7]
    assert found.seeds == ("3", "2", "1", "0") and found.names == ("sam-3", "sam-2", "sam-1", "sam-0")


def test_histories_of_pytorch_lightning_whose_cells_are_partly_empty():
    found = runs(FIXTURES / "lightning", metric="val_loss")
    assert found.values == pytest.approx([0.3957548141479492, 0.22478751838207245, 0.3118508458137512])
    assert {read.what for read in found.read} == {"last value of column 'val_loss', at step 7"}
    assert found.seeds == ("0", "1", "2") and found.metric == "val_loss"  # the seeds are in hparams.yaml


def test_runs_of_the_trainer_of_hugging_face():
    found = runs(FIXTURES / "trainer", metric="eval_loss")
    assert found.names == ("run0", "run1", "run2") and found.values.round(2).tolist() == [2.81, 1.57, 2.02]


def test_scalars_of_tensorboard(events):
    assert "differ in part (train, validation)" in refusal(events)
    assert "differ in part (train, validation)" in refusal(*sorted(events.iterdir()))
    found = runs(events, part="validation")
    assert found.metric == "epoch_accuracy" and found.values.tolist() == [0.5, 0.625, 0.75]
    assert found.names == ("seed0", "seed1", "seed2") and found.seeds is None
    assert runs(*sorted(events.iterdir()), part="validation").names == found.names
    assert "unknown value of 'part': 'valid'" in refusal(events, part="valid")


def test_a_part_of_the_runs_is_no_run_when_its_folders_are_named_together_with_others(events):
    named = [events / "seed0/validation", events / "seed1/validation", events / "seed2/validation"]
    assert runs(*named).values.tolist() == [0.5, 0.625, 0.75]


def test_a_missing_package_is_named_with_its_extra(events, monkeypatch):
    for module in [name for name in sys.modules if name.split(".")[0] == "tensorboard"]:
        monkeypatch.setitem(sys.modules, module, None)
    sentence = refusal(events, part="train")
    assert "needs the package tensorboard; install it with: pip install 'noisegrid[tensorboard]'" in sentence


def test_scores_of_documents_with_their_classes():
    found = runs(FIXTURES / "lm_eval", metric="acc", task="capitals")
    assert found.values.tolist() == [0, 25, 50] and found.examples.scores.dtype == bool
    assert found.examples.classes == ("Berlin", "Paris", "Rome", "Madrid") and found.examples.predicted is not None
    assert runs(FIXTURES / "lm_eval", metric="acc_norm", task="capitals").examples.predicted is None
    assert runs(FIXTURES / "lm_eval", task="sums", filter="flexible").values.tolist() == [50]


def test_files_of_several_tasks_that_are_named_one_by_one():
    assert runs(*LOGS, metric="acc", task="capitals").values.tolist() == [0, 25, 50]
    sentence = refusal(*LOGS, metric="acc", task="capitols")
    assert sentence == "unknown value of 'task': 'capitols'; did you mean 'capitals'?"
    mixed = [path for path in LOGS if "capitals" in path.name or "larger" in path.name]
    sentence = refusal(*mixed, metric="acc")
    assert sentence.startswith("this side has runs that differ in task (capitals, larger); choose some of them")


# --- noisegrid itself ------------------------------------------------------------------------------------------------


def test_runs_of_a_study():
    where = {"task": "smallcnn-digits", "noise": "algo"}
    found = runs(QUICK, **where)
    assert len(found) == 10 and found.metric == "accuracy" and found.seeds is None
    assert found.names[3] == "quick/cpu/smallcnn-digits/algo/3" and len(found.read) == 1 and found.read[0].runs == 10
    assert runs(QUICK, **where, seed="replicate").seeds == tuple(map(str, range(10)))
    held = runs(QUICK, **where | {"noise": "order"}, repeat="0", seed="seed_set")
    assert held.seeds == ("0", "1", "2", "3", "4")
    assert "unknown column 'repeat'" in refusal(QUICK, **where, repeat="0")


def test_runs_that_share_one_seed_set_say_so():
    """The two replicates of seed set 1; those of all sets are no independent runs."""
    where = {"task": "smallcnn-digits", "noise": "order"}
    (read,) = runs(QUICK, **where, seed_set="1").read
    assert read.what == "column 'accuracy', conditional on one seed set" and read.runs == 2
    assert "conditional" not in runs(QUICK, **where, repeat="0").read[0].what
    assert "share the seeds that seed set 0 holds" in refusal(QUICK, **where)


def test_runs_of_several_studies_are_not_mixed():
    where = {"hardware": "cpu", "task": "smallcnn-digits", "noise": "algo"}
    sentence = refusal(QUICK, ROOT / "docs/results/upgrade/metrics.csv", **where)
    assert sentence.startswith("this side has runs that differ in study (quick, upgrade)")
