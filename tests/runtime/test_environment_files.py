"""The environment as a whole: the licences of its packages, and an installation that needs nothing beyond the pins."""

import os
import re
import subprocess
import sys
import tomllib

import pytest
from conftest import ROOT
from packaging.requirements import Requirement

WHOLE_TEXT = "Copyright (c) 2021, the authors\n        All rights reserved, and so on."


def licences(folder, **metadata: str) -> subprocess.CompletedProcess[str]:
    """Run the script where only the given packages are installed; each has the given lines in its metadata."""
    for name, lines in metadata.items():
        info = folder / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n{lines}\n")
    # -S leaves out the packages of this environment
    command = [sys.executable, "-S", ROOT / "envs/licences.py"]
    return subprocess.run(command, env={"PYTHONPATH": str(folder)}, capture_output=True, text=True, check=True)


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ("License-Expression: MIT\nClassifier: License :: OSI Approved", "MIT"),
        ("License: BSD-3-Clause\nClassifier: License :: OSI Approved :: BSD License", "BSD-3-Clause"),
        (f"License: {WHOLE_TEXT}\nClassifier: License :: OSI Approved :: BSD License", "BSD License"),
        ("Classifier: License :: A\nClassifier: License :: OSI Approved :: B\nClassifier: Typing :: Typed", "A or B"),
        (f"License: {WHOLE_TEXT}", "Copyright (c) 2021, the authors"),
    ],
)
def test_a_declared_licence_is_shown(tmp_path, metadata, licence):
    done = licences(tmp_path, some=metadata)
    assert (done.stdout, done.stderr) == (f"some  1.0  {licence}\n", "")


def test_a_package_without_a_licence_is_named(tmp_path):
    done = licences(tmp_path, Zebra="License: MIT", bare="License: UNKNOWN", filed="License-File: COPYING")
    assert done.stdout.splitlines() == ["bare   1.0  none declared", "filed  1.0  none declared", "Zebra  1.0  MIT"]
    assert done.stderr.splitlines() == [
        "warning: bare 1.0 declares no licence; ask its authors",
        "warning: filed 1.0 declares no licence; read its COPYING",
    ]


def test_make_licences_runs_the_script():
    # without the variables of the make that runs the tests, which would print more lines
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "-n", "licences"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].endswith("/python envs/licences.py")


def test_the_editable_install_takes_its_build_backend_from_the_pins():
    """The build requirements are pinned with hashes, installed first, and nothing is resolved afterwards."""
    lines = (ROOT / "Makefile").read_text().splitlines()
    pins, editable = (next(line for line in lines if word in line) for word in ("--require-hashes", "--editable"))
    assert lines.index(pins) < lines.index(editable) and "$(PINS:%=-r %)" in pins
    assert {"--no-deps", "--no-build-isolation", "--no-index"} <= set(editable.split())
    assert "envs/dev.txt" in next(line for line in lines if line.startswith("PINS :="))
    pinned = (ROOT / "envs/dev.txt").read_text()
    required = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    for requirement in map(Requirement, [*required, "editables"]):  # hatchling asks for editables when it is called
        found = re.search(rf"^{requirement.name}==(\S+) \\\n    --hash=sha256:[0-9a-f]{{64}}", pinned, re.MULTILINE)
        assert found and requirement.specifier.contains(found[1]), requirement
