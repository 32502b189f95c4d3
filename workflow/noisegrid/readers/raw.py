"""A dataset as a reader returns it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Images:
    """Images that do not fit into memory and are therefore supplied one by one.

    Attributes
    ----------
    count : int
        Number of images.
    shape : (int, int, int)
        The number of channels, the height and the width (both in pixels) of each image.
    rows : iterator of uint8 (channels, height, width)
        An iterator over the images.
    """

    count: int
    shape: tuple[int, int, int]
    rows: Iterator[np.ndarray]


@dataclass(frozen=True)
class Raw:
    """A dataset as a reader returns it.

    Attributes
    ----------
    train_inputs, test_inputs : array, or Images
        What the dataset's entry states as its `kind`. Images are uint8 or float32 (examples, channels, height, width),
        with values from 0 to the full scale that the entry states. Arrays are float32 (examples, ...). A table is
        float32 (examples, columns), with the codes of categories as numbers (see `columns`). Tokens are one stream of
        integers (tokens,).
    train_labels, test_labels : array or None
        The class of each example, int (examples,); or 0 or 1 for each attribute, int (examples, attributes); or values,
        float32 (examples,) or (examples, values). None for tokens, where each token is the label of those before it.
    groups : dict of bool (test examples,)
        For each sub-group, its name and an array that states whether each test example belongs to it.
    target : int, optional
        Index of the attribute whose errors are compared between sub-groups.
    columns : dict of tuple of str
        For each column of a table, its name and the names of its categories, in the order of their codes; an empty
        tuple for a column of numbers.
    vocabulary : tuple of str
        The tokens, in the order of their codes.
    """

    train_inputs: np.ndarray | Images
    train_labels: np.ndarray | None
    test_inputs: np.ndarray | Images
    test_labels: np.ndarray | None
    groups: dict[str, np.ndarray] = field(default_factory=dict)
    target: int | None = None
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    vocabulary: tuple[str, ...] = ()
