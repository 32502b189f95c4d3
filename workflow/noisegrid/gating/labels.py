"""What the two sides of a comparison are called, by the files and folders in which they differ."""

import os
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import PurePath


def labels(base: Sequence[str], new: Sequence[str]) -> tuple[str, str]:
    """Return a label for each side: the last part of its path in which the sides differ, without a suffix.

    Several paths of a side have the label of the folder that they share. Where nothing tells the sides apart, where one
    is the standard input, or where they are called base and new anyway, both labels are empty.

    Examples
    --------
    >>> labels(["results/sgd/runs.csv"], ["results/sam/runs.csv"])
    ('sgd', 'sam')
    >>> labels(["base.csv"], ["new.csv"])
    ('', '')
    """
    first, second = (_parts(paths) for paths in (base, new))
    for one, other in zip_longest(reversed(first), reversed(second), fillvalue=""):
        if one != other:
            found = PurePath(one).stem, PurePath(other).stem
            return ("", "") if {"", "-"} & set(found) or found == ("base", "new") else found
    return "", ""


def _parts(paths: Sequence[str]) -> tuple[str, ...]:
    """Return the parts of a path, or of the folder that several paths share."""
    try:
        return PurePath(os.path.commonpath(paths)).parts
    except ValueError:  # some are absolute and others are not
        return ()
