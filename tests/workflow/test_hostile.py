"""What a stranger writes is data: hostile texts in every place of studies, config, site files, records and folders.

Every place gets every text. The command that a user would type then either succeeds, with the text escaped in all that
it prints and writes, or says in one sentence which key is wrong. Nothing in a text runs, and nothing is written outside
of its folder. `tests/crate/hostile.py` has packages that are made to use up memory or time.
"""

import copy
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from noisegrid.cli.main import main
from noisegrid.common.schemas import schema
from noisegrid.planning import plan, site
from noisegrid.study import check

TEXTS = (
    'it\'s "quoted" & $(touch PWNED) `touch PWNED`; touch PWNED #',
    "x\ntouch PWNED\n",
    "{threads} {{ 7 * 7 }} {% raw %}",
    "../../outside",
    "\x1b[2J\x1b]0;title\x07\u202egnp.exe\u2066",
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script><img src=x onerror=alert(1)> [x](javascript:alert(1))",
    r"\input{/etc/passwd}\write18{touch PWNED} 100 %",
    "--help",
)
#: What no terminal may get: control characters but ends of lines, and characters that change the direction.
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")

# --- places ----------------------------------------------------------------------------------------------------------

#: A study in which every key of the schemas is set.
STUDY: dict[str, Any] = {
    "name": "mine",
    "description": "words",
    "seed": 1,
    "cells": [{"hardware": ["cpu"], "tasks": ["own"], "noise": ["algo"], "replicates": 4, "seed_sets": 2}],
    "overhead": [
        {
            "hardware": ["cpu"], "networks": ["smallcnn", "own:net"], "arms": ["default"],
            "size": 16, "batch_size": 2, "blocks": 6, "steps": 2,
        }
    ],
    "share_gpu": False,
    "keep": ["weights"],
    "datasets": {
        "own-data": {
            "read": "own:read", "classes": 10, "full_scale": 16, "title": "words", "source": "words", "groups": False,
            "bundled": True, "licensed": False, "channels": 1, "examples": 999, "size": 8, "files": ["a|b"],
        }
    },
    "tasks": {
        "plain": {"like": "smallcnn-digits", "optimizer": {"name": "adam", "learning_rate": 0.1, "epsilon": 0.1}},
        "own": {
            "network": "own:net", "network_options": {"width": "words"}, "dataset": "own-data",
            "without_batch_norm": "plain", "epochs": 2, "batch_size": 8,
            "optimizer": {
                "name": "sgd", "learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.1, "warmup_epochs": 1,
            },
            "schedule": [[1, 0.1]], "pixels": "scale", "augment": {"pad": 1, "flip": False, "resized_crop": 8},
            "dropout": 0.0, "label_smoothing": 0.0, "memory_gb": 0.1, "tflop_per_epoch": 0.1, "deviations": ["words"],
        },
    },
}  # fmt: skip
OWN = "def net(**options): ...\ndef read(folder): ...\n"
#: A config in which every key of the schema is set.
CONFIG: dict[str, Any] = {
    "study": "mine.yaml",
    "results": "results",
    "datasets": "datasets",
    "dataset_folders": {"own-data": "raw"},
    "replicates_per_job": 2,
    "job_per": "task",
    "threads_per_job": 1,
    "accept_failures": False,
    "checkpoint_minutes": 1,
    "package_weights": False,
    "containers": "containers",
    "images": {"here": {"image": "here.sif", "sha256": "0" * 64}},
    "unpinned_images": False,
    "stack": "here",
    "debian_mirror": "http://deb.debian.org/debian",
    "require_containers": False,
}
#: A site file in which every key of the schema is set.
SITE: dict[str, Any] = {
    "account": "me",
    "partition": {"cpu": "short"},
    "gpu_request": "model",
    "minutes_per_job": 5,
    "memory_mb": 2000,
    "extra": "--qos=long --comment='two words'",
}

#: The keys of the config that Snakemake prints as they are.
SHOWN = ("results", "datasets", "containers")

Place = tuple[str | int, ...]


def places(document: Any, above: Place = ()) -> Iterator[tuple[Place, bool]]:
    """Yield every place of a document: each value, and each key of a mapping (then with True)."""
    entries = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in entries:
        here = (*above, key)
        if isinstance(document, dict):
            yield here, True
        if isinstance(value, dict | list):
            yield from places(value, here)
        yield here, False


def planted(document: Any, place: Place, is_key: bool, text: str) -> Any:
    """Return a copy of a document with a text as the value, or as the key, in a place."""
    changed = copy.deepcopy(document)
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    if is_key:
        inner[text] = inner.pop(place[-1])
    else:
        inner[place[-1]] = text
    return changed


def params(document: dict[str, Any]) -> list[Any]:
    return [
        pytest.param(place, is_key, id=f"{'.'.join(map(str, place))}{' (key)' if is_key else ''}")
        for place, is_key in places(document)
    ]


def tree(folder: Path) -> dict[str, bytes]:
    """Every file and folder below a folder, with contents."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


def assert_plain(printed: str) -> None:
    """Assert that an output is safe for a terminal and shows no exception."""
    assert not RAW.search(printed), printed
    assert not re.search(r"Traceback|Exception|Error in|WorkflowError", printed), printed


def named(place: Place, printed: str) -> bool:
    """Whether a sentence names the key of a place, or says that the key is unknown."""
    keys = [str(key) for key in place if isinstance(key, str)]
    return "unknown key" in printed or any(key.rstrip("s") in printed for key in keys)


def make(config: dict[str, Any]) -> None:
    """Make the plan as the Snakefile does."""
    plan.make_or_exit(config)


Said = Callable[..., tuple[int, str]]


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's working directory, in a folder that nothing may change."""
    folder = tmp_path / "surroundings" / "work"
    folder.mkdir(parents=True)
    (folder / "own.py").write_text(OWN)
    (folder / "raw").mkdir()
    (folder / "raw" / "a").touch()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Call a function of the command line, and return the exit code and what it printed."""

    def call(function: Callable[[], int | None]) -> tuple[int, str]:
        try:
            code = function() or 0
        except SystemExit as error:
            print(error.code)
            code = 1
        out, err = capsys.readouterr()
        return code, out + err

    return call


# --- every text in every place, without Snakemake --------------------------------------------------------------------


def test_the_documents_have_every_key_of_the_schemas():
    """A new key gets hostile texts as soon as it is in a schema."""
    one = {
        "study": STUDY,
        "config": CONFIG,
        "site": SITE,
        "dataset": STUDY["datasets"]["own-data"],
        "task": STUDY["tasks"]["own"],
    }
    for name, document in one.items():
        assert document.keys() == schema(name)["properties"].keys(), name
    for key in ("cells", "overhead"):
        assert STUDY[key][0].keys() == schema("study")["properties"][key]["items"]["properties"].keys()
    for key in ("optimizer", "augment"):
        keys = {name for task in STUDY["tasks"].values() for name in task.get(key, {})}
        assert keys == schema("task")["properties"][key]["properties"].keys()


def test_the_documents_are_right(work, said):
    (work / "mine.yaml").write_text(yaml.safe_dump(STUDY))
    assert check.mistakes("mine.yaml") == []
    assert said(lambda: make(CONFIG)) == (0, "")


@pytest.mark.parametrize(("place", "is_key"), params(STUDY))
def test_a_study_with_hostile_text_is_refused_or_planned(place, is_key, work, said):
    for text in TEXTS:
        (work / "mine.yaml").write_text(yaml.safe_dump(planted(STUDY, place, is_key, text)))
        before = tree(work.parent)
        code, printed = said(lambda: main(["check", "mine.yaml"]))
        assert_plain(printed)
        *found, last = printed.splitlines()
        assert last.startswith(f"mine.yaml: {len(found) if code else 'no'} mistake"), printed
        assert all(line.startswith("mine.yaml: ") for line in found), printed
        assert code == 0 or named(place, printed), printed
        if code == 0 or text is TEXTS[0]:
            again, printed = said(lambda: main(["plan", "mine.yaml"]))
            assert_plain(printed)
            assert again == code and (again == 0 or re.fullmatch(r"noisegrid: mine\.yaml: .*\n", printed)), printed
        assert tree(work.parent) == before


@pytest.mark.parametrize(("place", "is_key"), params(CONFIG))
def test_a_config_with_hostile_text_is_refused_or_planned(place, is_key, work, said):
    (work / "mine.yaml").write_text(yaml.safe_dump(STUDY))
    before = tree(work.parent)
    for text in TEXTS:
        code, printed = said(lambda text=text: make(planted(CONFIG, place, is_key, text)))
        assert_plain(printed)
        if code:
            assert re.fullmatch(r"noisegrid: .*\n", printed) and named(place, printed), printed
        else:
            assert printed == "" and place[0] in ("results", "datasets", "dataset_folders", "containers", "images")
            assert text not in ("--help", TEXTS[1], TEXTS[2], TEXTS[4]) or place[0] not in SHOWN
        assert tree(work.parent) == before


@pytest.mark.parametrize(("place", "is_key"), params(SITE))
def test_a_site_file_with_hostile_text_is_refused(place, is_key, work, said, monkeypatch):
    (work / "mine.yaml").write_text(yaml.safe_dump(STUDY))
    monkeypatch.setattr(site, "SITE", work / "site.yaml")
    for text in TEXTS if place != ("extra",) else TEXTS[:-1]:  # --help is an option of sbatch
        (work / "site.yaml").write_text(yaml.safe_dump(planted(SITE, place, is_key, text)))
        before = tree(work.parent)
        code, printed = said(lambda: main(["plan", "mine.yaml"]))
        assert_plain(printed)
        assert code == 1 and re.fullmatch(r"noisegrid: .*site\.yaml: .*\n", printed), printed
        assert named(place, printed), printed
        assert tree(work.parent) == before
