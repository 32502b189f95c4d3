"""Checks of the values of a dataset's inputs, while they are written.

The values are checked in blocks, because a copy of a whole part might not fit into memory.
"""

import hashlib
from collections.abc import Iterator

import numpy as np

from noisegrid.common.errors import NoisegridError
from noisegrid.data.form import ARRAYS, IMAGES, TABLE, TOKENS, Form
from noisegrid.readers import Images

#: The number of examples that are checked together.
BLOCK = 1024


class ValueChecks:
    """The checks of the values of inputs, while the inputs are written.

    Parameters
    ----------
    name : str
        The name of the dataset, for messages.
    form : Form
        The form of the dataset.

    Attributes
    ----------
    duplicates : int
        The number of test images so far that are equal to a training image in every pixel.
    largest : float
        The largest value so far.
    """

    def __init__(self, name: str, form: Form) -> None:
        self.name, self.form, self.full_scale = name, form, form.full_scale
        self.duplicates, self.largest = 0, 0.0
        self._train = set[bytes]()

    def checked(self, part: str, inputs: np.ndarray | Images) -> Iterator[np.ndarray]:
        """Check the inputs of a part, and yield them in blocks (examples, ...). The training part comes first.

        Raises
        ------
        NoisegridError
            If a value is not finite, is outside 0 to full scale, or is no code of a category or token; or if images
            that are read one by one differ from their stated number, shape or type.
        """
        noun = {IMAGES: "images", ARRAYS: "arrays", TABLE: "rows", TOKENS: "tokens"}[self.form.kind]
        seen = 0
        for block in _blocks(inputs) if isinstance(inputs, np.ndarray) else self._rows(part, inputs):
            where = f"{noun} {seen} to {seen + len(block) - 1}"
            low, high = float(block.min()), float(block.max())
            if not np.isfinite([low, high]).all():
                raise self._wrong(part, f"{where} have values that are not finite; repair or remove these {noun}")
            seen += len(block)
            if self.form.kind == IMAGES:
                self._check_images(part, where, block, low, high)
            elif self.form.kind == TABLE:
                self._check_codes(part, where, block)
            elif self.form.kind == TOKENS and (low < 0 or high >= self.form.outputs):
                raise self._wrong(
                    part,
                    f"{where} have codes from {low:g} to {high:g}, but the vocabulary has {self.form.outputs} tokens",
                )
            yield block

    def _check_images(self, part: str, where: str, block: np.ndarray, low: float, high: float) -> None:
        if low < 0 or high > self.full_scale:
            raise self._wrong(
                part,
                f"{where} have values from {low:g} to {high:g}, but full_scale is {self.full_scale:g}; rescale the "
                "images to values from 0 to full_scale, or correct full_scale in the study",
            )
        self.largest = max(self.largest, high)
        hashes = [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in block]
        if part == "train_inputs":
            self._train.update(hashes)
        else:
            self.duplicates += sum(digest in self._train for digest in hashes)

    def _check_codes(self, part: str, where: str, rows: np.ndarray) -> None:
        for index, categories in enumerate(self.form.columns):
            codes = rows[:, index]
            if categories and ((codes < 0) | (codes >= categories) | (codes % 1 != 0)).any():
                raise self._wrong(
                    part,
                    f"{where} have codes in column {index} that are not whole numbers from 0 to {categories - 1}; "
                    "correct the codes, or the categories in `columns`",
                )

    def notes(self) -> list[str]:
        """Return one sentence for each slip in the images that were checked."""
        found = []
        if self.duplicates:
            found.append(f"test_inputs: {self.duplicates:,} test images are also training images, pixel by pixel")
        if self.form.kind == IMAGES and self.largest < self.full_scale / 2:
            found.append(f"images: the largest value is {self.largest:g}, but full_scale is {self.full_scale:g}")
        return found

    def _rows(self, part: str, images: Images) -> Iterator[np.ndarray]:
        count = 0
        for image in images.rows:
            if image.shape != images.shape or image.dtype != np.uint8:
                raise self._wrong(
                    part,
                    f"image {count} is {list(image.shape)} {image.dtype}, but {list(images.shape)} uint8 was stated; "
                    "correct the reader",
                )
            count += 1
            if count <= images.count:
                yield image[None]
        if count != images.count:
            raise self._wrong(part, f"the reader gave {count} images, but stated {images.count}; correct the reader")

    def _wrong(self, part: str, why: str) -> NoisegridError:
        return NoisegridError(f"dataset {self.name}: {part}: {why}")


def _blocks(images: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(images), BLOCK):
        yield images[start : start + BLOCK]
