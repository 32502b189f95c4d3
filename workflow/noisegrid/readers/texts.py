"""Texts as streams of characters, for networks that predict the next character."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from noisegrid.common.errors import NoisegridError, why

#: The share of a text that is for training. It is the first part of the text.
TRAIN_SHARE = 0.95
#: The number of characters of the test part, which is the end of the text. The logits of every test character are kept
#: for a while, so a longer test part needs more memory.
TEST_CHARACTERS = 32_768


class Text(NamedTuple):
    """An encoded text.

    Attributes
    ----------
    train_inputs, test_inputs : uint8 (characters,)
        The codes of the characters.
    vocabulary : tuple of str
        The characters of the training part in sorted order, which is the order of their codes.
    """

    train_inputs: np.ndarray
    test_inputs: np.ndarray
    vocabulary: tuple[str, ...]


def text_file(path: Path, train_share: float = TRAIN_SHARE, test_characters: int = TEST_CHARACTERS) -> Text:
    """Read a text file in UTF-8, and encode it as `encoded_text` does. Line ends stay as they are."""
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise NoisegridError(f"{path} cannot be read ({why(error)}); correct the path") from error
    except UnicodeDecodeError as error:
        raise NoisegridError(f"{path} is not UTF-8 (byte {error.start:,}); convert it") from error
    return encoded_text(text, str(path), train_share, test_characters)


def encoded_text(
    text: str, name: str, train_share: float = TRAIN_SHARE, test_characters: int = TEST_CHARACTERS
) -> Text:
    """Encode a text character by character. Nothing of it is changed before: capitals and line ends stay.

    Parameters
    ----------
    text : str
        The text.
    name : str
        What to call it in an error message.
    train_share : float
        The first `train_share` of the characters are for training.
    test_characters : int
        The last `test_characters` characters are for testing. What lies between the two parts is not used.

    Raises
    ------
    NoisegridError
        If the two parts overlap, if the training part has more than 256 different characters, or if the test part has
        a character that the training part lacks.
    """
    count = int(len(text) * train_share)
    if count == 0 or test_characters < 1 or count + test_characters > len(text):
        raise NoisegridError(
            f"{name} has {len(text):,} characters, which cannot be divided into {count:,} for training and "
            f"{test_characters:,} for testing; take a longer text, or change train_share or test_characters"
        )
    train, test = (np.frombuffer(part.encode("utf-32-le"), "<u4") for part in (text[:count], text[-test_characters:]))
    points = np.unique(train)
    if len(points) > 256:
        raise NoisegridError(
            f"{name}: its training part has {len(points):,} different characters, more than 256; replace the rare ones"
        )
    if len(unknown := np.setdiff1d(test, points)):
        raise NoisegridError(
            f"{name}: its test part has {_listed(unknown)}, which the training part lacks; replace such characters, or "
            "change train_share or test_characters"
        )
    codes = [np.searchsorted(points, part).astype(np.uint8) for part in (train, test)]
    return Text(codes[0], codes[1], tuple(map(chr, points)))


def _listed(points: np.ndarray) -> str:
    first, others = repr(chr(points[0])), len(points) - 1
    return f"the character {first}" + (f" (and {others:,} others)" if others else "")
