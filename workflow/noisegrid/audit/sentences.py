"""The result of an audit as text: a sentence, a table of what each seed moves, the findings, and what was not seen."""

from noisegrid.audit.evidence import Evidence
from noisegrid.audit.finding import Finding
from noisegrid.audit.observation import CONTENTS, DATA_ORDER, MASKS, THINGS, Observation, differs, first_difference
from noisegrid.common import escape
from noisegrid.common.text import aligned

#: The words of a table: it differs, it does not, it does not exist.
YES, NO, NONE = "yes", "no", "–"


def sentence(function: str, evidence: Evidence, found: list[Finding]) -> str:
    """Return the result in one sentence."""
    steps = evidence.base.end["steps"]
    seeds = ", ".join(f"`{name}`" for name in evidence.seeds)
    where = f"{escape.terminal(function)}, {steps} steps"
    if not found:
        return f"{where}: {seeds} {'does' if len(evidence.seeds) == 1 else 'do'} what {_theirs(evidence)} should"
    return f"{where}: {len(found)} finding{'s' if len(found) > 1 else ''}"


def _theirs(evidence: Evidence) -> str:
    return "it" if len(evidence.seeds) == 1 else "they"


def matrix(evidence: Evidence) -> list[tuple[str, ...]]:
    """Return the table: for each thing, whether it differs between two runs of each kind. The first row is the head."""
    columns: list[tuple[str, Observation | None]] = [
        *((f"other {seed}", other) for seed, other in evidence.moved.items()),
        ("same seeds", evidence.repeat),
        ("PYTHONHASHSEED", evidence.hashed),
        ("2 threads", evidence.threads),
        *((f"{number} worker{'' if number == 1 else 's'}", one) for number, one in sorted(evidence.workers.items())),
    ]
    rows = [("what differs under", *(name for name, _ in columns))]
    for thing in THINGS:
        # what does not repeat itself differs under another seed, too, which says nothing of the seed
        repeats = not differs(evidence.base, evidence.repeat, thing)
        cells = (
            _cell(evidence.base, other, thing) if repeats or other is evidence.repeat else NONE for _, other in columns
        )
        rows.append((thing, *cells))
    return rows


def _cell(base: Observation, other: Observation | None, thing: str) -> str:
    no_data = not base.rows and not base.epochs
    missing = {DATA_ORDER: no_data, CONTENTS: no_data, MASKS: not base.value(MASKS)}
    if other is None or missing.get(thing):
        return NONE
    return YES if differs(base, other, thing) else NO


def notes(evidence: Evidence) -> list[str]:
    """Return what is no mistake and worth knowing, and what was not seen."""
    base = evidence.base
    lines = []
    if evidence.threads and (thing := first_difference(base, evidence.threads)):
        lines.append(f"{_differ(thing)} with the number of threads: hold it, or compare with `noisegrid diverge`")
    for number, one in sorted(evidence.workers.items()):
        if thing := first_difference(base, one):
            workers = f"{number} worker{'' if number == 1 else 's'}"
            lines.append(f"{_differ(thing)} in a run with {workers}: hold the number of workers")
    if not base.training_loaders:
        lines.append("no DataLoader was seen: order and augmentation are known only from what the network was given")
    elif len(base.epochs) < 2:
        lines.append("no second epoch was seen: raise --steps to compare the epochs")
    lines += evidence.notes
    lines.append(
        "not seen: draws of random.Random and numpy.random.Generator objects outside of datasets, programs that are "
        "started by subprocess, and kernels of other devices than the one it ran on"
    )
    return lines


def _differ(thing: str) -> str:
    return f"the {thing} {'differs' if thing in (DATA_ORDER, CONTENTS) else 'differ'}"


def shown(function: str, evidence: Evidence, found: list[Finding]) -> str:
    """Return the result for a terminal."""
    lines = [sentence(function, evidence, found), ""]
    lines += [f"- {escape.terminal(one.sentence)}" for one in found] + ([""] if found else [])
    lines += aligned(matrix(evidence))
    return "\n".join([*lines, "", *(f"note: {escape.terminal(one)}" for one in notes(evidence))])


def as_markdown(function: str, evidence: Evidence, found: list[Finding]) -> str:
    """Return the result as Markdown, for a comment on a change."""
    head, *rows = matrix(evidence)
    table = ["| " + " | ".join(row) + " |" for row in (head, ("---",) * len(head), *rows)]
    points = [f"- {escape.markdown(one.sentence)}" for one in found]
    listed = [f"- {escape.markdown(one)}" for one in notes(evidence)]
    first = f"**{escape.markdown(sentence(function, evidence, found))}**"
    parts = [[first], points, table, ["Notes", "", *listed]]
    return "\n\n".join("\n".join(part) for part in parts if part)
