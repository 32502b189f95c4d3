"""The outputs of a network for each class: the class with the largest one is predicted."""

from collections.abc import Iterable, Mapping

import numpy as np

from noisegrid.common.escape import terminal
from noisegrid.reading.naming import CORRECT, LABELS, OUTPUTS, PREDICTED
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.table import CONDITION
from noisegrid.reading.values import OF_A_RUN

Array = np.ndarray


def are_used(names: Iterable[str]) -> bool:
    """Return whether outputs are used among arrays with these names: there are labels, and no predicted classes."""
    known = {name.casefold() for name in names}
    return not known.isdisjoint(LABELS) and known.isdisjoint((*PREDICTED, *CORRECT))


def with_predictions(arrays: Mapping[str, Array], origin: str) -> tuple[dict[str, Array], dict[str, str]]:
    """Return arrays with the predicted classes in place of outputs, if these are used.

    Parameters
    ----------
    arrays : mapping of str to array
        The arrays. Outputs are (examples, classes) or (runs, examples, classes), and labels are places of classes.
    origin : str
        Where they come from, for messages.

    Returns
    -------
    arrays : dict of str to array
        The arrays.
    constants : dict of str to str
        What must be said about the predicted classes; empty if there are no outputs.

    Raises
    ------
    CannotJudge
        If outputs have another shape or are NaN, or if labels are no places of classes.
    """
    found = {name: array for name, array in arrays.items() if name.casefold() in OUTPUTS}
    if not found or not are_used(arrays):
        return dict(arrays), {}
    name, outputs = next(iter(found.items()))
    label, labels = next((name, array) for name, array in arrays.items() if name.casefold() in LABELS)
    title, count = f"{terminal(name)} of {terminal(origin)}", outputs.shape[-1] if outputs.ndim else 0
    if (
        outputs.ndim not in (2, 3)
        or labels.shape != outputs.shape[-2:-1]
        or count < 2
        or outputs.dtype.kind not in "fiu"
    ):
        shapes = " and ".join("(" + ", ".join(map(str, array.shape)) + ")" for array in (outputs, labels))
        raise CannotJudge(
            f"{title} and {terminal(label)} have the shapes {shapes}; give it numbers (examples × classes) or (runs × "
            "examples × classes), the classes last, and one label per example"
        )
    if bad := int(np.isnan(outputs).any(axis=-1).sum()):
        raise CannotJudge(f"{bad:,} of {outputs[..., 0].size:,} examples have NaN among the {title}; {OF_A_RUN}")
    places = np.isin(labels, np.arange(count)) if labels.dtype.kind in "biuf" else np.zeros(labels.shape, bool)
    if not places.all():
        raise CannotJudge(
            f"the label {terminal(str(labels[~places][0]))!r} is no place of a class in the {title}, which has the "
            f"classes 0 to {count - 1}; write labels as these numbers, and leave out examples without one"
        )
    others = {other: array for other, array in arrays.items() if other not in found}
    what = f"argmax of {name} over the last axis ({count:,} classes)"
    return others | {PREDICTED[0]: outputs.argmax(axis=-1)}, {CONDITION: what}
