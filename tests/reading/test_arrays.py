"""NumPy arrays: results of runs, correctness and predictions, in files and in Python."""

import io
import re
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.sides import from_values, read_side
from noisegrid.reading.table import Choice

CORRECT = np.array([[1, 1, 0, 1], [0, 1, 0, 1], [1, 1, 1, 1]], bool)
PREDICTED = np.array([[0, 1, 2, 2], [1, 1, 2, 2], [0, 1, 1, 2]], np.int16)
LABELS = np.array([0, 1, 1, 2], np.uint8)


def read(tmp_path, value, **arrays):
    path = tmp_path / ("base.npz" if arrays else "base.npy")
    np.savez(path, **arrays) if arrays else np.save(path, value)
    return read_side([str(path)], Choice())


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_floats_are_one_number_per_run(tmp_path, dtype):
    runs = read(tmp_path, np.array([0.5, 0.25, 0.75], dtype))
    assert runs.values.tolist() == [0.5, 0.25, 0.75] and runs.examples is None
    assert runs.names[2] == f"value 3 of {tmp_path / 'base.npy'}"


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64])
def test_zeros_and_ones_say_what_is_correct_in_one_run(tmp_path, dtype):
    runs = read(tmp_path, CORRECT[0].astype(dtype))
    assert runs.values.tolist() == [75] and runs.examples.scores.dtype == bool and runs.metric == "accuracy"
    assert runs.names == (str(tmp_path / "base.npy"),)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float32])
def test_rows_of_zeros_and_ones_are_runs(tmp_path, dtype):
    runs = read(tmp_path, CORRECT.astype(dtype))
    assert runs.values.tolist() == [75, 50, 100] and np.array_equal(runs.examples.scores, CORRECT)
    assert runs.names[1] == f"run 2 of {tmp_path / 'base.npy'}"
    assert runs.read == ((str(tmp_path / "base.npy"), "correctness of 4 examples", 12, 3),)


@pytest.mark.parametrize("names", [("predicted", "label"), ("predictions", "labels"), ("pred", "target")])
def test_predictions_with_labels(tmp_path, names):
    runs = read(tmp_path, None, **dict(zip(names, (PREDICTED, LABELS), strict=True)))
    assert np.array_equal(runs.examples.scores, PREDICTED == LABELS) and runs.values.tolist() == [75, 50, 100]
    classes = np.array(runs.examples.classes)
    assert np.array_equal(classes[runs.examples.predicted].astype(int), PREDICTED)
    assert np.array_equal(classes[runs.examples.labels].astype(int), LABELS)


@pytest.mark.parametrize("ids", ["id", "ids", "example_id"])
def test_ids_and_seeds_of_predictions(tmp_path, ids):
    names = np.array(["a", "b", "c", "d"])
    runs = read(tmp_path, None, predicted=PREDICTED, label=LABELS, seed=np.array([7, 8, 9]), **{ids: names})
    assert runs.seeds == ("7", "8", "9") and runs.examples.ids.tolist() == ["a", "b", "c", "d"]


def test_one_run_with_a_single_seed(tmp_path):
    runs = read(tmp_path, None, predicted=PREDICTED[0], label=LABELS, seed=np.int64(7))
    assert runs.seeds == ("7",) and runs.values.tolist() == [75]


def test_each_file_is_a_run(tmp_path):
    for number, predicted in enumerate(PREDICTED):
        np.savez(tmp_path / f"{number}.npz", predicted=predicted, label=LABELS)
    runs = read_side([str(tmp_path)], Choice())
    assert runs.values.tolist() == [75, 50, 100] and runs.names[1] == str(tmp_path / "1.npz")


def test_what_is_not_used_is_not_read(tmp_path):
    """Outputs of the network, and names of the classes as Python objects."""
    objects = np.array(["cat", None], object)
    runs = read(tmp_path, None, correct=CORRECT, logits=np.zeros((3, 4, 10)), class_names=objects)
    assert runs.values.tolist() == [75, 50, 100]


def test_values_of_runs(tmp_path):
    assert read(tmp_path, None, values=np.array([0.5, 0.25])).values.tolist() == [0.5, 0.25]
    runs = read(tmp_path, None, loss=np.array([0.5, 0.25]), seed=np.array([1, 2]))
    assert runs.metric == "loss" and runs.seeds == ("1", "2")


def test_arrays_that_may_be_meant_are_not_dropped(tmp_path):
    evaluations = {"timesteps": np.arange(3), "results": np.ones((3, 5)) / 2, "ep_lengths": np.ones((3, 5))}
    message = "has no arrays of the same length: timesteps 3, results 3 × 5, ep_lengths 3 × 5; give it one value"
    with pytest.raises(CannotJudge, match=message):
        read(tmp_path, None, **evaluations)  # as Stable-Baselines3 writes it
    with pytest.raises(CannotJudge, match=message):
        from_values(evaluations, Choice(), "base")
    with pytest.raises(CannotJudge, match="loss 2, results 2 × 3"):
        read(tmp_path, None, loss=np.array([0.5, 0.25]), results=np.ones((2, 3)) / 2)
    with pytest.raises(CannotJudge, match="several columns that may be the metric: values, results"):
        read(tmp_path, None, values=np.array([0.5, 0.25]), results=np.array([0.5, 0.75]))
    means = {"timesteps": np.arange(3), "results": np.array([0.5, 0.75, 0.25])}
    assert read(tmp_path, None, **means).values.tolist() == [0.25]  # a history


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"predicted": PREDICTED.T, "label": LABELS}, "do not fit together: predicted 4 × 3, label 4"),
        ({"predicted": PREDICTED, "label": LABELS[:3]}, "do not fit together: predicted 3 × 4, label 3"),
        ({"predicted": PREDICTED[0], "label": LABELS[:3]}, "no arrays of the same length: predicted 4, label 3"),
        ({"predicted": np.zeros((2, 2, 2)), "label": LABELS}, "no arrays of the same length: predicted 2 × 2 × 2"),
        ({"logits": np.zeros((2, 2))}, "no arrays of the same length"),  # without labels
        ({"predicted": np.array([0.1, 0.9]), "label": np.array([0, 1])}, "row 1 of .* has '0.1' in column 'predicted'"),
        ({"correct": CORRECT, "id": np.array([1, 1, 2, 3])}, "have the same id, '1'"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path, arrays, message):
    with pytest.raises(CannotJudge, match=message):
        read(tmp_path, None, **arrays)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((0,)), "base is empty"),
        (np.zeros((2, 2, 2), bool), "base has the shape 2 × 2 × 2"),
        (np.full((2, 3), 0.5), "base has the shape 2 × 3"),
        (np.float64(0.5), r"base has the shape \(\)"),
        (np.zeros((30, 2), bool), "do not fit together: correct 30 × 2"),
        (np.array([0.0, 1.0, 1.0]), "base has zeros and ones alone"),
        (np.array([0.5, np.nan]), "the result of value 2 of base is nan"),
        (np.array(["0.5", "high"]), "value 2 of base: 'high' is no number"),
        ([[True], [True, False]], "base is no array of numbers or booleans"),
    ],
)
def test_values_that_cannot_be_judged_are_refused(array, message):
    with pytest.raises(CannotJudge, match=message):
        from_values(array, Choice(), "base")


def test_python_objects_are_not_opened(tmp_path):
    class Harmful:
        def __reduce__(self):
            return exec, (f"open({str(tmp_path / 'opened')!r}, 'w')",)

    np.save(tmp_path / "base.npy", np.array([Harmful(), 0.5], object))
    np.savez(tmp_path / "base.npz", correct=np.array([Harmful(), True], object))
    for name in ("base.npy", "base.npz"):
        with pytest.raises(CannotJudge, match="has Python objects, which may run code when they are opened"):
            read_side([str(tmp_path / name)], Choice())
    assert not (tmp_path / "opened").exists()


def test_a_header_that_promises_too_much_is_refused(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**8,)})
    (tmp_path / "base.npy").write_bytes(header.getvalue() + bytes(100))
    with zipfile.ZipFile(tmp_path / "base.npz", "w") as archive:
        archive.writestr("correct.npy", header.getvalue() + bytes(100))
    for name in ("base.npy", "base.npz"):
        with pytest.raises(CannotJudge, match=re.escape(f"{name} is damaged or no array (the file is cut off)")):
            read_side([str(tmp_path / name)], Choice())


def test_a_small_zip_of_large_arrays_is_refused(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "base.npz", values=np.zeros(1_000_000))
    assert (tmp_path / "base.npz").stat().st_size < 10_000
    monkeypatch.setattr("noisegrid.reading.arrays.FILE_BYTES", 8_000_000)
    with pytest.raises(CannotJudge, match=r"8,000,128 bytes when unpacked \(limit: 8,000,000\)"):
        read_side([str(tmp_path / "base.npz")], Choice())


def test_values_without_bytes_are_refused(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<U0", "fortran_order": False, "shape": (60_000_000,)})
    (tmp_path / "base.npy").write_bytes(header.getvalue())
    with zipfile.ZipFile(tmp_path / "base.npz", "w") as archive:
        archive.writestr("correct.npy", header.getvalue())
    for name in ("base.npy", "base.npz"):
        with pytest.raises(CannotJudge, match=re.escape(f"{name} is damaged or no array (its values have no bytes)")):
            read_side([str(tmp_path / name)], Choice())


def test_too_many_values_are_refused_before_any_is_read(tmp_path, monkeypatch):
    np.save(tmp_path / "base.npy", np.zeros((3, 40), bool))
    np.savez_compressed(tmp_path / "base.npz", correct=np.zeros((3, 30), bool), id=np.arange(30))
    monkeypatch.setattr("noisegrid.reading.arrays.VALUES", 119)
    monkeypatch.setattr(np.lib.format, "read_array", lambda *_, **__: pytest.fail("an array is read"))
    for name in ("base.npy", "base.npz"):
        with pytest.raises(CannotJudge, match=rf"{name} has 120 values \(limit: 119\)"):
            read_side([str(tmp_path / name)], Choice())


def files() -> dict[str, bytes]:
    one, several = io.BytesIO(), io.BytesIO()
    np.save(one, CORRECT)
    np.savez_compressed(several, predicted=PREDICTED, label=LABELS)
    return {"base.npy": one.getvalue(), "base.npz": several.getvalue()}


@given(st.sampled_from(["base.npy", "base.npz"]), st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255))))
def test_a_damaged_file_is_read_or_refused(tmp_path_factory, name, flips):
    content = bytearray(files()[name])
    for place, byte in flips:
        content[place % len(content)] = byte
    path = tmp_path_factory.mktemp("damaged") / name
    path.write_bytes(content)
    try:
        runs = read_side([str(path)], Choice())
    except CannotJudge as refusal:
        assert str(refusal).isprintable()
    else:
        assert len(runs)


def test_named_arrays_in_python():
    runs = from_values({"predicted": PREDICTED.tolist(), "label": LABELS.tolist()}, Choice(), "base")
    assert runs.values.tolist() == [75, 50, 100]
    runs = from_values({"accuracy": [0.5, 0.25], "seed": [1, 2]}, Choice(), "base")
    assert runs.values.tolist() == [0.5, 0.25] and runs.seeds == ("1", "2")


def test_lists_in_python():
    assert from_values([0.5, 0.25], Choice("loss"), "base").metric == "loss"
    assert from_values([[True, False], [True, True]], Choice(), "base").values.tolist() == [50, 100]
