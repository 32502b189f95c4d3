"""What a command depends on: computed from the text of the package, and compared with what it really opens."""

import json
import sys
from pathlib import Path

import pytest
from conftest import ROOT, run

from noisegrid.common import dependencies
from noisegrid.common.dependencies import code_of, command_digest, files_of, function_digest

MODULE = '''\
"""A module."""

import math  # the library

#: The factor.
FACTOR = 2  # twice


def net(x):
    """Return twice a number."""
    text = "# no comment"
    return helper(x) * FACTOR, text


def helper(x):
    return math.sqrt(x)


def other(x):
    return helper(x) + 1


class Nothing(Exception):
    """A body that is nothing but a docstring stays."""
'''
CODE = '''\
import math
FACTOR = 2
def net(x):
    text = "# no comment"
    return helper(x) * FACTOR, text
def helper(x):
    return math.sqrt(x)
def other(x):
    return helper(x) + 1
class Nothing(Exception):
    """A body that is nothing but a docstring stays."""
'''


def test_comments_docstrings_and_blank_lines_are_not_code():
    assert code_of(MODULE) == CODE


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("twice a number", "a number twice", False),
        ("# twice", "# two times", False),
        ("+ 1", "+ 2", False),  # of a function that `net` does not use
        ("FACTOR = 2", "FACTOR = 3", True),
        ("math.sqrt(x)", "math.exp(x)", True),
        ("helper(x) * FACTOR", "FACTOR * helper(x)", True),
        ("import math", "import cmath as math", True),
    ],
)
def test_a_function_is_its_text_and_what_it_uses(tmp_path, old, new, changes):
    path, edited = tmp_path / "a.py", tmp_path / "b.py"
    path.write_text(MODULE)
    edited.write_text(MODULE.replace(old, new))
    assert path.read_text() != edited.read_text()
    assert (function_digest(path, "net") != function_digest(edited, "net")) == changes


def test_a_digest_names_no_path_of_this_machine(monkeypatch, tmp_path):
    before = command_digest("tables")
    (tmp_path / "workflow").symlink_to(ROOT / "workflow")
    monkeypatch.setattr(dependencies, "WORKFLOW", tmp_path / "workflow")
    monkeypatch.setattr(dependencies, "PACKAGE", tmp_path / "workflow/noisegrid")
    dependencies._read.cache_clear()
    assert command_digest("tables") == before


def test_what_is_measured_depends_on_no_words():
    """Titles, captions and claims are in catalogs that measuring does not read."""
    for subcommand in ("measure", "compare-hardware", "collect"):
        files = {path.relative_to(ROOT / "workflow").as_posix() for path in files_of(subcommand)}
        assert not [name for name in files if name.startswith(("catalog/", "noisegrid/reporting/"))], subcommand
    assert ROOT / "workflow/catalog/claims.yaml" in files_of("tables")


#: A command as a rule calls it, in the folder of the finished tiny study. {out} is a file to write.
COMMANDS = {
    "measure": "results/tiny/design.json --hardware cpu --task tiny-digits"
    " --chunks results/tiny/chunks/cpu/0-3.json --output {out}",
    "compare-hardware": "results/tiny/design.json --task tiny-digits --output {out}"
    " --chunks results/tiny/chunks/cpu/0-3.json results/tiny/chunks/cpu_sse41/0-2.json",
    "tables": "--metrics results/tiny/metrics.csv --overhead results/tiny/overhead.csv --output {out}",
    "figures": "figure_1 figure_7 --output {out}"
    " --metrics results/tiny/metrics.csv --overhead results/tiny/overhead.csv",
    # figures would open their captions, which the rule adds to the digest
    "report": "--metrics results/tiny/metrics.csv --overhead results/tiny/overhead.csv --output {out}",
    "collect": "results/tiny/cells/cpu/tiny-digits.csv --output {out}",
}
#: Runs a command and prints the files below the workflow folder that it opened or imported.
SPY = """
import json, os, sys
root, opened = sys.argv.pop(1), set()
def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], str):
        path = os.path.realpath(arguments[0])
        if path.startswith(root) and "__pycache__" not in path:
            opened.add(path)
sys.addaudithook(hook)
from noisegrid.cli.main import main
code = main()
imported = {m.__file__ for n, m in list(sys.modules.items()) if n.startswith("noisegrid") and m.__file__}
print(json.dumps([code, sorted(opened | imported)]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("subcommand", COMMANDS)
def test_every_file_that_a_command_opens_is_known_beforehand(finished, tmp_path, subcommand):
    arguments = COMMANDS[subcommand].format(out=tmp_path / "out").split()
    root = str(ROOT / "workflow") + "/"
    done = run(sys.executable, "-c", SPY, root, subcommand, *arguments, cwd=finished)
    code, opened = json.loads(done.stdout.splitlines()[-1])
    assert code == 0, done.stdout
    inits = {path for path in map(Path, opened) if path.name == "__init__.py" and not is_used(path)}
    dispatch = {ROOT / "workflow/noisegrid/cli/main.py"}
    assert set(map(Path, opened)) - inits - dispatch <= files_of(subcommand)
    assert len(opened) > 5


def is_used(path: Path) -> bool:
    """Whether the `__init__.py` of a subpackage holds more than its docstring."""
    return path.parent.name != "noisegrid" and code_of(path.read_text()) != ""
