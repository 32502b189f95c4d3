"""The findings as text: what was compared, a table of all conditions, and one sentence with the remedy."""

from collections.abc import Sequence

from noisegrid.common import escape
from noisegrid.common.text import aligned
from noisegrid.divergence.compare import INSIDE, Cause
from noisegrid.invariance.conditions import Condition
from noisegrid.invariance.judge import Findings
from noisegrid.invariance.measure import Change
from noisegrid.invariance.subjects import FUNCTION, RECORD, SEED, Subject
from noisegrid.training.noise import CPU_VARIABLES

#: What to do about a condition that changes logits, by kind.
REMEDIES = {
    "batch size": "evaluate in batches of one size, and fill up the last one",
    "position": "keep the order of the examples",
    "neighbours": "normalise each example on its own: a layer mixes the examples of a batch",
    "threads": "fix the number of threads",
    "instruction set": f"set {', '.join(CPU_VARIABLES.values())}",
    "precision": "compare results of one precision alone",
}
COLUMNS = ("condition", "n", "other logits", "other class", "largest ULP", "relative", "first operation")


def shown(found: Findings) -> str:
    """Return the findings as text."""
    return "\n\n".join([compared(found), "\n".join(aligned([COLUMNS, *map(row, found.changes)])), sentence(found)])


def compared(found: Findings) -> str:
    """Return what was compared with what."""
    return f"{escape.terminal(found.subject.name)}, {weights(found.subject)}; reference: {switches(found.reference)}"


def weights(subject: Subject) -> str:
    """Return where the weights come from."""
    if subject.kind == RECORD:
        return "weights of the record" if subject.is_stored() else "weights of the record, trained again"
    return f"weights {'that the function returns under' if subject.kind == FUNCTION else 'drawn from'} seed {SEED}"


def switches(reference: Condition) -> str:
    """Return the batch size and the switches of the reference, such as `batches of 64, 1 thread, fp32, aten avx2`."""
    threads = reference.flags["threads"]
    named = [f"{library} {reference.flags[library]}" for library in CPU_VARIABLES if reference.flags.get(library)]
    words = [f"batches of {reference.batch_size}", f"{threads} thread{'s' if threads > 1 else ''}"]
    return ", ".join([*words, reference.flags["precision"], *named])


def row(change: Change) -> tuple[str, ...]:
    """Return the row of a condition in the table."""
    changed, classes = int(change.logits.sum()), int(change.classes.sum())
    tail = f" (the last batch, of {change.examples % change.condition.batch_size})" if change.in_tail else ""
    return (
        change.condition.words,
        str(change.examples),
        f"{changed / change.examples:.1%}{tail}" if changed else "0",
        f"{classes / change.examples:.1%}" if classes else "0",
        f"{change.ulp:,}" if change.ulp else "",
        f"{change.relative:.1e}" if changed else "",
        operation(change.cause) if changed else "",
    )


def operation(cause: Cause | None) -> str:
    """Return the operation that is responsible, such as `layer1.0.conv1: convolution`."""
    if cause is None:
        return "none that PyTorch dispatches"
    name = cause.operation.name.split(".")[0]
    where = f"{escape.terminal(cause.operation.module)}: {name}" if cause.operation.module else name
    if cause.kind == "only one side":
        return f"{where}, only in {'the reference' if cause.a else 'this condition'}"
    return f"inside or before {where}" if cause.kind == INSIDE else where


def sentence(found: Findings) -> str:
    """Return what changes the logits and what does not, with the remedy, in one sentence."""
    count = found.subject.examples
    if not found.changed:
        return f"none of {len(found.changes)} conditions changes a logit of {count} examples"
    by_kind: dict[str, list[Change]] = {}
    for change in found.changes:
        by_kind.setdefault(change.condition.kind, []).append(change)
    guilty = {kind: [one for one in these if one.logits.any()] for kind, these in by_kind.items()}
    named = [f"{kind}{_values(these)}" for kind, these in guilty.items() if these]
    clean = [kind for kind, these in guilty.items() if not these]
    most = max(int(change.logits.sum()) for change in found.changed)
    classes = max(int(change.classes.sum()) for change in found.changed)
    verb = "change" if len(named) > 1 else "changes"
    none = f"; {listed(clean)} change{'s' * (len(clean) == 1)} none" if clean else ""
    remedies = "; ".join(REMEDIES[kind] for kind, these in guilty.items() if these)
    reach = f"of up to {most} of {count} examples, and {f'the class of up to {classes}' if classes else 'no class'}"
    return f"{listed(named)} {verb} the logits {reach}{none}. Remedy: {remedies}"


def _values(changes: Sequence[Change]) -> str:
    """Return the values that change logits, such as ` (1, 51 for 1 example)`."""
    words = []
    for change in changes:
        count = int(change.logits.sum())
        some = f"for {count} example{'s' * (count > 1)}" if count < change.examples else ""
        words.append(f"{change.condition.value} {some}".strip())
    return f" ({', '.join(words)})" if any(words) else ""


def listed(words: Sequence[str]) -> str:
    """Return words as a list in a sentence: `a`, `a and b`, or `a, b and c`."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
