"""docs/mistakes.md shows what the program prints: every mistake on the page is made, and the outputs are compared."""

import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import ROOT, noisegrid, run

from noisegrid.cli.main import main
from noisegrid.study.check import mistakes

PAGE = (ROOT / "docs/mistakes.md").read_text()
#: The study that is edited, and the name of the working directory on the page.
STUDY, FOLDER = "mine.yaml", "~/work"
#: What no message may contain: traces, parts of regular expressions, words of programmers.
UNHELPFUL = re.compile(r"Traceback|Exception|\\Z|\^\[|\[A-Za-z|Errno|NoneType|of type|schema")


@dataclass(frozen=True)
class Mistake:
    """A mistake of the page: lines to remove from the study and to write instead, commands, and what is printed."""

    title: str
    edit: str
    commands: tuple[str, ...]
    printed: str

    @property
    def last(self) -> list[str]:
        """The words of the last command, which prints the message; those before it make the mistake."""
        return shlex.split(self.commands[-1])

    def edited(self, study: str) -> str:
        """Return the study with the mistake."""
        if not self.edit:
            return study
        lines = [(line[0], line[1:]) for line in self.edit.splitlines()]
        old, new = ("".join(f"{text}\n" for mark, text in lines if mark in kept) for kept in (" -", " +"))
        assert study.count(old) == 1, old
        return study.replace(old, new)


def block(kind: str, text: str) -> str:
    found = re.search(rf"^```{kind}\n(.*?)^```$", text, re.M | re.S)
    return found.group(1) if found else ""


def on_the_page() -> list[Mistake]:
    found = []
    for part in PAGE.split("\n### ")[1:]:
        lines = block("console", part).splitlines()
        commands = tuple(line[2:] for line in lines if line.startswith("$ "))
        printed = "\n".join(line for line in lines if not line.startswith("$ "))
        found.append(Mistake(part.partition("\n")[0], block("diff", part), commands, printed))
    return found


MISTAKES = on_the_page()
ALL = [
    pytest.param(one, id=one.title, marks=[pytest.mark.slow] if one.last[0] == "snakemake" else []) for one in MISTAKES
]


def said(mistake: Mistake, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Make a mistake in a folder, and return what is printed, without the lines that Snakemake always prints."""
    (folder / STUDY).write_text(mistake.edited(block("yaml", PAGE)))
    for command in mistake.commands[:-1]:
        assert run("bash", "-c", command, cwd=folder).returncode == 0
    name, *words = mistake.last
    if name == "snakemake":
        places = ["--snakefile", ROOT / "Snakefile", "--workflow-profile", ROOT / "profiles/default"]
        done = run("snakemake", *places, "--directory", folder, "--cores", "1", *words, cwd=folder)
        assert done.returncode == 1
        assert not UNHELPFUL.search(done.stdout), done.stdout
        return "".join(line for line in done.stdout.splitlines(keepends=True) if line.startswith("noisegrid: "))
    assert name == "noisegrid"
    # slurm/site.yaml is looked for when the program starts; `train` sets variables of its process
    if (folder / "slurm").exists() or words[0] == "train":
        return noisegrid(*words, cwd=folder).stdout
    try:
        code = main(words)
    except SystemExit as error:
        code = int(str(error.code))
    assert code in (0, 1, 2) and (code or words[0] in ("status", "repair"))
    out, err = capsys.readouterr()
    return str(out + err)


@pytest.mark.parametrize("mistake", ALL)
def test_every_mistake_is_answered_as_the_page_says(mistake, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.setitem(sys.modules, "pynvml", None)  # on the page, the machine has no GPU
    monkeypatch.chdir(folder)
    printed = said(mistake, folder, capsys).rstrip("\n").replace(str(folder), FOLDER)
    assert printed == mistake.printed
    assert printed and "\n" not in printed and not UNHELPFUL.search(printed)
    if mistake.edit and mistake.last[:2] == ["noisegrid", "plan"]:
        # `noisegrid check` says the same
        assert printed.removeprefix("noisegrid: ") in [one.replace(str(folder), FOLDER) for one in mistakes(STUDY)]


def test_the_study_of_the_page_has_no_mistake(tmp_path):
    (tmp_path / STUDY).write_text(block("yaml", PAGE))
    assert mistakes(str(tmp_path / STUDY)) == []


def test_the_page_has_fifty_mistakes_and_no_title_twice():
    assert len(MISTAKES) >= 50
    assert len({one.title for one in MISTAKES}) == len(MISTAKES)
