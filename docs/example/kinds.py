"""Datasets of every kind, from data that scikit-learn ships: a table with values, arrays, images, and a text."""

from pathlib import Path

import numpy as np
from scipy.special import softmax
from sklearn import datasets
from torch import Tensor, nn

from noisegrid.readers import Raw
from noisegrid.trainers import Request, Trained

TRAIN = 300  # of the 442 patients


def diabetes(folder: Path | None, cache: Path) -> Raw:
    """Regression on a table: the progression of diabetes from nine numbers and one category, the sex."""
    rows, values = datasets.load_diabetes(return_X_y=True, scaled=False)
    sex = rows[:, 1] - 1  # stored as 1 and 2; a category has the codes 0, 1, ...
    rows = (rows - rows[:TRAIN].mean(axis=0)) / rows[:TRAIN].std(axis=0)
    rows[:, 1] = sex
    names = ("age", "sex", "bmi", "pressure", "s1", "s2", "s3", "s4", "s5", "s6")
    columns = {name: ("1", "2") if name == "sex" else () for name in names}
    rows, values = rows.astype(np.float32), (values / 100).astype(np.float32)
    return Raw(rows[:TRAIN], values[:TRAIN], rows[TRAIN:], values[TRAIN:], columns=columns)


def strokes(folder: Path | None, cache: Path) -> Raw:
    """Float arrays: each digit as a sequence of its eight rows of pixels."""
    images, labels = datasets.load_digits(return_X_y=True)
    rows = (images / 16).reshape(-1, 8, 8).astype(np.float32)
    return Raw(rows[:1200], labels[:1200], rows[1200:], labels[1200:])


def wide(folder: Path | None, cache: Path) -> Raw:
    """Images of 8 x 16 pixels: digits whose pixels are twice as wide."""
    images, labels = datasets.load_digits(return_X_y=True)
    images = images.reshape(-1, 1, 8, 8).repeat(2, axis=3).astype(np.uint8)
    return Raw(images[:1200], labels[:1200], images[1200:], labels[1200:])


def manuals(folder: Path | None, cache: Path) -> Raw:
    """A text: what scikit-learn says about its datasets, character by character."""
    loaders = (datasets.load_diabetes, datasets.load_digits, datasets.load_iris, datasets.load_wine)
    text = "".join(load().DESCR for load in loaders)
    vocabulary = tuple(sorted(set(text)))
    tokens = np.array([vocabulary.index(character) for character in text], dtype=np.uint8)
    return Raw(tokens[:-2048], None, tokens[-2048:], None, vocabulary=vocabulary)


def softmax_regression(request: Request, rate: float = 0.1) -> Trained:
    """A training function of its own, in NumPy: softmax regression by stochastic gradient descent."""
    data, classes = request.data, request.data.form.outputs
    train, test = (inputs.reshape(len(inputs), -1) for inputs in (data.train_inputs, data.test_inputs))
    weights = np.random.default_rng(request.seeds["init"]).normal(0, 0.1, (train.shape[1], classes))
    orders, losses = np.random.default_rng(request.seeds["order"]), []
    for _ in range(request.epochs):
        loss = 0.0
        for batch in np.array_split(orders.permutation(len(train)), len(train) // request.batch_size):
            shares = softmax(train[batch] @ weights, axis=1)
            right = shares[np.arange(len(batch)), data.train_labels[batch]]
            loss -= np.log(right).sum() / len(train)
            shares[np.arange(len(batch)), data.train_labels[batch]] -= 1
            weights -= rate * train[batch].T @ shares / len(batch)
        losses.append(loss)
    return Trained(test @ weights, {"weights": weights}, losses)


class Recurrent(nn.Module):
    """A GRU that reads a sequence of rows and classifies by its last state."""

    def __init__(self, classes: int, shape: tuple[int, int]) -> None:
        super().__init__()
        self.gru = nn.GRU(shape[1], 32, batch_first=True)
        self.dense = nn.Linear(32, classes)

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Map a batch (N, rows, pixels) to logits (N, classes), and return the states too."""
        states, _ = self.gru(rows)
        return self.dense(states[:, -1]), states
