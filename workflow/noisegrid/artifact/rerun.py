"""Train some replicates of a package again, from their records, with this installation's code, and compare the bits."""

import importlib.util
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from noisegrid.artifact.opened import Opened


def rerun(package: Opened, count: int, choice: int | None, datasets: Path) -> list[str]:
    """Train `count` random replicates again; prints a line for each, and gives those that ended with other bits.

    A replicate that cannot be trained here (no PyTorch, another GPU, no dataset) is named with the reason, and is no
    difference. choice: which ones, for the same ones again.
    """
    if importlib.util.find_spec("torch") is None:
        print("rerun           not possible here: PyTorch is not installed (make, or envs/)")
        return []
    records = sorted((package.results / "replicates").glob("*/*/*/*/record.json"))
    choice = random.randrange(10**6) if choice is None else choice
    chosen = random.Random(choice).sample(records, min(count, len(records)))
    print(f"rerun           {len(chosen)} of {len(records)} replicates (the same again: --choice {choice})", flush=True)
    wrong = []
    with tempfile.TemporaryDirectory() as place:
        for path in chosen:
            where = str(path.parent.relative_to(package.results / "replicates"))
            status, words = _once(path, _prepared(path, datasets, Path(place)))
            print(f"  {where}: {words[0]}", *[f"    {line}" for line in words[1:]], sep="\n", flush=True)
            wrong += [f"{where} ends with other bits when it is trained again"] if status == "other" else []
    return wrong


def _prepared(record: Path, datasets: Path, place: Path) -> Path:
    """A folder with the record's dataset: the user's, or one that is prepared now where that takes no raw files."""
    name = str(json.loads(record.read_text())["dataset"]["name"])
    if (datasets / name).is_dir() or not name.replace("_", "").isalnum():
        return datasets
    if not (place / name).exists():
        output = place / name / "manifest.json"
        _run("datasets", "--dataset", name, "--output", str(output))
    return place


def _once(record: Path, datasets: Path) -> tuple[str, list[str]]:
    done = _run("replay", str(record), "--datasets", str(datasets.absolute()))
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    if done.returncode == 0:
        return "same", ["same bits"]
    if "other bits" in lines:
        return "other", ["OTHER BITS", *lines[lines.index("other bits") + 1 :]]
    return "not", [f"not possible here: {_reason(done.stderr)}"]


def _reason(stderr: str) -> str:
    return next(reversed([line for line in stderr.splitlines() if line.strip()]), "no reason was given")


def _run(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"noisegrid.{module}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)
