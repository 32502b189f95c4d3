"""The findings as a document for other programs, which workflow/schemas/invariance.schema.yaml describes."""

import math
from typing import Any

from noisegrid.divergence.compare import Cause
from noisegrid.invariance.judge import Findings
from noisegrid.invariance.measure import Change
from noisegrid.invariance.sentences import sentence, weights


def to_document(found: Findings) -> dict[str, Any]:
    """Return the findings as a JSON value."""
    reference = found.reference
    return {
        "changed": bool(found.changed),
        "sentence": sentence(found),
        "subject": found.subject.name,
        "kind": found.subject.kind,
        "weights": weights(found.subject),
        "examples": found.subject.examples,
        "reference": {"batch_size": reference.batch_size, "switches": reference.flags},
        "conditions": [_condition(change) for change in found.changes],
        "device": found.device,
        "software": found.software,
    }


def _condition(change: Change) -> dict[str, Any]:
    condition = change.condition
    return {
        "kind": condition.kind,
        "value": condition.value,
        "batch_size": condition.batch_size,
        "arrangement": condition.arrangement,
        "switches": condition.flags,
        "other_logits": int(change.logits.sum()),
        "other_class": int(change.classes.sum()),
        "only_last_batch": change.in_tail,
        "ulp": change.ulp,
        "dtype": change.dtype,
        "relative": change.relative if math.isfinite(change.relative) else None,
        "operation": _operation(change.cause) if change.cause else None,
    }


def _operation(cause: Cause) -> dict[str, Any]:
    return {"kind": cause.kind, "name": cause.operation.name, "module": cause.operation.module}
