"""Sample logs of lm-evaluation-harness (`--log_samples`): the scores of each document in one run of one task.

Each file is a run. The columns are the metrics that have one number for each document, such as `acc` and `exact_match`.
A perplexity has none: it is computed from all documents together. For a task with choices, the choices of the model
are the predictions, as far as they explain the metric `acc`.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from noisegrid.common.escape import terminal
from noisegrid.reading.kinds import check_alike, select
from noisegrid.reading.limits import check_file
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.table import Choice, Format, Table
from noisegrid.reading.visible import visible

Array = np.ndarray
#: The names of sample logs.
NAME = re.compile(r"samples_(?P<task>.+)_(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(\.\d+)?)\.jsonl")
#: The first bytes of a sample log, which may have been renamed.
START = b'{"doc_id": '
#: Metrics that say whether an answer is correct, if they are 0 or 1.
CORRECT = frozenset(("acc", "acc_bytes", "acc_mutual_info", "acc_norm", "exact_match"))
#: The keys of a sample that are no metrics.
KEYS = frozenset(
    (
        *("doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics"),
        *("doc_hash", "prompt_hash", "target_hash"),
    )
)
#: The most bytes of a line.
LINE = 64_000_000


@dataclass(frozen=True)
class _Log:
    """A sample log that has not been read yet."""

    path: Path
    constants: dict[str, str]


@dataclass
class _Samples:
    """What is kept of the samples with one filter, in the order of the file."""

    ids: list[int | str] = field(default_factory=list)
    scores: list[dict[str, Any]] = field(default_factory=list)
    answers: list["_Answer | None"] = field(default_factory=list)


@dataclass(frozen=True)
class _Answer:
    """The choice of the model and the right choice, as indices, and the texts of all choices."""

    chosen: int
    target: int
    texts: tuple[str, ...]


def recognizes(path: Path) -> bool:
    """Return whether a path is a sample log, or a folder with sample logs in it or below it."""
    if path.is_dir():
        return next(_logs(path), None) is not None
    if not path.is_file() or path.suffix != ".jsonl":
        return False
    if NAME.fullmatch(path.name):
        return True
    with path.open("rb") as file:
        return file.read(len(START)) == START


def read(path: Path, choice: Choice) -> list[Table]:
    """Read the scores of each document in each run.

    Raises
    ------
    CannotJudge
        If a file is damaged, if there are several tasks or several filters of which none is chosen, or if the metric
        has no score for each document.
    """
    logs = select(list(_logs(path)) if path.is_dir() else [_log(path)], choice.where)
    check_alike(logs, ["task"], str(path))
    tables = [table for log in logs for table in _tables(log, choice)]
    check_alike(tables, ["filter"], str(path))
    return tables


def _logs(folder: Path) -> Iterator[_Log]:
    """Yield the sample logs in and below a folder."""
    return (_log(path) for path in sorted(visible(folder, "**/samples_*.jsonl")) if NAME.fullmatch(path.name))


def _log(path: Path) -> _Log:
    parts = NAME.fullmatch(path.name)
    run = f"{path.resolve().parent.name}/{path.stem.removeprefix('samples_')}"
    return _Log(path, {"run": run} | ({"task": parts["task"]} if parts else {}))


def _tables(log: _Log, choice: Choice) -> list[Table]:
    """Read one file into a table for each chosen filter."""
    check_file(log.path)
    by_filter = dict[str, _Samples]()
    for number, sample in _lines(log.path):
        name = sample.get("filter", "none")
        identity = sample.get("doc_id")
        if not isinstance(name, str) or not isinstance(identity, int | str):
            raise CannotJudge(
                f"{terminal(str(log.path))}, line {number} has no doc_id; give what lm_eval --log_samples wrote"
            )
        samples = by_filter.setdefault(name, _Samples())
        samples.ids.append(identity)
        samples.scores.append(_metrics(sample))
        samples.answers.append(_answer(sample))
    found = [
        Table(str(log.path), _columns(samples, choice, log.path), log.constants | {"filter": name})
        for name, samples in by_filter.items()
    ]
    return select(found, choice.where)


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the number and the content of each line."""
    name = terminal(str(path))
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LINE + 1):
            number += 1
            try:
                sample = json.loads(line) if len(line) <= LINE else None
            except (ValueError, RecursionError) as error:
                raise CannotJudge(
                    f"{name}, line {number} is not JSON: the file is damaged, or still being written; copy it again"
                ) from error
            if not isinstance(sample, dict):
                raise CannotJudge(f"{name}, line {number} is no sample of lm-evaluation-harness; give its sample log")
            yield number, sample


def _metrics(sample: dict[str, Any]) -> dict[str, Any]:
    """Return the metrics of a sample. Early versions do not list their names."""
    listed = sample.get("metrics")
    names = listed if isinstance(listed, list) else sample.keys() - KEYS
    return {name: sample[name] for name in names if isinstance(name, str) and name in sample}


def _columns(samples: _Samples, choice: Choice, path: Path) -> dict[str, Array]:
    """Return the ids, the scores and, where they are sound, the predictions and labels."""
    twice, count = Counter(samples.ids).most_common(1)[0]
    if count > 1:
        raise CannotJudge(terminal(f"{path} has the document {twice} twice; keep the samples of one evaluation"))
    names = sorted(set[str]().union(*samples.scores))
    scores = {name: array for name in names if (array := _scores(name, samples, path)) is not None}
    if not scores or (choice.metric in names and choice.metric not in scores):
        what = f"{choice.metric} does not have" if choice.metric in names else f"no metric ({', '.join(names)}) has"
        remedy = f"choose one of {', '.join(scores)}" if scores else "choose another task"
        raise CannotJudge(terminal(f"{path}: {what} one number for each document; {remedy}"))
    columns = {"id": _ids(samples.ids), **scores}
    if choice.metric == "acc" or [*scores] == ["acc"]:
        columns |= _predictions(samples, scores["acc"]) if "acc" in scores else {}
    return columns


def _ids(ids: Sequence[int | str]) -> Array:
    whole = all(isinstance(each, int) and abs(each) < 1 << 62 for each in ids)
    return np.array(ids if whole else [str(each) for each in ids])


def _scores(name: str, samples: _Samples, path: Path) -> Array | None:
    """Return the scores of a metric, or None if it does not have one number for each document."""
    values = [scores.get(name) for scores in samples.scores]
    if not all(isinstance(value, int | float) for value in values):
        return None
    try:
        array = np.array(values, float)
    except OverflowError as error:
        raise CannotJudge(f"{terminal(f'{path}: a score of {name}')} is too large; is the file damaged?") from error
    return array == 1 if name in CORRECT and np.isin(array, (0, 1)).all() else array


def _answer(sample: dict[str, Any]) -> _Answer | None:
    """Return the answer to a question with choices, or None if the sample is not of this kind."""
    try:
        likelihoods = [float(likelihood) for likelihood, _ in sample["filtered_resps"]]
        arguments = sample["arguments"]
        each = arguments.values() if isinstance(arguments, dict) else arguments
        texts = tuple(str(one["arg_1"] if isinstance(one, dict) else one[1]).strip() for one in each)
        target = int(sample["target"])
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        return None
    known = len(likelihoods) == len(texts) > target >= 0
    return _Answer(int(np.argmax(likelihoods)), target, texts) if known else None


def _predictions(samples: _Samples, correct: Array) -> dict[str, Array]:
    """Return the choices of the model and the right ones, or nothing if they do not explain the scores.

    The classes are the texts of the choices if all documents have the same choices, and otherwise their numbers.
    """
    answers = [answer for answer in samples.answers if answer is not None]
    if not np.array_equal([answer.chosen == answer.target for answer in answers], correct):
        return {}
    texts = answers[0].texts
    if any(answer.texts != texts for answer in answers) or len(set(texts)) < len(texts):
        texts = tuple(f"choice {number}" for number in range(1, 1 + max(len(answer.texts) for answer in answers)))
    return {
        "prediction": np.array([texts[answer.chosen] for answer in answers]),
        "label": np.array([texts[answer.target] for answer in answers]),
    }


FORMAT = Format("sample logs of lm-evaluation-harness", recognizes, read)
