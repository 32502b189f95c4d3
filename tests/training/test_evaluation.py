"""The logits of a test example depend on the image and the weights, and on nothing that follows it in the test set."""

from pathlib import Path

import numpy as np
import pytest
import torch

from noisegrid.common.errors import NoisegridError
from noisegrid.data.form import Form
from noisegrid.data.prepared import Dataset
from noisegrid.networks.build import build
from noisegrid.study.resolve import load_study
from noisegrid.training import loader
from noisegrid.training.augmentation import to_inputs
from noisegrid.training.loader import Batches
from noisegrid.training.replay import replay
from noisegrid.training.replicate import run_of
from noisegrid.training.train import Training
from noisegrid.training.weights import weights_of

FORM = Form("images", "classes", 10, (1, 8, 8), full_scale=16.0)
COUNT = 597
IMAGES = np.random.default_rng(0).integers(0, 17, (COUNT, 1, 8, 8), dtype=np.uint8)


@pytest.fixture(scope="module")
def run():
    (cell,) = [c for c in load_study("quick").cells if (c.task, c.noise) == ("smallcnn-digits", "control")]
    return run_of(cell, 0)


def logits(run, images: np.ndarray) -> np.ndarray:
    """Evaluate one network, through the function that training calls."""
    labels = np.zeros(len(images), dtype=np.int64)
    data = Dataset("digits", "d", FORM, images[:1], labels[:1], images, labels)
    torch.manual_seed(0)
    network = build(run.task.build, classes=10, channels=1, size=8, **run.task.options)
    return Training(run, data, weights_of(network), torch.device("cpu")).snapshot().logits


def old_tail(self: Batches):
    """Evaluate as protocol 1 did: the last batch has what is left."""
    for examples in torch.arange(len(self.labels)).split(loader.EVALUATION_BATCH):
        yield to_inputs(self.stored[examples], self.task.pixels, self.form.full_scale)


def changed(run) -> list[int]:
    """Return, for several subsets of the test set, how many images have other logits than in the whole set."""
    whole = logits(run, IMAGES)
    assert whole.shape == (COUNT, 10)
    order = np.random.default_rng(1).permutation(COUNT)
    subsets = [np.arange(count) for count in (1, 100, 201, 401, 513)] + [order, order[:201]]
    return [int((logits(run, IMAGES[subset]) != whole[subset]).any(axis=1).sum()) for subset in subsets]


def test_logits_do_not_depend_on_the_images_that_follow(run):
    assert changed(run) == [0] * 7


def test_the_old_tail_changes_logits(run, monkeypatch):
    """The negative control: with a batch of one at the tail, the check above finds other bits."""
    monkeypatch.setattr(Batches, "evaluation", old_tail)
    assert any(changed(run))


def test_every_batch_has_the_same_size(run):
    task, device = run.task, torch.device("cpu")
    for count in (1, 200, 201):
        batches = Batches(IMAGES[:count], np.zeros(count, np.int64), FORM, task, device, torch.contiguous_format)
        sizes = [len(inputs) for inputs in batches.evaluation()]
        assert sizes == [loader.EVALUATION_BATCH] * -(-count // loader.EVALUATION_BATCH)


def test_a_record_of_protocol_1_is_not_replayed(monkeypatch):
    """Its weights would agree and the logits of its last batch would not."""
    old = {"settings": {"protocol": 1}, "noisegrid": "0.1.9"}
    monkeypatch.setattr("noisegrid.records.record.read_record", lambda folder: old)
    with pytest.raises(NoisegridError, match=r"trained by protocol 1, .* protocol 2.*replay it with noisegrid 0.1.9"):
        replay(Path("0/record.json"), Path(), None)
