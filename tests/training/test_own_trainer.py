"""A training function of the user: what it is given, and the shape of what it returns."""

import numpy as np
import pytest
from changed import changed_run

from noisegrid.common.errors import NoisegridError
from noisegrid.data.form import Form
from noisegrid.data.prepared import Dataset
from noisegrid.trainers import Request, Trained
from noisegrid.training import noise, own_trainer

TOKENS = Dataset("t", "d", Form("tokens", "tokens", 3), np.zeros(20, np.uint8), None, np.arange(11) % 3, None)
VALUES = Dataset("v", "d", Form("arrays", "values", 2, (4,)), *[np.zeros((6, n), np.float32) for n in (4, 2, 4, 2)])


@pytest.fixture
def trained_with(monkeypatch):
    """Return a function that trains with a function of its own, without the switches that a process sets once."""
    monkeypatch.setattr(noise, "apply_flags", lambda flags: None)

    def call(function, data, **changes):
        monkeypatch.setattr(own_trainer, "imported", lambda kind, name: function)
        return own_trainer.train_with(
            changed_run("smallcnn-digits", epochs=1, options={}, trainer="mine:train", **changes), data
        )

    return call


@pytest.mark.parametrize(
    ("data", "context", "rows", "wrong"),
    [
        (TOKENS, 5, 10, 2),  # 11 tokens are two windows of 5 and the token after them: a label for each of 10 tokens
        (TOKENS, 3, 9, 3),  # three windows of 3
        (VALUES, None, 6, 12),  # two values of each of six examples are columns
    ],
)
def test_a_row_for_each_prediction(trained_with, data, context, rows, wrong):
    def train(request: Request, count: int = rows) -> Trained:
        labels = request.data.part("test", request.context)[1]
        assert request.context == context and len(labels.reshape(-1, *labels.shape[2:])) >= 6
        return Trained(np.ones((count, data.form.outputs)), {"w": np.zeros(2)}, [0.5])

    outcome = trained_with(train, data, context=context)
    assert outcome.final.logits.shape == (rows, data.form.outputs)
    columns = data.form.outputs
    with pytest.raises(NoisegridError, match=rf"shape \[{wrong}, {columns}\]; return \[{rows}, {columns}\]"):
        trained_with(lambda request: train(request, wrong), data, context=context)
