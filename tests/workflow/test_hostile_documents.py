"""What a stranger writes is data: hostile texts in every place of studies, configs and site files.

Every place gets every text. The command that a user would type then either succeeds, with the text escaped in all that
it prints and writes, or says in one sentence which key is wrong. Nothing in a text runs, and nothing is written outside
of its folder. `tests/crate/hostile.py` has packages that are made to use up memory or time.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hostile_documents import CONFIG, OWN, SITE, STUDY
from hostile_texts import TEXTS, assert_plain, named, params, planted, tree

from noisegrid.cli.main import main
from noisegrid.common.schemas import schema
from noisegrid.planning import plan, site
from noisegrid.study import check

#: The keys of the config that Snakemake prints as they are.
SHOWN = ("results", "datasets", "containers")


def make(config: dict[str, Any]) -> None:
    """Make the plan as the Snakefile does."""
    plan.make_or_exit(config)


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


def test_the_documents_have_every_key_of_the_schemas():
    """A new key gets hostile texts as soon as it is in a schema."""
    keys = {name: set(document) for name, document in (("study", STUDY), ("config", CONFIG), ("site", SITE))}
    keys |= {name: set().union(*STUDY[f"{name}s"].values()) - {"like"} for name in ("dataset", "task")}
    for name, found in keys.items():
        assert found == schema(name)["properties"].keys(), name
    for key in ("cells", "inference", "overhead", "versus"):
        keys = {name for block in STUDY[key] for name in block}
        assert keys == schema("study")["properties"][key]["items"]["properties"].keys()
    for key in ("optimizer", "augment", "scheduler", "loss", "average"):
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
