"""The layout of the package: imports run one way, and what is light stays light."""

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from conftest import ROOT

import noisegrid
from noisegrid.common.provenance import TRAINING_MODULES

PACKAGE = ROOT / "workflow/noisegrid"
#: In the order in which the package's docstring lists them: each imports only from those before it.
SUBPACKAGES = [
    *("common", "runtime", "study", "records", "networks", "readers", "data", "stats", "training", "fingerprint"),
    *(
        "overhead",
        "measuring",
        "reporting",
        "planning",
        "crate",
        "reading",
        "gating",
        "presenting",
        "divergence",
        "testing",
        "invariance",
        "audit",
        "cli",
    ),
]


def imported(path: Path) -> set[str]:
    """Return the subpackages and modules of noisegrid that a file imports."""
    tree = ast.walk(ast.parse(path.read_text()))
    froms = [node for node in tree if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("noisegrid")]
    names = {node.module.split(".")[1] for node in froms if "." in node.module}
    return names | {alias.name for node in froms if node.module == "noisegrid" for alias in node.names}


def test_the_docstring_lists_every_subpackage_in_order():
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders == set(SUBPACKAGES)
    lines = [line.split()[0] for line in noisegrid.__doc__.splitlines() if line.split()]
    assert [word for word in lines if word in folders] == SUBPACKAGES


@pytest.mark.parametrize("subpackage", SUBPACKAGES)
def test_a_subpackage_imports_only_from_those_before_it(subpackage):
    later = set(SUBPACKAGES[SUBPACKAGES.index(subpackage) + 1 :])
    for path in (PACKAGE / subpackage).glob("*.py"):
        assert not imported(path) & later, path


def test_the_files_of_tests_have_names_of_their_own():
    """pytest imports them as modules without a package, and refuses the second of a name."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, times in names.items() if times > 1] == []


def test_stats_imports_nothing_else_of_the_package():
    for path in (PACKAGE / "stats").glob("*.py"):
        assert imported(path) <= {"stats"}, path


def test_every_test_folder_mirrors_a_subpackage():
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")}
    assert folders <= {*SUBPACKAGES, "docs", "workflow", "site", "benchmarks", "gpu", "null_cuda"}


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("noisegrid.cli.main", ["torch", "pandas", "scipy", "snakemake", "numpy", "yaml"]),
        ("noisegrid.testing.plugin", ["torch", "pandas", "scipy", "numpy", "yaml"]),  # by every session of pytest
        ("noisegrid.planning.plan", ["torch", "pandas", "matplotlib"]),  # parsed again by every job
        ("noisegrid.measuring.cell", ["torch", "snakemake"]),
        ("noisegrid.reporting.figures", ["torch", "snakemake"]),
        ("noisegrid.crate.verify", ["torch"]),
        ("noisegrid.training.train", ["pandas", "snakemake"]),
        ("noisegrid.testing.same_run, noisegrid.testing.noise", ["torch", "pandas", "matplotlib"]),
        ("noisegrid.presenting.as_html, noisegrid.reading.sides", ["torch", "pandas", "scipy.stats", "matplotlib"]),
        ("noisegrid.invariance.command, noisegrid.invariance.figure", ["torch", "pandas"]),
    ],
)
def test_what_is_light_stays_light(module, absent):
    script = f"import sys, {module}; print(*(name for name in {absent!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_the_digest_of_the_training_code_has_every_module_that_decides_a_run():
    """What training imports from its own subpackage is in the digest, unless it only stores, reports or distributes."""
    neutral = {"checkpoint", "outcome", "run"}
    seen, left = set[str](), ["training/train"]
    while left:
        seen.add(module := left.pop())
        tree = ast.walk(ast.parse((PACKAGE / f"{module}.py").read_text()))
        names = {tuple((node.module or "").split(".")) for node in tree if isinstance(node, ast.ImportFrom)}
        found = {"/".join(name[1:3]) for name in names if name[:2] == ("noisegrid", "training") and len(name) > 2}
        left += found - seen - set(left)
    assert {name for name in seen if name.split("/")[1] not in neutral} <= set(TRAINING_MODULES)
