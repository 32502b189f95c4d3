"""The result of a comparison in one sentence, and as a table of operations."""

from collections.abc import Iterable, Sequence
from typing import Any

from noisegrid.common import escape
from noisegrid.common.text import aligned
from noisegrid.divergence.compare import Cause, Comparison, Pair, StateDifference, apart, kind_of
from noisegrid.divergence.trace import Operation, Trace
from noisegrid.divergence.ulp import Distance

#: What an operation gave, by the part of the step.
GAVE = {"forward": "another output", "backward": "other gradients", "optimiser": "other values"}
#: What a trace does not see.
UNSEEN = "something that PyTorch does not dispatch (NumPy, Python, compiled code, Triton, an extension)"
#: The first words about a batch that differs, by kind.
BATCH = {
    "order": "the same examples come in another order",
    "examples": "the batches hold other examples",
    "labels": "the same examples have other labels",
    "inputs": "the same examples have other inputs (another augmentation or preparation)",
    "shape": "the batches have other sizes",
}
#: How many operations a table lists, and how many names a sentence.
ROWS, NAMES = 12, 3


def sentence(found: Comparison, a: Trace, b: Trace) -> str:
    """Return the result in one sentence."""
    against = _against(a, b)
    if found.state and found.state.step <= found.traced:
        return f"{_state(found.state)}{against}"
    if found.cause:
        return f"step {found.traced}, {operation(found.cause)}{against}"
    if found.state and found.state.step == found.traced + 1 and found.operations:
        return f"{_state(found.state)}, but all operations of step {found.traced} are equal: it was {UNSEEN}{against}"
    if found.state:
        return (
            f"{_state(found.state)}, but the operations of step {found.traced} are equal; "
            f"trace step {found.state.step - 1} on both sides (--step {found.state.step - 1}){against}"
        )
    return f"no divergence in {found.steps} steps, and in {found.operations} operations of step {found.traced}{against}"


def operation(cause: Cause) -> str:
    """Return where and how the first operation differs."""
    one = cause.operation
    name = one.name.split(".")[0]
    where = f"{one.part} of `{escape.terminal(one.module)}`" if one.module else one.part
    if cause.kind == "only one side":
        return f"{where}: only {'A' if cause.a else 'B'} runs `{name}`"
    if cause.kind == "shapes":
        assert cause.a and cause.b
        return f"{where}: `{name}` has inputs of other shapes ({_shapes(cause.a)} against {_shapes(cause.b)})"
    if cause.kind == "arguments":
        assert cause.a and cause.b
        return f"{where}: `{name}` has other arguments ({cause.a.arguments} against {cause.b.arguments})"
    if cause.kind == "inside or before":
        return f"{where}: inside or before `{name}`, by {UNSEEN}{how_far(cause.distances)}"
    if cause.kind == "random":
        return f"{where}: `{name}` drew other random numbers (another state of the generator)"
    return f"{where}: `{name}` gave {GAVE[one.part]} from equal inputs{how_far(cause.distances)}"


def _shapes(one: Operation) -> str:
    """Return the shapes of an operation's inputs, such as 4x3x8x8 and 16x3x3x3."""
    return " and ".join("x".join(map(str, value.shape)) or "a number" for value in one.inputs)


def how_far(distances: Iterable[Distance | None]) -> str:
    """Return the difference of the first tensor that differs, in ULP and relative."""
    first = next((one for one in distances if one and one.differing), None)
    if first is None:
        return ""
    sampled = "sampled " if first.compared < first.values else ""
    values = f"{first.compared:,} {sampled}value{'s' if first.compared > 1 else ''}"
    if first.ulp is None:
        return f"; {first.not_finite:,} of {values} are infinite or not a number on one side"
    low, high = first.ulp
    ulp = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    not_finite = f", {first.not_finite:,} of them not finite" if first.not_finite else ""
    return f"; {ulp} ULP in {first.differing:,} of {values}{not_finite}, relative {first.relative:.2g}"


def _state(found: StateDifference) -> str:
    shown = [escape.terminal(name) for name in found.members]
    more = f" and {len(shown) - NAMES} more" if len(shown) > NAMES else ""
    names = ", ".join(shown[:NAMES]) + more
    start = f"from step {found.step} on"
    if found.part == "batch":
        return f"{start}, the batches differ: {BATCH[found.kind]}"
    if found.part == "weights" and found.step == 0:
        return f"before the first step, the weights differ ({names})"
    part = {"settings": "settings of the optimiser", "optimiser": "state of the optimiser"}.get(found.part, found.part)
    return f"{start}, the {part} differ{'s' if part.startswith('state') else ''} ({names})"


def _against(a: Trace, b: Trace) -> str:
    """Return what was changed on the sides, and where they ran if that differs."""
    words = [differences(one, other) for one, other in ((a.about, b.about), (b.about, a.about))]
    return f"; {words[0]} against {words[1]}" if words[0] != words[1] else ""


def differences(about: dict[str, Any], other: dict[str, Any]) -> str:
    """Return the switches, seeds, device and versions of a side that the other side has not."""
    found = []
    for part in ("switches", "seeds", "device", "software"):
        mine, theirs = about.get(part, {}), other.get(part, {})
        for key in mine:
            if key in SHOWN.get(part, mine) and mine[key] != theirs.get(key):
                found.append(f"{key} {mine[key] if mine[key] != '' else 'of this machine'}")
    changes = [change for change in about.get("changes", []) if change.startswith("learning_rate=")]
    return escape.terminal(", ".join([*changes, *found]) or "as it is")


#: What is shown of a part of `about` that has much else.
SHOWN = {"device": ("model",), "software": ("torch", "cuda", "cudnn", "python")}


def table(differing: Sequence[Pair]) -> str:
    """Return a table of the first operations that differ: the cause, then its consequences.

    Its last column estimates, from the sampled values, the relative difference of the first output that differs.
    """
    rows = [("", "part", "module", "operation", "differs in", "relative")]
    for index, pair in enumerate(differing[:ROWS]):
        one = pair[0] or pair[1]
        assert one is not None
        words = {"output": "output", "inside or before": "inputs", "random": "random numbers"}
        role = "consequence" if index else "cause"
        kind = words.get(kind_of(pair), kind_of(pair))
        rows.append((role, one.part, escape.terminal(one.module), one.name, kind, _relative(*pair)))
    more = len(differing) - ROWS
    return "\n".join([*aligned(rows), *([f"and {more} more consequences"] if more > 0 else [])])


def _relative(a: Operation | None, b: Operation | None) -> str:
    if a is None or b is None:
        return ""
    return f"{next((one.relative for one in apart(a, b) if one), 0.0):.1g}"
