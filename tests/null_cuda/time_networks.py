"""Time networks in strict mode on null CUDA, each in a process forked for it: `time_networks.py NETWORK...`.

`noisegrid overhead` starts a new process for each network, which takes seconds. This script runs the same session, but
for the profile, which takes seconds, too, and lists no kernels without CUPTI. A line of JSON has, for each network, the
measures of strict mode and why it was refused; empty if it was not.
"""

import json
import sys
from multiprocessing import get_context
from typing import Any

import torch._dynamo  # what the first optimiser imports, once for all

from noisegrid.overhead.session import Session
from noisegrid.runtime.hardware import entry
from noisegrid.study.arms import timed_network

COMMON = {"study": "", "hardware": "h100", "device": "", "uuid": "", "versions": "", "note": "", "image": None}
SMALL = {"size": 96, "batch_size": 2, "processes": 1, "blocks": 1, "steps": 1}  # Inception-v3 needs 75 pixels


def timed(network: str) -> dict[str, Any]:
    """Run the session of a network."""
    torch.set_num_threads(1)
    session = Session(timed_network("h100", network, ["deterministic"], "test", **SMALL), entry("h100"), COMMON, None)
    session._profile = lambda: None
    session.run()
    refused = session.remedied | session.skipped
    measures = [row["measure"] for row in session.rows if row["arm"] == "deterministic"]
    return {"measures": measures, "refused": refused.get("deterministic", "")}


if __name__ == "__main__":
    networks = sys.argv[1:]
    with get_context("fork").Pool(2, maxtasksperchild=1) as pool:
        print(json.dumps(dict(zip(networks, pool.map(timed, networks, 1), strict=True))))
