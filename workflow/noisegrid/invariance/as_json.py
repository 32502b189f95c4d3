"""The findings as a document (workflow/schemas/invariance.schema.yaml), of which text and figure are made."""

import math
from pathlib import Path
from typing import Any

from noisegrid.divergence.compare import Cause
from noisegrid.invariance.judge import Findings
from noisegrid.invariance.measure import Change
from noisegrid.invariance.sentences import ONLY, sentence
from noisegrid.invariance.subjects import FUNCTION, RECORD, SEED, Subject


def to_document(found: Findings) -> dict[str, Any]:
    """Return the findings as a JSON value."""
    reference, subject = found.reference, found.subject
    document = {
        "changed": bool(found.changed),
        "subject": "/".join(Path(subject.name).parent.parts[-4:]) if subject.kind == RECORD else subject.name,
        "kind": subject.kind,
        "weights": _weights(subject),
        "examples": subject.examples,
        "reference": {"batch_size": reference.batch_size, "switches": reference.flags},
        "conditions": [_condition(change) for change in found.changes],
        "device": found.device,
        "software": found.software,
    }
    return document | {"sentence": sentence(document)}


def _weights(subject: Subject) -> str:
    """Return where the weights come from."""
    if subject.kind == RECORD:
        return "weights of the record" if subject.is_stored() else "weights of the record, trained again"
    return f"weights {'that the function returns under' if subject.kind == FUNCTION else 'drawn from'} seed {SEED}"


def _condition(change: Change) -> dict[str, Any]:
    condition, other = change.condition, int(change.logits.sum())
    return {
        "kind": condition.kind,
        "value": condition.value,
        "batch_size": condition.batch_size,
        "arrangement": condition.arrangement,
        "switches": condition.flags,
        "other_logits": other,
        "other_class": int(change.classes.sum()),
        "only_last_batch": change.in_tail,
        "ulp": change.ulp,
        "dtype": change.dtype,
        "relative": change.relative if math.isfinite(change.relative) else None,
        "operation": _operation(change.cause) if change.cause and other else None,
    }


def _operation(cause: Cause) -> dict[str, Any]:
    kind = cause.kind if cause.a and cause.b else ONLY[cause.a is not None]
    return {"kind": kind, "name": cause.operation.name, "module": cause.operation.module}
