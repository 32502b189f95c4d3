"""Tables about the paper: verdicts on its claims, and its numbers that were verified."""

import pandas as pd

from noisegrid.common.schemas import WORKFLOW, catalog
from noisegrid.reporting.claims import judge


def claims_table(frame: pd.DataFrame, overhead: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the verdict on every claim of the paper in each context, with test, effect, interval, p and n."""
    words = catalog("claims")
    rows = [
        {
            "claim": verdict.claim,
            "statement": words[verdict.claim]["claim"],
            "context": verdict.context,
            "verdict": verdict.verdict,
            "verdict_adjusted": verdict.adjusted,
            "effect": verdict.effect,
            "low": verdict.low,
            "high": verdict.high,
            "p": verdict.p,
            "n": verdict.n or None,
            "note": verdict.note,
            "effect_is": words[verdict.claim]["effect"],
            "test": words[verdict.claim]["test"],
            "grade_of_claim": words[verdict.claim]["grade"],
        }
        for verdict in judge(frame, overhead)
    ]
    return pd.DataFrame(rows).astype({"n": "Int64"})


def published_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the paper's numbers that were verified. A last row says that all other numbers were not recovered."""
    published = pd.read_csv(WORKFLOW / "catalog" / "published.csv", dtype=str)
    rest = {"item": "everything else", "what": "tables and figures of the paper", "value": "not recovered"}
    return pd.concat([published, pd.DataFrame([rest])], ignore_index=True).fillna("")
