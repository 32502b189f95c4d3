"""How often each claim's test gives each verdict, on simulated studies whose truth is known (tests/claim_truths.py).

A false verdict is marked with an exclamation mark if it is more frequent than 5 %, judged by a 99 % binomial interval.
C4 and C5 have a null and take seconds per draw; --claims chooses.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from claim_truths import TRUTHS, rates
from scipy.stats import binom

from noisegrid.reporting.verdicts import ALPHA


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--n", type=int, nargs="+", default=[5, 10, 20], help="replicates per cell")
    parser.add_argument("--claims", nargs="+", default=sorted({truth.claim for truth in TRUTHS}))
    options = parser.parse_args()
    limit = binom.ppf(0.995, options.draws, ALPHA) / options.draws
    print("| claim | truth | n | draws | right | false | all verdicts |\n| --- | --- | --- | --- | --- | --- | --- |")
    for truth in TRUTHS:
        if truth.claim not in options.claims:
            continue
        for n in options.n:
            found = rates(truth, n, options.draws)
            right = f"{truth.right} {found.get(truth.right, 0):.1%}" if truth.right else ""
            false = [f"{word} {(r := found.get(word, 0)):.1%}{' !' if r > limit else ''}" for word in truth.false]
            every = ", ".join(f"{word} {rate:.1%}" for word, rate in found.items())
            cells = (truth.claim, truth.name, n, options.draws, right, ", ".join(false), every)
            print(f"| {' | '.join(map(str, cells))} |", flush=True)


if __name__ == "__main__":
    main()
