"""What a stranger writes is data: hostile names and site files on a cluster, whose sbatch is a stand-in."""

import os
import re
import sys
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, run
from factories import cells, study, write_study
from hostile_documents import SITE
from hostile_texts import ALL, RAW

#: A folder on a cluster.
SUBMITTED = "x; touch PWNED & =cmd | y > PWNED"
#: Stands for SLURM: writes down the words that sbatch gets, and fails.
SBATCH = '#!/bin/sh\nfor word; do printf "%s\\0" "$word"; done > "$ASKED"\nexit 1\n'


def submit(folder: Path, commands: Path, **config: object) -> str:
    """Submit the job that times a network to a stand-in for SLURM; return what is printed."""
    commands.mkdir(exist_ok=True)
    for name in ("sbatch", "sinfo", "squeue", "sacctmgr", "sshare", "sacct", "scontrol"):
        (commands / name).write_text(SBATCH if name == "sbatch" else "#!/bin/sh\n")
        (commands / name).chmod(0o755)
    path = f"{commands}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    profiles = ["--profile", ROOT / "slurm", "--workflow-profile", ROOT / "profiles/default"]
    options = ["--snakefile", ROOT / "Snakefile", "--directory", folder, "--retries", "0"]
    quick = ["--slurm-init-seconds-before-status-checks", "1", "--config"]
    words = [f"{key}={value}" for key, value in config.items()]
    target = f"{config['results']}/mine/overhead/cpu.csv"
    asked = commands / "asked"
    return run("snakemake", target, *profiles, *options, *quick, *words, cwd=folder, PATH=path, ASKED=str(asked)).stdout


@pytest.mark.slow
def test_hostile_names_reach_sbatch_as_words(tmp_path):
    folder = tmp_path / "surroundings" / SUBMITTED
    (folder / "slurm").mkdir(parents=True)
    extra = "--mail-user='$(touch PWNED); \"x'"
    (folder / "slurm/site.yaml").write_text(yaml.safe_dump(SITE | {"extra": extra}))
    (folder / "own.py").write_text("def net(*arguments): ...\n")
    timed = {"hardware": ["cpu"], "networks": ["smallcnn"], "arms": ["default"]}
    path = write_study(folder, study(cells(), overhead=[timed], description=ALL))
    printed = submit(folder, tmp_path / "bin", study=path, results="x; touch PWNED & y", datasets="data")
    words = (tmp_path / "bin/asked").read_text().split("\0")
    assert not RAW.search(printed) and "Traceback" not in printed
    assert words[words.index("-A") + 1] == "me" and words[words.index("-p") + 1] == "short"
    assert '--mail-user=$(touch PWNED); "x' in words and words[words.index("-D") + 1] == str(folder)
    assert not list(tmp_path.rglob("PWNED"))


@pytest.mark.slow
def test_names_that_snakemake_does_not_quote_are_not_submitted(tmp_path):
    """The executor writes the command of a job into double quotes, in which $ and ` act."""
    path = write_study(tmp_path, study(overhead=[{"hardware": ["cpu"], "networks": ["smallcnn"]}]))
    printed = submit(tmp_path, tmp_path / "bin", study=path, results="$(touch PWNED)")
    assert re.search(r"^noisegrid: config: results: '\$\(touch PWNED\)': on a cluster .*rename it$", printed, re.M)
    assert not (tmp_path / "bin/asked").exists() and not list(tmp_path.rglob("PWNED"))
