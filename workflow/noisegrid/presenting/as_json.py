"""A verdict or a noise floor as a document for other programs.

The schemas gate.schema.yaml and floor.schema.yaml in workflow/schemas describe the documents.
"""

import dataclasses
import json
import math
from typing import Any

from noisegrid import __version__
from noisegrid.common.versions import FLOOR, GATE
from noisegrid.gating import floor_sentences
from noisegrid.gating.floor import Floor
from noisegrid.gating.gate import Gate
from noisegrid.gating.sentences import details, direction
from noisegrid.presenting.marks import UNJUDGED
from noisegrid.reading.runs import CannotJudge


def to_document(found: Gate) -> dict[str, Any]:
    """Return a verdict as a document of plain dictionaries, lists, texts and numbers; NaN and infinity become None."""
    document = {
        **_head(GATE, found.verdict, found.exit_code, str(found)),
        "details": list(details(found)),
        "direction": direction(found),
        **_plain(found),
        "unit": found.unit.strip(),
    }
    del document["lower_is_better"]  # `direction` says it
    del document["question"]["points"]  # the bounds are in the unit of the metric
    return document


def floor_document(found: Floor) -> dict[str, Any]:
    """Return a noise floor as a document, as `to_document` does with a verdict."""
    head = _head(FLOOR, found.verdict, found.exit_code, str(found))
    details = list(floor_sentences.details(found))
    return {**head, "details": details, **_plain(found), "unit": found.unit.strip()}


def unjudged(why: CannotJudge, version: int = GATE) -> dict[str, Any]:
    """Return the document about runs that cannot be judged, in this version of the format."""
    return {**_head(version, UNJUDGED, why.exit_code, f"cannot be judged: {why}"), "reason": str(why)}


def text(document: dict[str, Any]) -> str:
    """Return a document as JSON. It has ASCII characters only, so that no name in it can act on a terminal."""
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _head(version: int, verdict: str, exit_code: int, sentence: str) -> dict[str, Any]:
    return {
        "format": version, "noisegrid": __version__, "verdict": verdict, "exit_code": exit_code, "sentence": sentence,
    }  # fmt: skip


def _plain(value: Any) -> Any:
    """Return a value for JSON: records as dictionaries, tuples as lists, and numbers that are not finite as None."""
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple):
        named = getattr(value, "_asdict", None)
        return {key: _plain(part) for key, part in named().items()} if named else [_plain(part) for part in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value
