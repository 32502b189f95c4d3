"""Event files that PyTorch's writer and TensorBoard's own writer write, and what may be wrong with them."""

import math
import struct
import subprocess
import sys

import numpy as np
import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c
from tensorboard.summary import Writer
from tensorboard.util.tensor_util import make_tensor_proto
from torch.utils.tensorboard import SummaryWriter

from noisegrid.reading import event_files, tensorboard
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.table import Choice


def log(folder, writer=SummaryWriter, start=0, **scalars):
    """Write one event file with the values of scalars at consecutive steps, and return its path."""
    known = set(folder.glob("*tfevents*"))
    open_file = writer(str(folder))
    for tag, values in scalars.items():
        for step, value in enumerate(values, start):
            open_file.add_scalar(tag.replace("__", "/"), value, step)
    open_file.close()
    (path,) = set(folder.glob("*tfevents*")) - known
    return path


def read(path, metric=None, **where):
    """Read the last values as a dictionary for each run, by its name."""
    tables = tensorboard.read(path, Choice(metric, where=tuple(where.items())))
    assert all(values.shape == (1,) for table in tables for values in table.columns.values())
    return {
        table.constants["run"]: {tag: float(values[0]) for tag, values in table.columns.items() if tag != "step"}
        for table in tables
    }


def refusal(path, metric=None, **where) -> str:
    with pytest.raises(CannotJudge) as caught:
        read(path, metric, **where)
    return str(caught.value)


@pytest.mark.parametrize("writer", [SummaryWriter, Writer])
def test_the_last_value_of_each_scalar_counts_in_both_formats_of_scalars(tmp_path, writer):
    path = log(tmp_path / "sgd", writer, loss=[3.0, 1.0, 2.0], val__accuracy=[0.25, 0.5])
    expected = {"sgd": {"loss": 2.0, "val/accuracy": 0.5}}
    assert read(tmp_path / "sgd") == read(tmp_path) == read(path) == expected
    assert (
        tensorboard.recognizes(tmp_path / "sgd") and tensorboard.recognizes(tmp_path) and tensorboard.recognizes(path)
    )


def test_the_last_step_is_known_unless_a_scalar_has_its_name(tmp_path):
    log(tmp_path / "a", start=5, loss=[3.0, 1.0], accuracy=[0.5])
    (table,) = tensorboard.read(tmp_path / "a", Choice())
    assert table.columns["step"].tolist() == [6]
    log(tmp_path / "b", start=5, step=[0.5])
    (table,) = tensorboard.read(tmp_path / "b", Choice())
    assert table.columns["step"].tolist() == [0.5]


def test_the_two_writers_write_different_formats(tmp_path):
    """Otherwise the test above would test one format twice."""
    old, new = log(tmp_path / "a", SummaryWriter, x=[1.0]), log(tmp_path / "b", Writer, x=[1.0])
    assert b"scalars" not in old.read_bytes() and b"scalars" in new.read_bytes()


def test_a_last_value_that_is_nan_stays_nan(tmp_path):
    log(tmp_path / "run", loss=[1.0, math.nan], accuracy=[math.nan, 0.5])
    values = read(tmp_path)["run"]
    assert math.isnan(values["loss"]) and values["accuracy"] == 0.5


def test_text_histograms_and_images_are_no_scalars(tmp_path):
    with SummaryWriter(str(tmp_path / "run")) as writer:
        writer.add_text("note", "0.5")
        writer.add_histogram("weights", np.arange(5.0))
        writer.add_image("image", np.zeros((3, 4, 4)))
    assert "has no scalars" in refusal(tmp_path)
    log(tmp_path / "run", accuracy=[0.5])
    assert read(tmp_path) == {"run": {"accuracy": 0.5}}


def test_a_tensor_that_only_claims_to_be_a_scalar_is_not_expanded(tmp_path):
    event = Event()
    value = event.summary.value.add(tag="bomb")
    value.metadata.plugin_data.plugin_name = "scalars"
    value.tensor.dtype = 1
    value.tensor.float_val.append(1.0)
    value.tensor.tensor_shape.dim.add(size=1 << 40)
    path = log(tmp_path / "run", accuracy=[0.5])
    path.write_bytes(path.read_bytes() + record(event.SerializeToString()))
    assert read(tmp_path) == {"run": {"accuracy": 0.5}}


def test_a_number_of_another_plugin_is_no_scalar(tmp_path):
    event = Event()
    value = event.summary.value.add(tag="_hparams_/session_start_info", tensor=make_tensor_proto(0.0))
    value.metadata.plugin_data.plugin_name = "hparams"
    path = log(tmp_path / "run", accuracy=[0.5])
    path.write_bytes(path.read_bytes() + record(event.SerializeToString()))
    assert read(tmp_path) == {"run": {"accuracy": 0.5}}


def record(content: bytes, length: int | None = None) -> bytes:
    header = struct.pack("<Q", len(content) if length is None else length)
    return b"".join(
        [header, struct.pack("<I", masked_crc32c(header)), content, struct.pack("<I", masked_crc32c(content))]
    )


# --- which folders are runs ------------------------------------------------------------------------------------------


def test_each_folder_is_a_run(tmp_path):
    for seed, value in enumerate([0.5, 0.25, 0.75]):
        log(tmp_path / f"sgd/seed{seed}", accuracy=[value])
    expected = {"seed0": {"accuracy": 0.5}, "seed1": {"accuracy": 0.25}, "seed2": {"accuracy": 0.75}}
    assert read(tmp_path / "sgd") == expected
    assert list(read(tmp_path)) == ["sgd/seed0", "sgd/seed1", "sgd/seed2"]
    assert read(tmp_path / "sgd", run="seed1") == {"seed1": {"accuracy": 0.25}}
    assert "unknown value of 'run': 'seed9'; did you mean" in refusal(tmp_path / "sgd", run="seed9")


def test_training_and_validation_are_two_parts_of_one_run_as_keras_writes_them(tmp_path):
    for run in ("a", "b"):
        log(tmp_path / run / "train", epoch_accuracy=[1.0])
        log(tmp_path / run / "validation", epoch_accuracy=[0.5])
    sentence = refusal(tmp_path)
    assert "differ in part (train, validation); the parts of a run are its own folder (.) and those below" in sentence
    assert sentence.endswith("as in --where part=train")  # one tag, so naming it does not help
    half = {"epoch_accuracy": 0.5}
    assert read(tmp_path, part="validation") == {"a": half, "b": half}
    assert read(tmp_path / "a", part="validation") == {"a": half}
    assert read(tmp_path / "a" / "validation") == {"a/validation": half}


def as_pytorch_writes(folder, run_name=None):
    with SummaryWriter(str(folder)) as writer:
        writer.add_scalar("accuracy", 0.5, 0)
        writer.add_scalars("loss", {"first": 1.0, "second": 2.0}, 0)
        writer.add_hparams({"rate": 0.1}, {"final": 0.75}, run_name=run_name)


def test_folders_below_a_run_are_its_parts_as_pytorch_writes_them(tmp_path):
    for run in ("a", "b"):
        as_pytorch_writes(tmp_path / run, "settings")
    sentence = refusal(tmp_path)
    assert "differ in part (., loss_first, loss_second, settings)" in sentence
    assert sentence.endswith("as in --where part=., or a tag with --metric: accuracy, loss, final")
    assert read(tmp_path, part=".") == {"a": {"accuracy": 0.5}, "b": {"accuracy": 0.5}}
    assert read(tmp_path, part="loss_second") == {"a": {"loss": 2.0}, "b": {"loss": 2.0}}
    assert read(tmp_path, part="settings") == {"a": {"final": 0.75}, "b": {"final": 0.75}}


def test_parts_without_the_metric_are_skipped(tmp_path):
    for run in ("a", "b"):
        as_pytorch_writes(tmp_path / run)
    assert read(tmp_path, "accuracy") == {"a": {"accuracy": 0.5}, "b": {"accuracy": 0.5}}
    assert read(tmp_path, "final") == {"a": {"final": 0.75}, "b": {"final": 0.75}}  # in folders named after the time
    assert read(tmp_path, part="hparams") == read(tmp_path, "final")
    sentence = refusal(tmp_path, "loss")
    assert "differ in part (loss_first, loss_second)" in sentence
    assert sentence.endswith("as in --where part=loss_first")
    assert read(tmp_path, "loss", part="loss_first") == {"a": {"loss": 1.0}, "b": {"loss": 1.0}}
    assert "unknown metric 'bleu'; known: accuracy, final, loss" in refusal(tmp_path, "bleu")


def test_two_folders_named_after_the_time_are_two_parts(tmp_path):
    log(tmp_path / "run", accuracy=[0.5])
    for name, value in (("1795917142.25", 0.25), ("1795917143.5", 0.75)):
        log(tmp_path / "run" / name, final=[value])
    assert "differ in part (1795917142.25, 1795917143.5)" in refusal(tmp_path, "final")
    assert read(tmp_path, "final", part="1795917143.5") == {"run": {"final": 0.75}}


def test_a_part_without_scalars_is_skipped(tmp_path):
    """`add_scalars` opens an event file in the folder of the run and leaves it empty."""
    for run in ("a", "b"):
        with SummaryWriter(str(tmp_path / run)) as writer:
            writer.add_scalars("loss", {"first": 1.0}, 0)
    assert read(tmp_path) == {"a": {"loss": 1.0}, "b": {"loss": 1.0}}
    log(tmp_path / "c")
    assert "run c of" in refusal(tmp_path) and "has no event files in the part loss_first" in refusal(tmp_path)


def test_a_run_that_lacks_the_part_with_the_metric_is_named_and_not_dropped(tmp_path):
    for run in ("a", "b"):
        log(tmp_path / run / "train", loss=[1.0])
        log(tmp_path / run / "validation", accuracy=[0.5])
    log(tmp_path / "c" / "train", loss=[1.0])  # it crashed before its first validation
    assert len(read(tmp_path, "loss")) == 3
    sentence = refusal(tmp_path, "accuracy")
    assert sentence.startswith(f"run c of {tmp_path} has no event files in the part validation; leave out the runs")


def test_a_run_without_the_metric_in_the_part_that_has_it_is_kept(tmp_path):
    for run in ("a", "b"):
        log(tmp_path / run, loss=[1.0], **({"accuracy": [0.5]} if run == "a" else {}))
        log(tmp_path / run / "x", other=[1.0])
    assert read(tmp_path, "accuracy") == {"a": {"loss": 1.0, "accuracy": 0.5}, "b": {"loss": 1.0}}


def test_a_folder_below_a_part_belongs_to_the_same_run(tmp_path):
    for number, folder in enumerate((".", "x", "x/y")):
        log(tmp_path / "run" / folder, accuracy=[number])
    assert "differ in part (., x, x/y)" in refusal(tmp_path)
    assert read(tmp_path, part="x/y") == {"run": {"accuracy": 2}}


# --- several files in a folder ---------------------------------------------------------------------------------------


def test_a_resumed_run_is_one_run_and_its_last_file_counts(tmp_path):
    log(tmp_path / "run", loss=[3.0, 2.0, 1.0], accuracy=[0.25, 0.5, 0.75])
    log(tmp_path / "run", start=2, loss=[1.5, 1.25])  # resumed at an earlier step than that of the last value
    assert read(tmp_path) == {"run": {"loss": 1.25, "accuracy": 0.75}}


def test_ten_comes_after_nine_in_the_names_of_files(tmp_path):
    """PyTorch counts the event files of a process; several may be begun in the same second."""
    for number, name in (
        (9, "events.out.tfevents.1795917142.host.1.9"),
        (10, "events.out.tfevents.1795917142.host.1.10"),
    ):
        log(tmp_path / "run", start=number, loss=[float(number)]).rename(tmp_path / "run" / name)
    assert read(tmp_path) == {"run": {"loss": 10.0}}


@pytest.mark.parametrize(
    ("times", "names", "last"),
    [
        ((2.5, 2.25), ("2.host.1.1", "2.host.1.2"), 0),  # when they were begun counts first
        ((2.25, 2.5), ("2.host.1.2", "2.host.1.1"), 1),
        ((2.5, 2.5), ("2.host.1.10", "2.host.1.9"), 0),
        ((2.5, 2.5), ("2.host.9.1", "2.host.10.1"), 1),
        ((0.0, math.nan), ("10.host.1.1", "9.host.1.1"), 0),  # files that do not say when
        ((0.0, 2.5), ("3.host", "renamed"), 0),
    ],
)
def test_the_file_that_was_begun_last_counts(tmp_path, times, names, last):
    for place, (time, name) in enumerate(zip(times, names, strict=True)):
        begin, value = Event(wall_time=time), Event(wall_time=9 - place, step=int(place == last))
        value.summary.value.add(tag="loss", simple_value=place)
        content = record(begin.SerializeToString()) + record(value.SerializeToString())
        (tmp_path / f"events.out.tfevents.{name}").write_bytes(content)
    assert read(tmp_path) == {tmp_path.name: {"loss": last}}


def test_an_evaluation_after_training_belongs_to_the_run(tmp_path):
    log(tmp_path / "run", loss=[3.0], eval__accuracy=[0.5], eval__runtime=[7.0])
    log(tmp_path / "run", eval__accuracy=[0.5], eval__runtime=[8.0])
    assert read(tmp_path) == {"run": {"loss": 3.0, "eval/accuracy": 0.5, "eval/runtime": 8.0}}


def test_a_placeholder_that_both_files_begin_with_is_no_second_run(tmp_path):
    log(tmp_path / "run", hp_metric=[-1])  # PyTorch Lightning writes it whenever it opens a file
    log(tmp_path / "run", hp_metric=[-1], accuracy=[0.5])
    assert read(tmp_path) == {"run": {"hp_metric": -1, "accuracy": 0.5}}


def test_several_runs_in_one_folder_are_refused(tmp_path):
    first, second = (log(tmp_path / "run", accuracy=[start, 0.5]) for start in (0.25, 0.3))
    sentence = refusal(tmp_path)
    assert f"has several runs: {first.name} and {second.name} both begin at step 0 of accuracy" in sentence
    assert "into a folder of its own" in sentence
    second.unlink()
    assert read(tmp_path) == {"run": {"accuracy": 0.5}}


# --- damage ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [1, 20])
def test_a_file_that_ends_within_a_record_is_named(tmp_path, cut):
    path = log(tmp_path / "run", accuracy=[0.25, 0.5, 0.75])
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    assert refusal(tmp_path).startswith(f"{path} ends within a record or is damaged: the run was stopped")
    path.write_bytes(whole)
    assert read(tmp_path) == {"run": {"accuracy": 0.75}}


def test_a_changed_byte_is_noticed(tmp_path):
    path = log(tmp_path / "run", accuracy=[0.25, 0.5, 0.75])
    content = bytearray(path.read_bytes())
    content[content.index(b"accuracy")] ^= 1
    path.write_bytes(content)
    assert "ends within a record or is damaged" in refusal(tmp_path)


def test_the_first_file_of_a_resumed_run_may_end_within_a_record(tmp_path):
    first = log(tmp_path / "run", loss=[3.0, 2.0])
    log(tmp_path / "run", start=2, loss=[1.0])
    first.write_bytes(first.read_bytes()[:-1])
    assert read(tmp_path) == {"run": {"loss": 1.0}}
    log(tmp_path / "other", accuracy=[0.5])
    first = log(tmp_path / "other", loss=[3.0, 2.0])  # no later file repeats it
    first.write_bytes(first.read_bytes()[:-1])
    assert str(first) in refusal(tmp_path / "other")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "has no scalars in its event files"),
        (b"accuracy\n0.5\n0.6\n0.7\n", "ends within a record or is damaged"),
        (record(b"\xff" * 9), "is damaged (DecodeError)"),
        (record(b"", length=1 << 62), "is damaged"),
    ],
)
def test_other_content_is_refused(tmp_path, content, words):
    path = tmp_path / "events.out.tfevents.1.host"
    path.write_bytes(content)
    assert words in refusal(path)


def test_very_large_files_are_not_read(tmp_path, monkeypatch):
    path = log(tmp_path / "run", accuracy=[0.5])
    monkeypatch.setattr(event_files, "LARGEST", path.stat().st_size - 1)
    assert f"run has {path.stat().st_size:,} bytes of event files" in refusal(tmp_path)
    monkeypatch.setattr(event_files, "LARGEST", path.stat().st_size)
    assert read(tmp_path) == {"run": {"accuracy": 0.5}}
    monkeypatch.setattr(event_files, "TAGS", 0)
    assert "has 1 scalars (limit: 0)" in refusal(tmp_path)


def test_other_files_and_folders_are_not_recognized(tmp_path):
    (tmp_path / "metrics.csv").write_text("accuracy\n0.5\n")
    (tmp_path / "events.out.tfevents.1.host.profile-empty").write_bytes(b"")
    (tmp_path / "tfevents").mkdir()
    log(tmp_path / "other/.hidden/run", accuracy=[0.5])
    assert not any(map(tensorboard.recognizes, [tmp_path, *tmp_path.iterdir(), tmp_path / "missing"]))


def test_reading_is_silent_and_light(tmp_path):
    log(tmp_path / "run", accuracy=[0.5])
    script = (
        "import sys; from pathlib import Path; from noisegrid.reading import tensorboard; "
        "from noisegrid.reading.table import Choice; tensorboard.recognizes(Path(sys.argv[1])); "
        "assert 'tensorboard' not in sys.modules; tensorboard.read(Path(sys.argv[1]), Choice()); "
        "print(*(name for name in ('torch', 'pandas', 'scipy', 'tensorflow', 'matplotlib') if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout == "\n" and done.stderr == ""
