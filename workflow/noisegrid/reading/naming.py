"""How a name finds its column, and the usual names of columns of runs, seeds, steps and test examples."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from noisegrid.common.errors import unknown
from noisegrid.common.escape import terminal
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.table import Table

#: Columns that name a run, the clearest name first, and those of them that no two runs share.
RUNS = (
    *("Name", "run_name", "tags.mlflow.runName", "Run Name", "run", "Run"),
    *("run_id", "Run ID", "run_uuid", "ID"),
)
RUN_IDS = ("run", "Run", "run_id", "Run ID", "run_uuid", "ID")
#: Columns with the seed of a run, also as the last part of a name, such as `params.seed`.
SEEDS = ("seed", "seeds", "random_seed", "random_state")
#: Columns that count the steps of a run, the finest first, also as the last part of a name, such as `time/iteration`.
STEPS = (
    *("_step", "step", "global_step", "trainer/global_step", "total_timesteps", "num_timesteps", "timesteps"),
    *("timestep", "env_steps", "num_env_steps", "total_steps", "training_step", "num_updates", "update"),
    *("training_iteration", "iteration", "iter", "epoch"),
)
#: Words of names that end with a step and do not count the steps of a run, such as `best_epoch`.
_NO_STEPS = frozenset(
    (
        *("best", "max", "min", "last", "final", "at", "early", "stop", "stopped", "warmup", "decay", "per", "every"),
        *("n", "lr", "accumulation"),
    )
)
#: The last words of names that count other things than steps.
_NUMBERED = frozenset(
    (
        *("run", "id", "index", "seed", "trial", "replicate", "repeat", "repetition", "rep", "fold", "split", "job"),
        *("number", "no", "row", "experiment", "0"),  # pandas writes `Unnamed: 0`
    )
)
#: Columns of test examples: their ids, whether the prediction is correct, the predicted class, and the true one.
IDS = ("example_id", "sample_id", "doc_id", "id", "ids", "example")
CORRECT = ("correct", "is_correct")
PREDICTED = ("predicted", "prediction", "predictions", "pred", "preds", "y_pred")
LABELS = ("label", "labels", "target", "targets", "y_true")
#: Columns that are ids of test examples if no two have the same value, and outputs of a network for each class.
FILES = ("filename", "file_name", "image_id", "image", "path")
OUTPUTS = ("logits", "probabilities", "probs")
#: What the share of correct predictions is called.
ACCURACY = ("accuracy", "acc", *CORRECT)
#: Columns that are no result: when a run ran, and how it was set up.
_RECORDS = frozenset(
    (
        *("_timestamp", "duration", "timestamp", "time", "wall_time", "index"),
        *("start_time", "end_time", "start time", "end time", "created", "experiment_id", "relative time (process)"),
        *("learning_rate", "lr", "batch_size", "weight_decay", "momentum", "dropout", "epochs", "max_steps"),
    )
)
_SPEEDS = ("runtime", "per_second")
_SETTINGS = ("params.", "param.", "config.", "config/", "hparams.", "hparams/", "args.", "tags.")
#: Characters before the last part of a name, and how many names a message lists.
_SEPARATORS, _LISTED = ("/", "."), 12
_WORD = re.compile(r"[^\W_]+")


def matching(wanted: str, names: Iterable[str]) -> list[str]:
    """Return the names that a name may mean: itself, or those with other capitals, or those that end with it.

    Examples
    --------
    >>> matching("accuracy", ["metrics.accuracy", "train_accuracy"])
    ['metrics.accuracy']
    >>> matching("accuracy", ["val/Accuracy", "test/accuracy", "ACCURACY"])
    ['ACCURACY']
    """
    known, folded = list(names), wanted.strip().casefold()
    if wanted in known:
        return [wanted]
    ends = tuple(separator + folded for separator in _SEPARATORS)
    same = [name for name in known if name.casefold() == folded]
    return same or [name for name in known if name.casefold().endswith(ends)]


def find(wanted: str, table: Table, kind: str, option: str) -> str:
    """Return the column of a table that a name means.

    Parameters
    ----------
    wanted : str
        The name.
    table : Table
        The table.
    kind, option : str
        What the column is, such as "metric", and the option that names it, for messages.

    Raises
    ------
    CannotJudge
        If no column or more than one fits.
    """
    found = meant(wanted, list(table.columns if kind == "metric" else table), kind, table.origin)
    if len(found) == 1:
        return found[0]
    raise CannotJudge(
        f"{terminal(table.origin)} has several columns {wanted!r}: {listed(found)}; choose one of them with {option}"
    )


def meant(wanted: str, names: Sequence[str], kind: str, origin: str) -> list[str]:
    """Return the names that a name may mean. A metric is a setting only if no result has its name.

    Parameters
    ----------
    wanted : str
        The name.
    names : sequence of str
        The names that there are.
    kind, origin : str
        What the name is, such as "metric", and the path of the file or folder, for messages.

    Raises
    ------
    CannotJudge
        If no name fits. The message suggests all names that have the wanted one as a word in them, such as
        `val_accuracy` and `test_accuracy`.
    """
    candidates = [name for name in names if kind != "metric" or not is_setting(name)] or list(names)
    if found := matching(wanted, candidates) or matching(wanted, names):
        return found
    similar = [name for name in candidates if _words(wanted) in _words(name)]
    if not similar:
        raise CannotJudge(f"{terminal(origin)}: {unknown_of_many(kind, wanted, candidates)}")
    suggested = repr(terminal(similar[0])) if len(similar) == 1 else f"one of {listed(similar)}"
    raise CannotJudge(f"{terminal(origin)}: unknown {kind} {wanted!r}; did you mean {suggested}?")


def _words(name: str) -> str:
    """Return the words of a name, each between spaces."""
    return f" {' '.join(_WORD.findall(name.casefold()))} "


def usual(names: Sequence[str], table: Table) -> str | None:
    """Return the first of some usual names that a table has, whatever its capitals."""
    known = {name.casefold(): name for name in table}
    return next((known[name.casefold()] for name in names if name.casefold() in known), None)


def step_columns(table: Table) -> list[str]:
    """Return the columns that may count the steps of a run, by their whole names or by the ends of their names."""
    known = {name.casefold(): name for name in table}
    whole = [known[step] for step in STEPS if step in known]
    ends = tuple(separator + step for separator in (*_SEPARATORS, "_") for step in STEPS)
    others = [name for folded, name in known.items() if folded.endswith(ends) and name not in whole]
    return whole + [name for name in others if not _is_setup(name) and _NO_STEPS.isdisjoint(_words(name).split())]


def may_count_steps(name: str) -> bool:
    """Return whether a column of any name may count steps: it is no number of a run, no time and no setting."""
    words = _words(name).split()
    return bool(words) and words[-1] not in _NUMBERED and (words == ["epochs"] or not is_setting(name))


def seed_column(table: Table, wanted: str | None) -> str | None:
    """Return the column that has the seeds: the one that is wanted, or one with a usual name, or None."""
    if wanted is not None:
        return find(wanted, table, "column", "--seed")
    return next((find(name, table, "column", "--seed") for name in SEEDS if matching(name, table)), None)


def run_columns(table: Table) -> list[str]:
    """Return the columns that name a run."""
    known = set(table)
    return [name for name in RUNS if name in known]


def is_setting(name: str) -> bool:
    """Return whether a column says when a run ran, or how it was set up, rather than what its result is."""
    folded = name.casefold()
    usual_names = {*_RECORDS, *STEPS, *SEEDS, *IDS, *FILES, *LABELS, *(each.casefold() for each in RUNS)}
    ends = tuple(separator + last for separator in _SEPARATORS for last in (*SEEDS, *STEPS))
    return folded in usual_names or _is_setup(name) or folded.endswith((*_SPEEDS, *ends))


def _is_setup(name: str) -> bool:
    return name.casefold().startswith(_SETTINGS)


def listed(names: Iterable[str]) -> str:
    """Return names for a message, which lists the first of them."""
    shown = [terminal(name) for name in names]
    more = f" and {len(shown) - _LISTED} more" if len(shown) > _LISTED else ""
    return ", ".join(shown[:_LISTED]) + more


def unknown_of_many(kind: str, wanted: str, known: Iterable[str]) -> str:
    """Return a message about an unknown name; of the known names, it lists the most similar ones."""
    return unknown(kind, wanted, most_similar(wanted, known))


def most_similar(wanted: str, known: Iterable[str]) -> list[str]:
    """Return the known names, or the most similar ones if there are too many to list."""
    names = list(known)
    return get_close_matches(wanted, names, _LISTED, 0.0) if len(names) > _LISTED else names
