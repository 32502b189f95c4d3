"""The document of the findings as text: what was compared, a table, and one sentence with the remedy.

Neither this module nor the figure imports PyTorch, so that a result can be shown where there is none.
"""

from collections.abc import Sequence
from typing import Any

from noisegrid.common import escape
from noisegrid.common.text import aligned

#: The libraries with an instruction set, and the variables that set it (training.noise.CPU_VARIABLES).
VARIABLES = {"aten": "ATEN_CPU_CAPABILITY", "onednn": "ONEDNN_MAX_CPU_ISA", "mkl": "MKL_CBWR"}
#: What to do about a condition that changes logits, by kind.
REMEDIES = {
    "batch size": "evaluate in batches of one size, and fill up the last one",
    "position": "keep the order of the examples",
    "neighbours": "normalise each example on its own: a layer mixes the examples of a batch",
    "threads": "fix the number of threads",
    "instruction set": f"set {', '.join(VARIABLES.values())}",
    "precision": "compare results of one precision alone",
}
#: What is said of an operation that one side alone runs, by whether it is the reference.
ONLY = {False: "only in this condition", True: "only in the reference"}
COLUMNS = ("condition", "n", "other logits", "other class", "largest ULP", "relative", "first operation")


def shown(document: dict[str, Any]) -> str:
    """Return the findings as text."""
    subject, reference = escape.terminal(document["subject"]), switches(document["reference"])
    compared = f"{subject}, {document['weights']}; reference: {reference}"
    rows = [row(one, document["examples"]) for one in document["conditions"]]
    return "\n\n".join([compared, "\n".join(aligned([COLUMNS, *rows])), document["sentence"]])


def switches(reference: dict[str, Any]) -> str:
    """Return the batch size and the switches of the reference, such as `batches of 64, 1 thread, fp32, aten avx2`."""
    flags = reference["switches"]
    threads = f"{flags['threads']} thread{'s' if flags['threads'] > 1 else ''}"
    named = [f"{library} {flags[library]}" for library in VARIABLES if flags.get(library)]
    return ", ".join([f"batches of {reference['batch_size']}", threads, flags["precision"], *named])


def words(condition: dict[str, Any]) -> str:
    """Return what a condition changes, such as `batch size 1`."""
    return f"{condition['kind']} {condition['value']}".rstrip()


def row(condition: dict[str, Any], examples: int) -> tuple[str, ...]:
    """Return the row of a condition in the table."""
    logits, classes = condition["other_logits"], condition["other_class"]
    tail = f" (the last batch, of {examples % condition['batch_size']})" if condition["only_last_batch"] else ""
    relative = "not finite" if condition["relative"] is None else f"{condition['relative']:.1e}"
    return (
        words(condition),
        str(examples),
        f"{logits / examples:.1%}{tail}" if logits else "0",
        f"{classes / examples:.1%}" if classes else "0",
        f"{condition['ulp']:,}" if condition["ulp"] else "",
        relative if logits else "",
        operation(condition["operation"]) if logits else "",
    )


def operation(found: dict[str, Any] | None) -> str:
    """Return the operation that is responsible, such as `layer1.0.conv1: convolution`."""
    if found is None:
        return "none that PyTorch dispatches"
    name = found["name"].split(".")[0]
    where = f"{escape.terminal(found['module'])}: {name}" if found["module"] else name
    if found["kind"] in ONLY.values():
        return f"{where}, {found['kind']}"
    return f"inside or before {where}" if found["kind"] == "inside or before" else where


def sentence(document: dict[str, Any]) -> str:
    """Return what changes the logits and what does not, with the remedy, in one sentence."""
    conditions, count = document["conditions"], document["examples"]
    if not document["changed"]:
        return f"none of {len(conditions)} conditions changes a logit of {count} examples"
    guilty: dict[str, list[dict[str, Any]]] = {one["kind"]: [] for one in conditions}
    for one in conditions:
        guilty[one["kind"]] += [one] if one["other_logits"] else []
    named = [f"{kind}{_values(these, count)}" for kind, these in guilty.items() if these]
    clean = [kind for kind, these in guilty.items() if not these]
    most, classes = (max(one[key] for one in conditions) for key in ("other_logits", "other_class"))
    verb = "change" if len(named) > 1 else "changes"
    none = f"; {listed(clean)} change{'s' * (len(clean) == 1)} none" if clean else ""
    remedies = "; ".join(REMEDIES[kind] for kind, these in guilty.items() if these)
    reach = f"of up to {most} of {count} examples, and {f'the class of up to {classes}' if classes else 'no class'}"
    return f"{listed(named)} {verb} the logits {reach}{none}. Remedy: {remedies}"


def _values(conditions: Sequence[dict[str, Any]], examples: int) -> str:
    """Return the values that change logits, such as ` (1, 51 for 1 example)`."""
    values = []
    for one in conditions:
        count = one["other_logits"]
        some = f"for {count} example{'s' * (count > 1)}" if count < examples else ""
        values.append(f"{one['value']} {some}".strip())
    return f" ({', '.join(values)})" if any(values) else ""


def listed(names: Sequence[str]) -> str:
    """Return names as a list in a sentence: `a`, `a and b`, or `a, b and c`."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
