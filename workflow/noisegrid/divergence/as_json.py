"""The result of a comparison as a document for other programs, which workflow/schemas/diverge.schema.yaml describes."""

import math
from dataclasses import asdict
from typing import Any

from noisegrid.divergence.compare import Cause, Comparison
from noisegrid.divergence.sentences import sentence
from noisegrid.divergence.trace import Operation, Trace
from noisegrid.divergence.ulp import Distance


def to_document(found: Comparison, a: Trace, b: Trace) -> dict[str, Any]:
    """Return the result as a JSON value."""
    return {
        "diverged": found.diverged,
        "sentence": sentence(found, a, b),
        "steps": found.steps,
        "step": found.traced,
        "operations": found.operations,
        "left_out": max(a.left_out, b.left_out),
        "state": asdict(found.state) if found.state else None,
        "cause": _cause(found.cause) if found.cause else None,
        "a": a.about,
        "b": b.about,
    }


def _cause(cause: Cause) -> dict[str, Any]:
    one = cause.operation
    return {
        "kind": cause.kind,
        "operation": one.name,
        "module": one.module,
        "part": one.part,
        "places": list(cause.places),
        "a": _side(cause.a),
        "b": _side(cause.b),
        "distances": [_distance(distance) for distance in cause.distances],
        "consequences": cause.consequences,
    }


def _side(operation: Operation | None) -> dict[str, Any] | None:
    if operation is None:
        return None
    values = {
        name: [{"shape": list(one.shape), "dtype": one.dtype, "hash": one.hash} for one in getattr(operation, name)]
        for name in ("inputs", "outputs")
    }
    return {"arguments": operation.arguments} | values


def _distance(distance: Distance | None) -> dict[str, Any] | None:
    if distance is None:
        return None
    relative = distance.relative if math.isfinite(distance.relative) else None
    return asdict(distance) | {"relative": relative, "ulp": list(distance.ulp) if distance.ulp else None}
