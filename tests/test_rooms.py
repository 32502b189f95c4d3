"""The rooms of the package: imports run one way, and what is light stays light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

import noisegrid

PACKAGE = ROOT / "workflow/noisegrid"
#: In the order in which the package's docstring tells them.
ROOMS = ["basics", "node", "design", "records", "training", "timing", "analysis", "artifact"]


def imported(path: Path) -> set[str]:
    """What a file imports of the package: rooms, and files beside them."""
    tree = ast.walk(ast.parse(path.read_text()))
    froms = [node for node in tree if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("noisegrid")]
    names = {node.module.split(".")[1] for node in froms if "." in node.module}
    return names | {alias.name for node in froms if node.module == "noisegrid" for alias in node.names}


def test_the_docstring_names_every_room_in_order():
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders == set(ROOMS)
    told = [
        line.split()[0] for line in noisegrid.__doc__.splitlines() if line.split()[:1] and line.split()[0] in folders
    ]
    assert told == ROOMS


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_from_those_before_it_only(room):
    later = set(ROOMS[ROOMS.index(room) + 1 :])
    for path in (PACKAGE / room).glob("*.py"):
        assert not imported(path) & later, path


def test_what_is_planned_with_needs_no_command():
    commands = {path.stem for path in PACKAGE.glob("*.py") if "def main" in path.read_text()}
    for room in ("basics", "node", "design", "records"):
        for path in (PACKAGE / room).glob("*.py"):
            assert not imported(path) & commands, path


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("noisegrid.plan", ["torch", "pandas", "matplotlib"]),  # parsed again by every job
        ("noisegrid.measure", ["torch", "snakemake"]),
        ("noisegrid.figures", ["torch", "snakemake"]),
        ("noisegrid.verify", ["torch"]),
        ("noisegrid.training.train", ["pandas", "snakemake"]),
    ],
)
def test_what_is_light_stays_light(module, absent):
    script = f"import sys, {module}; print(*(name for name in {absent!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
