"""Train some replicates of a crate again from their records, with the code of this installation, and compare the bits.

Only networks and datasets in the catalog of this installation are allowed. Otherwise, the crate could choose which code
is run.
"""

import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from noisegrid.common.commands import python_environment
from noisegrid.common.errors import NoisegridError
from noisegrid.common.schemas import catalog
from noisegrid.crate.chosen import choose
from noisegrid.crate.crate import Crate
from noisegrid.crate.limits import RECORD_BYTES, read_json
from noisegrid.crate.printing import say
from noisegrid.runtime import replayed

#: The verdicts on a replicate that was trained again. `MOVED` is from another processor: its bits differ here, and that
#: says nothing about the record. The weights of `CHANGED` were reproduced, and its other files were not.
SAME, OTHER, MOVED = "same bits", "OTHER BITS", "other bits on another processor model"
CHANGED = "SAME WEIGHTS, OTHER FILES"
#: The verdicts on a replicate that was not.
NOT, STOPPED = "not possible here", "not run again"


class TimeLimitError(NoisegridError):
    """The training of a replicate took longer than the user allows."""


@dataclass
class Again:
    """What training again showed.

    Attributes
    ----------
    wrong : list of str
        A sentence for each difference that nothing explains.
    same, trained, chosen : int
        The number of replicates that ended with the same bits, of those that were trained again, and of those that were
        to be trained again.
    """

    wrong: list[str] = field(default_factory=list)
    same: int = 0
    trained: int = 0
    chosen: int = 0

    @property
    def words(self) -> str:
        """How many replicates were reproduced."""
        if not self.trained:
            return "no replicate was trained again"
        one, left = self.trained == 1, self.chosen - self.trained
        text = f"{self.same} of {self.trained} replicate{'' if one else 's'} trained again ended with the same bits"
        return f"{text}; {left} of the {self.chosen} chosen could not be trained again" if left else text


def rerun(crate: Crate, wanted: Sequence[int | str], choice: int | None, datasets: Path, time_limit: float) -> Again:
    """Train replicates again, and print each result.

    A replicate does not count as a difference if it cannot be trained here (for example because PyTorch, the required
    GPU or the dataset is missing), or if it takes too long. Nor does it count if its weights differ and there is an
    explanation: the device, the versions or the code differ from those in the record, or the recorded run left the
    framework's kernels free. In these cases, the reason is printed. Such a replicate does not count as reproduced,
    either. If the weights are equal, nothing explains other predictions or labels.

    Parameters
    ----------
    crate : Crate
        The crate.
    wanted : sequence of (int or str)
        How many replicates to choose at random, and the names of others.
    choice : int or None
        The seed for choosing the replicates. If `None`, a random seed is used.
    datasets : Path
        The folder that contains the prepared datasets.
    time_limit : float
        Seconds after which the training of a replicate, or the preparation of its dataset, is stopped.
    """
    again = Again()
    if importlib.util.find_spec("torch") is None:
        crate.note("NOTHING WAS TRAINED AGAIN: PyTorch is not installed (run make, or see envs/)")
        return again
    chosen = choose(crate, wanted, choice)
    verdicts = Counter[str]()
    with tempfile.TemporaryDirectory() as place:
        for where, path in chosen.items():
            verdict, why = _once(path, datasets.absolute(), Path(place), time_limit)
            for line in (f"  {where}: {verdict}", *[f"    {line}" for line in why]):
                say(line)
            verdicts[verdict] += 1
            if verdict == CHANGED:
                (what,) = (line for line in why if line.startswith(replayed.EQUAL_WEIGHTS))
                again.wrong.append(f"{where}, trained again: {what}")
            elif verdict == OTHER and replayed.UNEXPLAINED in " ".join(why):
                again.wrong.append(f"{where} ends with other bits when trained again")
    again.same, again.chosen = verdicts[SAME], len(chosen)
    again.trained = sum(verdicts[verdict] for verdict in (SAME, OTHER, MOVED, CHANGED))
    if moved := verdicts[MOVED]:
        crate.note(
            f"{moved} of {len(chosen)} replicates cannot be judged, because another processor model trained them"
        )
    if stopped := verdicts[STOPPED]:
        crate.note(f"{stopped} of {len(chosen)} replicates were not run again, because they took too long")
    return again


def _once(path: Path, datasets: Path, place: Path, time_limit: float) -> tuple[str, list[str]]:
    try:
        record = read_json(path, path.name, RECORD_BYTES)
        _check_known(record)
        folder = _prepared(record, datasets, place, time_limit)
        done = _run(place, time_limit, "replay", str(path), "--datasets", str(folder))
    except TimeLimitError as error:
        return STOPPED, [str(error)]
    except NoisegridError as error:
        return NOT, [str(error)]
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    if done.returncode == 0:
        return SAME, []
    if replayed.OTHER_BITS in lines:
        why = lines[lines.index(replayed.OTHER_BITS) + 1 :]
        changed = not {replayed.CHANGED, replayed.OTHER_START}.isdisjoint(why)
        return CHANGED if changed else MOVED if done.returncode == replayed.OTHER_PROCESSOR else OTHER, why
    return NOT, [_last_line(done.stderr)]


def _check_known(record: dict[str, Any]) -> None:
    """Refuse a record whose network or dataset is not in the catalog of this installation.

    The record must contain the network options of the catalog. Any further options may only be numbers.

    Raises
    ------
    NoisegridError
        If the record is refused.
    """
    task, name = record["settings"]["task"], record["dataset"]["name"]
    fitting = [
        entry["options"].items() <= task["options"].items()
        and all(isinstance(task["options"][key], int | float) for key in task["options"].keys() - entry["options"])
        for entry in catalog("networks").values()
        if entry["build"] == task["build"]
    ]
    if not any(fitting) or name not in catalog("datasets"):
        raise NoisegridError(
            f"its network or dataset ({task['build']}, {name}) is not in the catalog, and code specified by a crate is "
            "not run; if you trust the crate, unpack it and run: noisegrid replay RECORD"
        )


def _prepared(record: dict[str, Any], datasets: Path, place: Path, time_limit: float) -> Path:
    """Return the folder of prepared datasets that contains the dataset of a record.

    If the user's folder `datasets` contains the dataset, return `datasets`. Otherwise, prepare the dataset in `place`
    and return `place`. This is possible only for a dataset that comes with an installed Python package.

    Raises
    ------
    NoisegridError
        If the dataset is not in `datasets` and cannot be prepared in `place`.
    """
    name = record["dataset"]["name"]
    if (datasets / name).is_dir():
        return datasets
    if not catalog("datasets")[name].get("bundled"):
        raise NoisegridError(f"its dataset {name} is not in {datasets}; prepare it, or set --datasets")
    if not (place / name).exists():
        done = _run(place, time_limit, "prepare-dataset", name, "--output", str(place / name / "manifest.json"))
        if done.returncode:
            raise NoisegridError(_last_line(done.stderr))
    return place


def _last_line(text: str) -> str:
    return next(reversed([line for line in text.splitlines() if line.strip()]), "no reason was given")


def _run(place: Path, time_limit: float, subcommand: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a subcommand of this installation in the folder `place`. Python does not import modules from this folder.

    The subcommand and all processes that it started are killed when the time is over, or when this process is
    interrupted.

    Raises
    ------
    TimeLimitError
        If the subcommand does not end within the time limit.
    """
    command = [sys.executable, "-P", "-m", "noisegrid", subcommand, *arguments]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=place,
        env=python_environment(),
        start_new_session=True,
    ) as process:
        try:
            output, errors = process.communicate(timeout=time_limit)
        except subprocess.TimeoutExpired as error:
            raise TimeLimitError(
                f"{subcommand} was stopped after {time_limit:g} seconds; set --time-limit to allow more"
            ) from error
        finally:
            # the number of a new session's group is that of its first process, which is not waited for yet
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
    return subprocess.CompletedProcess(command, process.returncode, output, errors)
