"""The list of a chunk's replicates, which is written again without PyTorch when all of them are finished."""

import json
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT

#: Runs a subcommand in a process in which PyTorch cannot be imported.
WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from noisegrid.cli.main import main
sys.exit(main())
"""


def train_without_torch(folder, chunk: str, output: str) -> subprocess.CompletedProcess[str]:
    where = ["results/tiny/design.json", "--hardware", "cpu", "--replicates", chunk]
    files = ["--datasets", "resources/datasets", "--results", "results", "--output", folder / output]
    command = [sys.executable, "-c", WITHOUT_TORCH, "train", *where, *map(str, files)]
    environment = {"PYTHONPATH": str(ROOT / "workflow"), "PATH": ""}
    return subprocess.run(command, cwd=folder, env=environment, text=True, capture_output=True, check=False)


@pytest.mark.slow
def test_finished_replicates_are_listed_without_pytorch(copy_of_finished):
    """So that results of a cluster can be drawn where nothing can be trained, however their jobs were packed."""
    done = train_without_torch(copy_of_finished, "0-3", "again.json")
    assert done.returncode == 0, done.stderr
    written = (copy_of_finished / "again.json").read_text()
    assert written == (copy_of_finished / "results/tiny/chunks/cpu/0-3.json").read_text()
    done = train_without_torch(copy_of_finished, "tiny-digits/algo.1-2", "few.json")
    assert done.returncode == 0, done.stderr
    cells = json.loads((copy_of_finished / "few.json").read_text())["cells"]
    assert list(cells) == ["cpu/tiny-digits/algo"] and list(cells["cpu/tiny-digits/algo"]["weight_hashes"]) == [
        "1",
        "2",
    ]
    # the check must fail where a replicate is to be trained
    shutil.rmtree(copy_of_finished / "results/tiny/replicates/cpu/tiny-digits/algo/1")
    done = train_without_torch(copy_of_finished, "tiny-digits/algo.1-2", "none.json")
    assert done.returncode != 0 and not (copy_of_finished / "none.json").exists()
