"""Texts as streams of characters, by hand."""

import numpy as np
import pytest

from noisegrid.common.errors import NoisegridError
from noisegrid.readers.texts import encoded_text, text_file

#: Ten characters: six for training (a, ä, newline), two that are not used (x, y), and two for testing.
TEXT = "aäa\r\naxyäa"


def test_characters_are_coded_in_sorted_order(tmp_path):
    """Sorted: newline, carriage return, a, ä. The x and the y are in neither part, so they have no codes."""
    (tmp_path / "text").write_bytes(TEXT.encode())
    text = text_file(tmp_path / "text", train_share=0.6, test_characters=2)
    assert text.vocabulary == ("\n", "\r", "a", "ä")
    assert text.train_inputs.tolist() == [2, 3, 2, 1, 0, 2] and text.test_inputs.tolist() == [3, 2]
    assert text.train_inputs.dtype == text.test_inputs.dtype == np.uint8
    assert "".join(text.vocabulary[code] for code in text.train_inputs) == TEXT[:6]


def test_the_parts_of_a_long_text():
    """Of 1,000,000 characters, the first 95 % and the last 32,768."""
    text = encoded_text("ab" * 500_000, "it")
    assert (len(text.train_inputs), len(text.test_inputs)) == (950_000, 32_768)
    assert text.test_inputs[:4].tolist() == [0, 1, 0, 1]


def test_256_characters_are_as_many_as_fit_into_a_byte():
    characters = "".join(map(chr, range(1000, 1256)))
    assert encoded_text(characters + "\u03ea", "it", 0.997, 1).train_inputs[-1] == 255
    with pytest.raises(NoisegridError, match="it: its training part has 257 different characters, more than 256"):
        encoded_text("!" + characters + "\u03ea", "it", 0.997, 1)


@pytest.mark.parametrize(
    ("text", "share", "characters", "message"),
    [
        ("aaaab", 0.8, 1, r"the character 'b', which the training part lacks; replace"),
        ("aaaabcd", 0.6, 3, r"the character 'b' \(and 2 others\), which the training part lacks"),
        (
            "aaaa",
            0.8,
            2,
            "has 4 characters, which cannot be divided into 3 for training and 2 for testing; take a longer",
        ),
        ("aaaa", 0.8, 0, "into 3 for training and 0 for testing"),
        ("aaaa", 0.1, 1, "into 0 for training and 1 for testing"),
    ],
)
def test_what_cannot_be_divided_is_one_sentence(text, share, characters, message):
    with pytest.raises(NoisegridError, match=message):
        encoded_text(text, "it", share, characters)


def test_a_file_that_is_no_text_is_named(tmp_path):
    (tmp_path / "latin").write_bytes("aä".encode("latin-1"))
    with pytest.raises(NoisegridError, match=r"latin is not UTF-8 \(byte 1\); convert it"):
        text_file(tmp_path / "latin")
    with pytest.raises(NoisegridError, match=r"none cannot be read \(No such file or directory\); correct the path"):
        text_file(tmp_path / "none")
