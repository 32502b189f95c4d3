"""Run everything that a first session on a GPU should answer, in nine minutes, and write a summary with its tables.

    python benchmarks/gpu_campaign --output docs/results/h200

One command, without a network and without a pinned stack: it uses the PyTorch that is installed (Python 3.11 or 3.12).
Each part has a deadline. A part that reaches it is stopped, and what it has measured until then is kept. The summary
and the tables are written again after every part, so a campaign that is cut off leaves what its finished parts found.
"""

import argparse
import sys
import time
from pathlib import Path

from machine import describe
from parts import PARTS, Campaign
from results import write_results

PLAN = Path(__file__).with_name("campaign.yaml")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="folder for summary.md and the CSV files")
    parser.add_argument("--plan", type=Path, default=PLAN, help="what to run (default: campaign.yaml)")
    parser.add_argument("--work", type=Path, help="folder for replicates and logs (default: OUTPUT/work)")
    parser.add_argument("--fashion-mnist", type=Path, help="folder with the raw files of Fashion-MNIST")
    options = parser.parse_args()
    campaign = Campaign.of(options.plan, options.work or options.output / "work", options.fashion_mnist)
    campaign.write_study()
    about, began, outcomes = describe(campaign.work), time.monotonic(), dict[str, str]()
    deadline = began
    for part in PARTS:
        deadline += 60 * campaign.plan["minutes"] * campaign.plan["shares"][part.name]
        print(f"== {part.name}, until {deadline - began:.0f} s", flush=True)
        outcomes[part.name] = part.run(campaign, deadline)
        print(f"== {part.name}: {outcomes[part.name]} ({time.monotonic() - began:.0f} s since the start)", flush=True)
        write_results(campaign, about, outcomes, options.output)
    print((options.output / "summary.md").read_text())
    return 0 if all(outcome == "finished" for outcome in outcomes.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
