"""Train some replicates of a package again, from their records, with this installation's code, and compare the bits.

Only networks and datasets of this installation's catalog: a record that names others would run code of its choosing.
"""

import importlib.util
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from noisegrid.common.errors import NoisegridError
from noisegrid.common.schemas import WORKFLOW, catalog
from noisegrid.crate.crate import Crate

SAME, OTHER, NOT = "same bits", "OTHER BITS", "not possible here"
#: What replay says when nothing that it knows of explains other bits.
UNEXPLAINED = "nothing that the record knows of"


def rerun(package: Crate, count: int, choice: int | None, datasets: Path) -> list[str]:
    """Train `count` random replicates again; prints a line for each, and gives those that differ for no known reason.

    A replicate that cannot be trained here (no PyTorch, another GPU, no dataset), or that ends with other bits under
    other versions or another device, is named with the reason, and is no difference. choice: for the same ones again.
    """
    if importlib.util.find_spec("torch") is None:
        package.note("NOTHING WAS TRAINED AGAIN: PyTorch is not installed (make, or envs/)")
        return []
    records = sorted((package.results / "replicates").glob("*/*/*/*/record.json"))
    choice = random.randrange(10**6) if choice is None else choice
    chosen = random.Random(choice).sample(records, min(count, len(records)))
    print(f"rerun           {len(chosen)} of {len(records)} replicates (the same again: --choice {choice})", flush=True)
    wrong, equal = [], 0
    with tempfile.TemporaryDirectory() as place:
        for path in chosen:
            where = str(path.parent.relative_to(package.results / "replicates"))
            verdict, why = _once(path, datasets.absolute(), Path(place))
            print(f"  {where}: {verdict}", *[f"    {line}" for line in why], sep="\n", flush=True)
            equal += verdict == SAME
            if verdict == OTHER and UNEXPLAINED in " ".join(why):
                wrong.append(f"{where} ends with other bits when it is trained again")
    package.note(f"trained again: {equal} of {len(chosen)} replicates ended with the same bits")
    return wrong


def _once(path: Path, datasets: Path, place: Path) -> tuple[str, list[str]]:
    record = json.loads(path.read_text())
    try:
        _check_known(record)
        done = _run(place, "replay", str(path), "--datasets", str(_prepared(record, datasets, place)))
    except NoisegridError as error:
        return NOT, [str(error)]
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    if done.returncode == 0:
        return SAME, []
    if "other bits" in lines:
        return OTHER, lines[lines.index("other bits") + 1 :]
    return NOT, [_last_line(done.stderr)]


def _check_known(record: dict[str, Any]) -> None:
    """The network and the dataset are this installation's own, with numbers for options at most."""
    task, name = record["settings"]["task"], record["dataset"]["name"]
    fitting = [
        entry["options"].items() <= task["options"].items()
        and all(isinstance(task["options"][key], int | float) for key in task["options"].keys() - entry["options"])
        for entry in catalog("networks").values()
        if entry["build"] == task["build"]
    ]
    if not any(fitting) or name not in catalog("datasets"):
        raise NoisegridError(
            f"its network or dataset ({task['build']}, {name}) is not in the catalog, and code that a package names is "
            "not run; if you trust it: unpack it, and python -m noisegrid.replay RECORD"
        )


def _prepared(record: dict[str, Any], datasets: Path, place: Path) -> Path:
    """A folder with the record's dataset: the user's, or one that is prepared now where nothing has to be fetched."""
    name = record["dataset"]["name"]
    if (datasets / name).is_dir():
        return datasets
    if not catalog("datasets")[name].get("bundled"):
        raise NoisegridError(f"its dataset {name} is not prepared in {datasets} (--datasets)")
    if not (place / name).exists():
        done = _run(place, "datasets", "--dataset", name, "--output", str(place / name / "manifest.json"))
        if done.returncode:
            raise NoisegridError(_last_line(done.stderr))
    return place


def _last_line(text: str) -> str:
    return next(reversed([line for line in text.splitlines() if line.strip()]), "no reason was given")


def _run(place: Path, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of this installation, in a folder with nothing to import."""
    command = [sys.executable, "-P", "-m", f"noisegrid.{module}", *arguments]
    paths = os.pathsep.join(filter(None, [str(WORKFLOW), os.environ.get("PYTHONPATH", "")]))
    environment = {**os.environ, "PYTHONPATH": paths}
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=place, env=environment)
