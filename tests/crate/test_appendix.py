"""docs/artifact.md is true: its commands are run as an evaluator types them, and say what stands there."""

import re
import shutil
from pathlib import Path

import pytest
from conftest import ROOT, clone, run

BLOCK = re.compile(r"```(sh|text)\n(.*?)```", re.DOTALL)


def experiments() -> list[tuple[str, str]]:
    """Commands and the output that is expected of them."""
    text = (ROOT / "docs/artifact.md").read_text()
    blocks = BLOCK.findall(text[text.index("## Experiments") : text.index("## Customisation")])
    assert [kind for kind, _ in blocks] == ["sh", "text"] * (len(blocks) // 2)
    return [(commands, expected) for (_, commands), (_, expected) in zip(blocks[::2], blocks[1::2], strict=True)]


@pytest.fixture(scope="session")
def after_e1(quick, tmp_path_factory) -> Path:
    """A clone in which E1 was just run."""
    folder = clone(tmp_path_factory.mktemp("clone"))
    for name in ("results", "resources", ".snakemake"):
        shutil.copytree(quick / name, folder / name, symlinks=True)
    return folder


def missing(expected: str, output: str) -> list[str]:
    """The expected lines that the output does not have."""
    patterns = [
        (line, ".*".join(re.escape(part.strip()) for part in line.split("…"))) for line in expected.splitlines()
    ]
    lines = output.splitlines()
    return [line for line, pattern in patterns if not any(re.fullmatch(pattern, found.strip()) for found in lines)]


@pytest.mark.slow
@pytest.mark.quick
@pytest.mark.parametrize(("commands", "expected"), experiments(), ids=lambda text: text.splitlines()[0][:60])
def test_an_experiment_says_what_stands_there(after_e1, commands, expected):
    done = run("bash", "-ec", commands, cwd=after_e1, PYTHONPATH=str(after_e1 / "workflow"))
    assert done.returncode == 0, done.stdout
    assert not missing(expected, done.stdout), done.stdout


def test_a_line_that_does_not_come_is_missed():
    assert missing("a … c\nd\n", "a 5 c\nd\n") == []
    assert missing("a … c\nd\n", "a 5 b\nd\n") == ["a … c"]
