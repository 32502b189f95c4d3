"""What changes logits is found in networks in which it was planted, and nothing is found in those without."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from noisegrid.common.schemas import check

HERE = Path(__file__).resolve().parent
#: Judges each network in one process, which forks one for each condition.
SCRIPT = """
import json, sys
from pathlib import Path
from noisegrid.common.errors import NoisegridError
from noisegrid.invariance.as_json import to_document
from noisegrid.invariance.judge import judged
from noisegrid.invariance.subjects import Subject
found = {}
for name in sys.argv[1:]:
    sizes = [2, 4] if name == "batch_norm" else [1, 2, 4]  # PyTorch refuses to normalise by a batch of one
    try:
        found[name] = to_document(judged(Subject("function", f"planted:{name}", 10, ""), sizes, [1, 2]))
    except NoisegridError as error:
        found[name] = f"{error.exit_code} {error}"
print(json.dumps(found))
"""
#: For each network: the conditions that change its logits, how many examples they change, and the first operation.
KNOWN = {
    "clean": {},
    "batch_norm_in_inference": {},
    "logits_under_a_name": {},
    "harmless": {},
    "alone": {"batch size 1": (10, "output", "mul.Tensor")},
    "alone_by_another_operation": {"batch size 1": (10, "only in this condition", "add.Tensor")},
    "by_threads": {"threads 2": (10, "output", "mul.Tensor")},
    # the first places of batches are 0, 4, 8 in the reference; all in batches of 1; 0, 2, 4, 6, 8; and 3, 7, 9, rotated
    "by_place": {"batch size 1": (7, "output", "arange.default"), "batch size 2": (2, "output", "arange.default"),
                 "position rotated by one": (6, "output", "arange.default")},
}  # fmt: skip
REFUSED = {
    "unseeded": "6 planted:unseeded, batch size 1: the same evaluation, repeated, has other outputs",
    "failing": "6 planted:failing, reference: ValueError: no batch; correct it",
    "no_network": "6 planted:no_network returned int; return a torch.nn.Module",
    "no_logits": "6 planted:no_logits, reference: it returned a tensor of torch.float32 and shape () for 4 examples",
    "whole_numbers": "6 planted:whole_numbers, reference: it returned a tensor of torch.int64 and shape (4, 4)",
}


#: How many examples batch norm in training mode changes.
FOR_BATCH_NORM = {"batch size": 8, "position": 0, "neighbours": 8}


@pytest.fixture(scope="module")
def documents() -> dict:
    names = [*KNOWN, *REFUSED, "batch_norm", "other_class"]
    paths = os.pathsep.join([str(ROOT / "workflow"), str(HERE)])
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *names],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _changed(document: dict) -> list[dict]:
    return [one for one in document["conditions"] if one["other_logits"]]


@pytest.mark.parametrize("name", KNOWN)
def test_what_was_planted_is_found_and_nothing_else(documents, name):
    found = documents[name]
    check(found, "invariance", name)
    changed = {
        f"{one['kind']} {one['value']}": (one["other_logits"], one["operation"]["kind"], one["operation"]["name"])
        for one in _changed(found)
    }
    assert changed == KNOWN[name]
    assert found["changed"] == bool(changed)
    assert all(one["operation"]["module"] == "planted" and one["ulp"] <= 2 for one in _changed(found))
    assert not any(one["other_class"] for one in found["conditions"])


def test_batch_norm_by_the_batch_is_found(documents):
    """The sums are exact in any order, so the place in the batch changes nothing; examples 8 and 9 stay together."""
    found = {one["kind"]: one for one in documents["batch_norm"]["conditions"] if one["kind"] in FOR_BATCH_NORM}
    assert {kind: one["other_logits"] for kind, one in found.items()} == FOR_BATCH_NORM
    for kind in ("batch size", "neighbours"):
        assert found[kind]["operation"] == {"kind": "output", "name": "native_batch_norm.default", "module": "planted"}
    assert "a layer mixes the examples of a batch" in documents["batch_norm"]["sentence"]


def test_another_class_is_counted(documents):
    (found,) = _changed(documents["other_class"])
    assert (found["value"], found["other_logits"], found["other_class"]) == ("1", 10, 10)
    assert documents["other_class"]["sentence"] == (
        "batch size (1) changes the logits of up to 10 of 10 examples, and the class of up to 10; position, "
        "neighbours, threads, instruction set and precision change none. Remedy: evaluate in batches of "
        "one size, and fill up the last one"
    )


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_judged_is_one_sentence(documents, name):
    assert documents[name].startswith(REFUSED[name])
    assert "\n" not in documents[name]
