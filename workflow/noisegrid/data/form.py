"""The form of a dataset: what its examples and its labels are, as far as a network and the training loop must know."""

from dataclasses import dataclass
from typing import Any

IMAGES, ARRAYS, TABLE, TOKENS = "images", "arrays", "table", "tokens"
CLASSES, ATTRIBUTES, VALUES, NEXT_TOKENS = "classes", "attributes", "values", "tokens"


@dataclass(frozen=True)
class Form:
    """The form of a dataset.

    Attributes
    ----------
    kind : str
        What an example is. `images`: pixels (channels, height, width). `arrays`: numbers of any shape. `table`: a row
        of numbers and categories. `tokens`: a window of a stream of tokens.
    labels : str
        What the labels are. `classes`: one class per example. `attributes`: 0 or 1 for each attribute. `values`:
        numbers, for regression. `tokens`: the token after each token of a window.
    outputs : int
        The number of classes, attributes, values or tokens of the vocabulary.
    shape : tuple of int
        The shape of a stored example; empty for tokens, whose windows depend on the recipe.
    columns : tuple of int
        For each column of a table, its number of categories; 0 for a number.
    full_scale : float
        The largest value that a pixel can have.
    """

    kind: str
    labels: str
    outputs: int
    shape: tuple[int, ...] = ()
    columns: tuple[int, ...] = ()
    full_scale: float = 1.0

    @classmethod
    def of_entry(cls, entry: dict[str, Any]) -> "Form | None":
        """Return the form that a dataset's entry states; None if it leaves something out."""
        kind = entry.get("kind", IMAGES)
        labels = entry.get("labels", NEXT_TOKENS if kind == TOKENS else CLASSES)
        outputs = entry.get("classes", 1 if labels == VALUES else 0)
        columns = tuple(entry.get("columns", ()))
        if kind == IMAGES and "channels" in entry and "size" in entry:
            height, width = height_and_width(entry["size"])
            shape: tuple[int, ...] = (entry["channels"], height, width)
        else:
            shape = tuple(entry.get("shape", (len(columns),) if columns else ()))
        if not outputs or (not shape and kind != TOKENS):
            return None
        return cls(kind, labels, outputs, shape, columns, entry.get("full_scale", 1.0))

    def arguments(self, context: int | None = None) -> dict[str, Any]:
        """Return the arguments that describe the data to the builder of a network.

        Parameters
        ----------
        context : int, optional
            The number of tokens that the network sees.
        """
        if self.kind == IMAGES:
            channels, height, width = self.shape
            more: dict[str, Any] = {"channels": channels, "size": height if height == width else (height, width)}
        elif self.kind == ARRAYS:
            more = {"shape": tuple(self.shape)}
        elif self.kind == TABLE:
            more = {"columns": list(self.columns)}
        else:
            more = {"context": context}
        return {"classes": self.outputs, **more}


def height_and_width(size: int | list[int]) -> tuple[int, int]:
    """Return the height and the width that an entry states as one number, for squares, or as two."""
    height, width = (size, size) if isinstance(size, int) else size
    return height, width
