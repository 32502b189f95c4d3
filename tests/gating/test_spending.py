"""The ledger of looks: what it spends, for what, and what it refuses."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noisegrid.common.errors import NoisegridError
from noisegrid.gating.gate import judge
from noisegrid.gating.question import Question
from noisegrid.gating.sentences import percent
from noisegrid.gating.spending import Ledger, digest
from noisegrid.reading.runs import CannotJudge, Examples, Runs

BASE, NEW = [93.0, 93.4, 93.1, 93.3], [93.2, 93.7, 93.5, 93.6]


def runs(values, seeds=None, metric="accuracy") -> Runs:
    values = np.array(values, float)
    return Runs(values, metric, tuple(f"run {n}" for n in range(len(values))), seeds)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gate.json"


def spent(path: Path) -> list[dict]:
    return json.loads(path.read_text())["spent"]


def data(number: int) -> str:
    """Return a digest of results that were not looked at before."""
    return f"{number:064x}"


def test_looks_are_counted_and_each_has_its_level(path):
    found = [judge(runs(BASE), runs(np.add(NEW, shift)), Question(), Ledger(path)) for shift in (0.0, 0.1, 0.2)]
    assert [one.level for one in found] == pytest.approx([1 - 0.05 / 2, 1 - 0.05 / 6, 1 - 0.05 / 12])
    assert [one.look.number for one in found] == [1, 2, 3]
    assert [one.notes[0] for one in found] == [
        f"look {look} of {path}, at {level} %" for look, level in ((1, "97.5"), (2, "99.17"), (3, "99.58"))
    ]
    assert [entry["verdict"] for entry in spent(path)] == [one.verdict for one in found]
    assert judge(runs(BASE), runs(NEW), Question()).look is None


def test_the_file_is_as_documented(path):
    judge(runs(BASE), runs(NEW), Question(confidence=0.9), Ledger(path, looks=4))
    document = json.loads(path.read_text())
    (entry,) = document.pop("spent")
    assert document == {"format": 1, "confidence": 0.9, "looks": 4}
    assert entry.keys() == {"look", "level", "data", "verdict", "time"}
    assert (entry["look"], entry["level"], entry["verdict"]) == (1, pytest.approx(0.975), "undecided")
    assert [file.name for file in path.parent.iterdir()] == ["gate.json"]  # neither a lock nor a temporary file


def test_variants_that_were_tried_are_corrected_for_on_top(path):
    found = judge(runs(BASE), runs(NEW), Question(tried=5), Ledger(path))
    assert (found.look.level, found.level) == pytest.approx((0.975, 0.995))
    assert found.notes[0].endswith("at 99.5 %")


def test_the_same_results_spend_nothing_and_keep_their_level(path):
    first = judge(runs(BASE), runs(NEW), Question(), Ledger(path))
    judge(runs(BASE), runs([*NEW, 93.8]), Question(), Ledger(path))
    again = judge(runs(BASE[::-1]), runs(NEW), Question(), Ledger(path))
    assert again.look.again and again.level == first.level and again.verdict == first.verdict
    assert again.notes[0] == f"look 1 of {path} again, at 97.5 %; the same results spend nothing"
    assert len(spent(path)) == 2


def test_another_question_about_the_same_results_is_another_look(path):
    asked = [
        Question(),
        Question(at_least=0.1),
        Question(within=0.1),
        Question(tried=2),
        Question(lower_is_better=True),
    ]
    for question in asked:
        judge(runs(BASE), runs(NEW), question, Ledger(path))
    assert [entry["look"] for entry in spent(path)] == [1, 2, 3, 4, 5]


def test_runs_that_cannot_be_judged_spend_nothing(path):
    for new in (runs(NEW[:2]), runs([*NEW, np.nan]), runs(BASE), runs(NEW, seeds=("1", "1", "2", "3"))):
        with pytest.raises(CannotJudge):
            judge(runs(BASE), new, Question(), Ledger(path))
    assert not path.exists()


def test_a_process_that_dies_has_spent_its_look_and_may_judge_the_same_results_again(path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("noisegrid.gating.gate._verdict", lambda *_: sys.exit("killed"))
        with pytest.raises(SystemExit):
            judge(runs(BASE), runs(NEW), Question(), Ledger(path))
    assert [entry["verdict"] for entry in spent(path)] == [None]
    assert judge(runs(BASE), runs([*NEW, 93.8]), Question(), Ledger(path)).look.number == 2
    found = judge(runs(BASE), runs(NEW), Question(), Ledger(path))
    assert (found.look.number, spent(path)[0]["verdict"]) == (1, found.verdict)


def test_a_look_beyond_those_planned_is_refused(path):
    ledger = Ledger(path, looks=2)
    assert [ledger.reserve(data(number), 0.95).level for number in (1, 2)] == pytest.approx([0.975, 0.975])
    with pytest.raises(CannotJudge, match=r"all 2 planned looks of .* are spent"):
        ledger.reserve(data(3), 0.95)
    assert ledger.reserve(data(2), 0.95).again
    with pytest.raises(NoisegridError, match="looks is 0"):
        Ledger(path, looks=0)


@pytest.mark.parametrize(
    ("confidence", "looks", "message"),
    [
        (0.9, None, "begun at a confidence of 95 %, not of 90 %"),
        (0.95, 5, "begun for an unknown number of looks, not for 5 planned looks"),
    ],
)
def test_a_ledger_about_something_else_is_refused(path, confidence, looks, message):
    Ledger(path).reserve(data(1), 0.95)
    with pytest.raises(CannotJudge, match=message):
        Ledger(path, looks).reserve(data(2), confidence)
    assert len(spent(path)) == 1


def test_a_ledger_that_was_replaced_meanwhile_is_refused(path):
    ledger = Ledger(path)
    look = ledger.reserve(data(1), 0.95)
    path.unlink()
    with pytest.raises(CannotJudge, match="was replaced while look 1 was judged"):
        ledger.record(look, 0.95, "better")
    ledger.reserve(data(2), 0.95)
    with pytest.raises(CannotJudge, match="was replaced while look 1 was judged"):
        ledger.record(look, 0.95, "better")


EDITS = {
    "a level": lambda document: document["spent"][1].update(level=0.95),
    "a level that is text": lambda document: document["spent"][0].update(level="0.975"),
    "a look that was removed": lambda document: document["spent"].pop(0),
    "a look that was repeated": lambda document: document["spent"][1].update(data=data(1)),
    "a verdict": lambda document: document["spent"][0].update(verdict="best"),
    "a verdict that is a list": lambda document: document["spent"][0].update(verdict=[]),
    "a digest": lambda document: document["spent"][0].update(data="1"),
    "a time": lambda document: document["spent"][0].update(time=3),
    "a further key": lambda document: document.update(comment="mine"),
    "a missing key": lambda document: document.pop("looks"),
    "a further key of a look": lambda document: document["spent"][0].update(comment="mine"),
    "a look that is a number": lambda document: document["spent"].append(3),
    "no list": lambda document: document.update(spent={}),
    "a confidence that is text": lambda document: document.update(confidence="0.95"),
    "a number of looks that is text": lambda document: document.update(looks="5"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_an_edited_ledger_is_refused(path, edit):
    for number in (1, 2):
        Ledger(path).reserve(data(number), 0.95)
    document = json.loads(path.read_text())
    edit(document)
    path.write_text(json.dumps(document))
    with pytest.raises(CannotJudge, match="is not a ledger as noisegrid wrote it"):
        Ledger(path).reserve(data(3), 0.95)
    assert json.loads(path.read_text()) == document


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, b"\xff\xfe", '{"format": 1}', "1" * 5000])
def test_a_damaged_ledger_is_refused(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(CannotJudge, match="is not a ledger as noisegrid wrote it"):
        Ledger(path).reserve(data(1), 0.95)


def test_what_is_no_ledger_of_this_release_is_refused(path):
    path.write_text('{"format": 2}')
    with pytest.raises(NoisegridError, match="has version 2 of its format"):
        Ledger(path).reserve(data(1), 0.95)
    path.unlink()
    path.mkdir()
    with pytest.raises(CannotJudge, match="not a file"):
        Ledger(path).reserve(data(1), 0.95)


def test_a_link_to_a_ledger_is_the_ledger(path):
    link = path.with_name("link.json")
    link.symlink_to(path)
    assert [Ledger(name).reserve(data(n), 0.95).number for n, name in enumerate((path, link, path), 1)] == [1, 2, 3]
    assert link.is_symlink()


def test_a_link_in_place_of_the_lock_is_not_followed(path):
    victim = path.with_name("victim")
    victim.write_text("mine")
    path.with_name(f".{path.name}.lock").symlink_to(victim)
    with pytest.raises(NoisegridError, match=r"gate\.json\.lock is a link; remove it"):
        Ledger(path).reserve(data(1), 0.95)
    assert victim.read_text() == "mine" and not path.exists()


SCRIPT = """
import sys
from pathlib import Path
from noisegrid.gating.spending import Ledger
print("ready", flush=True)
sys.stdin.read()
for number in range(100):
    ledger = Ledger(Path(sys.argv[1]))
    ledger.record(ledger.reserve(f"{sys.argv[2]}{number:063x}", 0.95), 0.95, "undecided")
"""


def test_two_processes_never_take_the_same_look(path):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    processes = [subprocess.Popen([sys.executable, "-c", SCRIPT, path, name], **pipes) for name in "ab"]
    assert [process.stdout.readline() for process in processes] == [b"ready\n"] * 2
    for process in processes:  # both begin now
        process.stdin.close()
    assert [process.wait(60) for process in processes] == [0, 0]
    entries = spent(path)
    assert [entry["look"] for entry in entries] == list(range(1, 201))
    assert {entry["data"] for entry in entries} == {f"{name}{n:063x}" for name in "ab" for n in range(100)}
    assert {entry["verdict"] for entry in entries} == {"undecided"}


def loops_that_err(path: Path, loops: int, looks: int, spend: bool) -> int:
    """Return how many loops without effect ever decide, of which each look adds a run to both sides."""
    rng, erring = np.random.default_rng(3), 0
    for loop in range(loops):
        base, new = rng.normal(size=(2, 2 + looks))
        ledger = Ledger(path.with_name(f"{loop}.json")) if spend else None
        found = [judge(runs(base[:n], metric="score"), runs(new[:n], metric="score"), Question(), ledger).verdict
                 for n in range(3, 3 + looks)]  # fmt: skip
        erring += found != ["undecided"] * looks
    return erring


def test_whole_loops_through_the_gate(path):
    assert loops_that_err(path, loops=30, looks=12, spend=True) <= 4  # 5 % of 30 at 99 %
    assert loops_that_err(path, loops=30, looks=12, spend=False) > 4


def with_examples(scores, **more) -> Runs:
    scores = np.array(scores)
    return replace(runs(100 * scores.mean(axis=1)), examples=Examples(scores, **more))


@settings(max_examples=50)
@given(st.permutations(range(4)), st.permutations(range(4)))
def test_the_digest_ignores_the_order_of_runs_but_not_of_pairs(first, second):
    base, new = np.array(BASE), np.array(NEW)
    shuffled = runs(base[first]), runs(new[second])
    assert digest(*shuffled, False, "") == digest(runs(base), runs(new), False, "")
    same = digest(*shuffled, True, "") == digest(runs(base), runs(new), True, "")
    assert same == (list(first) == list(second))


def test_the_digest_has_all_that_a_verdict_depends_on():
    scores = np.random.default_rng(0).random((4, 6)) < 0.5
    moved = scores[:, ::-1]  # the same results, from other examples
    one = runs(BASE), with_examples(scores), False, Question()
    others = [
        (runs([*BASE[:3], np.nextafter(93.3, 94)]), *one[1:]),
        (one[1], one[0], *one[2:]),
        (one[0], with_examples(moved), *one[2:]),
        (*one[:2], True, one[3]),
        (*one[:3], Question(unpaired=True)),
    ]
    assert len({digest(*each) for each in (one, *others)}) == 6


@pytest.mark.parametrize(
    ("level", "text"), [(0.9, "90 %"), (0.95, "95 %"), (0.975, "97.5 %"), (1 - 0.05 / 2550, "99.998 %"), (0.99, "99 %")]
)
def test_a_confidence_is_shown_with_two_digits_of_what_it_lacks(level, text):
    assert percent(level) == text
