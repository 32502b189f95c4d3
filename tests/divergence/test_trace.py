"""Trace files: what is written is read, the same trace gives the same bytes, and every damage is one sentence."""

import gzip
import json
import subprocess
import sys

import pytest

from noisegrid.common.errors import NoisegridError
from noisegrid.divergence import trace
from noisegrid.divergence.trace import Operation, State, Trace, Value

VALUE = Value((2, 3), "float32", "00000000000000ff", (1, -2))
OPERATION = Operation("mm.default", "layers.0", "backward", "True, 0.1", (VALUE,), (VALUE, VALUE))
STATE = State({"weights": {"b": "0" * 16, "a": "1" * 16}}, {"b": [0.5], "a": [1.0]}, ("#4", "#2"))
TRACE = Trace({"subject": "x"}, (STATE, STATE), 0, (OPERATION,), 3)


def test_what_is_written_is_read(tmp_path):
    trace.write(tmp_path / "x.trace", TRACE)
    found = trace.read(tmp_path / "x.trace")
    assert found == TRACE
    assert list(found.states[0].parts["weights"]) == ["b", "a"]  # in the order of the network
    trace.write(tmp_path / "y.trace", TRACE)
    assert (tmp_path / "x.trace").read_bytes() == (tmp_path / "y.trace").read_bytes()


def test_it_is_read_without_torch(tmp_path):
    trace.write(tmp_path / "x.trace", TRACE)
    code = (
        "import sys; sys.modules['torch'] = None; from pathlib import Path; from noisegrid.divergence import command\n"
    )
    code += f"print(command.trace.read(Path({str(tmp_path / 'x.trace')!r})).left_out)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "3\n", done.stderr


def document(text: bytes) -> bytes:
    return gzip.compress(text)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda raw: raw[: len(raw) // 2], "is cut off or damaged"),
        (lambda raw: b"not a trace", "it is no trace file"),
        (lambda raw: document(b"{}\n{}\n"), "is no trace file"),
        (lambda raw: document(b"[1]"), "is no trace file"),
        (lambda raw: document(gzip.decompress(raw).replace(b'"step":0', b'"step":1')), "does not have its checksum"),
        (
            lambda raw: document(gzip.decompress(raw).replace(b'"format": 1', b'"format": 9')),
            "has version 9 of its format",
        ),
    ],
)
def test_damage_is_one_sentence(tmp_path, change, sentence):
    path = tmp_path / "x.trace"
    trace.write(path, TRACE)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(NoisegridError, match=sentence) as error:
        trace.read(path)
    assert "\n" not in str(error.value) and str(path) in str(error.value)


def test_a_document_that_does_not_fit_the_schema_is_refused(tmp_path):
    import hashlib

    content = json.dumps({"about": {}, "states": [], "step": -1, "operations": [], "left_out": 0}).encode()
    head = json.dumps({"format": 1, "sha256": hashlib.sha256(content).hexdigest()}).encode()
    (tmp_path / "x.trace").write_bytes(document(head + b"\n" + content + b"\n"))
    with pytest.raises(NoisegridError, match="step"):
        trace.read(tmp_path / "x.trace")


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(NoisegridError, match=r"cannot read .*none\.trace"):
        trace.read(tmp_path / "none.trace")
