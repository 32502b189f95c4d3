"""Test the paper's claims about the overhead of determinism (C12 to C16) on overhead.csv.

An overhead is the step time of the deterministic arm divided by the step time of the default arm. The effect of C12 is
an overhead, the effects of C13 to C15 are ratios of two overheads, and the effect of C16 is a share of a difference in
kernel time. n is the number of blocks. The module `claims` lists the possible verdicts.
"""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from noisegrid import stats
from noisegrid.common.schemas import WORKFLOW, catalog
from noisegrid.reporting import overhead_frame
from noisegrid.reporting.verdicts import NOT_DECIDED, NOT_MEASURED, NOT_REPRODUCED, REPRODUCED, Verdict
from noisegrid.runtime.hardware import entry

#: The largest overhead on a device is reproduced if its interval lies within this factor of the published overhead. The
#: factor allows for networks, CUDA and cuDNN that differ from those of the paper.
NEAR = 1.25
KERNEL_SIZES = {1: "mediumcnn_k1", 3: "mediumcnn_k3", 5: "mediumcnn_k5", 7: "mediumcnn_k7"}
#: C16 is reproduced if the kernels that only the default arm or only the deterministic arm runs explain at least this
#: share of the difference in kernel time.
MOST = 0.5


def claim_12(overhead: pd.DataFrame) -> Iterator[Verdict]:
    """Judge, on each kind of hardware, whether the largest overhead is near the largest one that the paper reports."""
    published = published_maxima()
    for hardware, row in _extremes(overhead, largest=True):
        context = f"largest on {hardware}: {row.network}"
        low, high = row.low, row.high
        if hardware not in published:
            yield Verdict(
                "",
                f"{context} (the paper has no number for this device)",
                NOT_MEASURED,
                row.ratio,
                low,
                high,
                row.blocks,
            )
            continue
        verdict, (bottom, top) = NOT_DECIDED, (published[hardware] / NEAR, published[hardware] * NEAR)
        if low >= bottom and high <= top:
            verdict = REPRODUCED
        elif high < bottom or low > top:
            verdict = NOT_REPRODUCED
        yield Verdict("", f"{context}; paper {published[hardware]:g}", verdict, row.ratio, low, high, row.blocks)


def claim_13(overhead: pd.DataFrame) -> Iterator[Verdict]:
    """Judge, on each kind of hardware, whether the overhead differs between networks."""
    smallest = dict(_extremes(overhead, largest=False))
    for hardware, top in _extremes(overhead, largest=True):
        bottom = smallest[hardware]
        if top.network != bottom.network:
            # the two networks are the extremes of all networks, so the intervals must hold for all of them at once
            count = (overhead_frame.determinism(overhead)["hardware"] == hardware).sum()
            high, low = (_interval(overhead, row, 1 - 0.05 / count) for row in (top, bottom))
            context = f"{top.network} against {bottom.network} on {hardware}"
            yield _quotient(context, high, low, min(top.blocks, bottom.blocks))


def claim_14(overhead: pd.DataFrame) -> Iterator[Verdict]:
    """Judge, on each kind of hardware, whether the medium CNN has a larger overhead with larger convolution kernels."""
    table = overhead_frame.determinism(overhead).set_index(overhead_frame.KEY)
    for hardware in dict.fromkeys(overhead["hardware"]):
        rows = [table.loc[(hardware, name)] for name in KERNEL_SIZES.values() if (hardware, name) in table.index]
        if len(rows) > 1:
            first, last = rows[0], rows[-1]
            context = f"{last.name[1]} against {first.name[1]} on {hardware}"
            yield _quotient(context, _estimate(last), _estimate(first), min(first.blocks, last.blocks))


def claim_15(overhead: pd.DataFrame) -> Iterator[Verdict]:
    """Judge whether the largest overhead is higher on the oldest timed GPU generation than on the newest one."""
    entries = {hardware: entry(hardware) for hardware, _ in _extremes(overhead, largest=True)}
    age = {name: float(e.compute_capability) for name, e in entries.items() if e.is_cuda}
    if len(set(age.values())) > 1:
        rows = dict(_extremes(overhead, largest=True))
        old, new = rows[min(age, key=lambda h: age[h])], rows[max(age, key=lambda h: age[h])]
        context = f"{old.hardware} against {new.hardware}"
        yield _quotient(context, _estimate(old), _estimate(new), min(old.blocks, new.blocks))


def claim_16(overhead: pd.DataFrame) -> Iterator[Verdict]:
    """Judge, on each CUDA GPU, whether the largest overhead is explained by kernels that run in only one arm.

    The arms are the default arm and the deterministic arm.
    """
    kernels = overhead_frame.kernel_differences(overhead)
    kernels = kernels[kernels["only_in"] != ""]
    for hardware, row in _extremes(overhead, largest=True):
        shares = kernels[(kernels["hardware"] == hardware) & (kernels["network"] == row.network)]["share_of_difference"]
        if not entry(str(hardware)).is_cuda:
            continue  # the claim is about cuDNN's kernels
        share = float(shares.sum())
        verdict = NOT_DECIDED
        if row.low > 1 and not shares.isna().any():
            verdict = REPRODUCED if share >= MOST else NOT_REPRODUCED
        yield Verdict("", f"{row.network} on {hardware}", verdict, share, n=row.blocks)


def published_maxima() -> dict[str, float]:
    """Return the largest overhead that the paper reports for each GPU. The keys are names of hardware entries.

    The values come from catalog/published.csv, which contains only verified numbers.
    """
    table = pd.read_csv(WORKFLOW / "catalog" / "published.csv", dtype=str)
    ratios = table[(table["item"] == "C12") & (table["unit"] == "1")]
    names = {found["title"]: name for name, found in catalog("hardware").items()}
    return {names[row.what.rsplit(" ", 1)[1]]: float(row.value) for row in ratios.itertuples()}


def _extremes(overhead: pd.DataFrame, largest: bool) -> Iterator[tuple[str, pd.Series]]:
    """Yield, for each hardware entry, its name and the row of the network with the largest or the smallest overhead."""
    table = overhead_frame.determinism(overhead)
    for hardware, part in table.groupby("hardware", sort=False):
        yield str(hardware), part.loc[part["ratio"].idxmax() if largest else part["ratio"].idxmin()]


def _interval(overhead: pd.DataFrame, row: pd.Series, confidence: float) -> stats.Estimate:
    here = overhead[
        (overhead["hardware"] == row.hardware) & (overhead["network"] == row.network) & (overhead["measure"] == "step")
    ]
    values, reference = (here[here["arm"] == arm]["value"].tolist() for arm in (row.arm, row.against))
    return stats.ratio_of_blocks(values, reference, confidence)


def _estimate(row: pd.Series) -> stats.Estimate:
    return stats.Estimate(row.ratio, row.low, row.high)


def _quotient(context: str, first: stats.Estimate, second: stats.Estimate, n: int) -> Verdict:
    """Judge whether the first of two overheads is above the second. This requires that their intervals do not overlap.

    The effect is the quotient of the two overheads. Its interval runs from `first.low / second.high` to
    `first.high / second.low`.
    """
    low, high = first.low / second.high, first.high / second.low
    verdict = NOT_DECIDED
    if not np.isnan(low):
        verdict = REPRODUCED if low > 1 else NOT_REPRODUCED if high < 1 else NOT_DECIDED
    return Verdict("", context, verdict, first.value / second.value, low, high, n)


TESTS: dict[str, Callable[[pd.DataFrame], Iterator[Verdict]]] = {
    "C12": claim_12,
    "C13": claim_13,
    "C14": claim_14,
    "C15": claim_15,
    "C16": claim_16,
}
