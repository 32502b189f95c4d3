"""Outputs of a network for each class, of which the largest one says which class is predicted."""

import numpy as np
import pytest
import torch

from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.sides import from_values, read_side
from noisegrid.reading.table import Choice

#: Outputs of two runs for four examples and three classes. The largest ones are at 0, 1, 2, 2 and at 1, 1, 2, 0.
LOGITS = np.array(
    [
        [[9.0, 1.0, 0.0], [-3.0, -1.0, -2.0], [0.0, 0.5, 1.0], [0.0, 0.5, 1.0]],
        [[0.0, 1.0, -9.0], [0.0, 2.0, 1.0], [-np.inf, 0.0, 3.0], [np.inf, 0.0, 3.0]],
    ],
    np.float32,
)
LABELS = np.array([0, 1, 1, 2])


def read(tmp_path, **arrays):
    np.savez(tmp_path / "base.npz", **arrays)
    return read_side([str(tmp_path / "base.npz")], Choice())


@pytest.mark.parametrize("name", ["logits", "probabilities", "probs", "Logits"])
@pytest.mark.parametrize("label", ["label", "labels", "targets"])
def test_the_class_with_the_largest_output_is_predicted(tmp_path, name, label):
    runs = read(tmp_path, **{name: LOGITS, label: LABELS})
    assert runs.values.tolist() == [75, 25] and runs.metric == "accuracy"
    assert runs.examples.scores.tolist() == [[True, True, False, True], [False, True, False, False]]
    classes = np.array(runs.examples.classes)
    assert classes[runs.examples.predicted].astype(int).tolist() == [[0, 1, 2, 2], [1, 1, 2, 0]]
    what = f"predictions of 4 examples, argmax of {name} over the last axis (3 classes)"
    assert runs.read == ((str(tmp_path / "base.npz"), what, 8, 2),)


def test_one_run_with_its_seed_and_ids(tmp_path):
    runs = read(tmp_path, logits=LOGITS[0], label=LABELS, seed=np.int64(7), id=np.array(list("abcd")))
    assert runs.values.tolist() == [75] and runs.seeds == ("7",) and runs.examples.ids.tolist() == list("abcd")


def test_the_last_axis_has_the_classes_although_all_axes_are_alike(tmp_path):
    logits = np.array([[0.0, 9.0], [9.0, 0.0]]) + np.array([[0.0], [99.0]])
    assert read(tmp_path, logits=logits, label=np.array([1, 0])).values.tolist() == [100]


def test_in_python():
    for logits in (LOGITS, LOGITS.tolist(), torch.tensor(LOGITS)):
        assert from_values({"logits": logits, "label": LABELS}, Choice(), "base").values.tolist() == [75, 25]


def test_predicted_classes_come_before_outputs(tmp_path):
    runs = read(tmp_path, logits=np.full((2, 4, 3), np.nan), predicted=np.zeros((2, 4), int), label=LABELS)
    assert runs.values.tolist() == [25, 25] and runs.read[0].what == "predictions of 4 examples"
    assert read(tmp_path, logits=LOGITS, correct=np.ones((2, 4), bool), label=LABELS).values.tolist() == [100, 100]


NAN = np.where(np.arange(12).reshape(4, 3) == 5, np.nan, LOGITS[0])


@pytest.mark.parametrize(
    ("logits", "label", "message"),
    [
        (NAN, LABELS, "1 of 4 examples have NaN among the logits of {}; leave out the runs that failed"),
        (np.full_like(LOGITS, np.nan), LABELS, "8 of 8 examples have NaN among the logits of {}"),
        (LOGITS[0].T, LABELS, "logits of {} and label have the shapes (3, 4) and (4); give it numbers"),
        (LOGITS, LABELS[:3], "logits of {} and label have the shapes (2, 4, 3) and (3)"),
        (LOGITS, np.zeros((2, 4), int), "logits of {} and label have the shapes (2, 4, 3) and (2, 4)"),
        (LOGITS[..., :1], LABELS, "logits of {} and label have the shapes (2, 4, 1) and (4)"),
        (LOGITS[0, :, 0], LABELS, "logits of {} and label have the shapes (4) and (4)"),
        (LOGITS[None], LABELS, "logits of {} and label have the shapes (1, 2, 4, 3) and (4)"),
        (np.float64(1.0), LABELS, "logits of {} and label have the shapes () and (4)"),
        (np.full((4, 3), "0.5"), LABELS, "logits of {} and label have the shapes (4, 3) and (4); give it numbers"),
        (LOGITS, LABELS + 1, "the label '3' is no place of a class in the logits of {}, which has the classes 0 to 2"),
        (LOGITS, LABELS - 1, "the label '-1' is no place of a class"),
        (LOGITS, LABELS + 0.5, "the label '0.5' is no place of a class"),
        (LOGITS, np.array(["0", "1", "1", "\x1b[2J"]), "the label '0' is no place of a class"),
        (np.zeros((0, 3)), np.zeros(0, int), "{} has no arrays of the same length"),
        (np.zeros((0, 4, 3)), LABELS, "there are no runs to read"),
    ],
)
def test_outputs_that_predict_no_class_are_refused(tmp_path, logits, label, message):
    with pytest.raises(CannotJudge) as caught:
        read(tmp_path, logits=logits, label=label)
    assert str(caught.value).startswith(message.format(tmp_path / "base.npz")) and str(caught.value).isprintable()


def test_python_objects_are_not_opened(tmp_path):
    with pytest.raises(CannotJudge, match="has Python objects, which may run code when they are opened"):
        read(tmp_path, logits=np.array([[1, None]], object), label=LABELS[:1])


def test_outputs_without_labels_are_not_used(tmp_path):
    assert read(tmp_path, logits=LOGITS, loss=np.array([0.5, 0.25])).values.tolist() == [0.5, 0.25]
