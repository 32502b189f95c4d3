"""Rules about who draws from the generators of training: evaluation, logging, and other ranks."""

from collections.abc import Iterator

from noisegrid.audit.evidence import Evidence
from noisegrid.audit.finding import NAMES, SEEDED, Finding, at_place, named
from noisegrid.audit.log import FETCH, LAYER, ORDER
from noisegrid.audit.observation import MASKS, in_evaluation
from noisegrid.audit.rules.data import loaders


def draws_without_effect(evidence: Evidence) -> Iterator[Finding]:
    """Find evaluation or logging that moves the generator of training."""
    shared = any(one.rule == "shared generator" for one in loaders(evidence))
    for draw in evidence.without_effect:
        if shared and draw["generator"] not in NAMES:  # said already
            continue
        generator = named(draw["generator"])
        remedy = "Pass generator= to the call, or restore the generator's state after it (torch.random.fork_rng)."
        if draw["where"] == ORDER:
            rule, what = "evaluation draws", f"the evaluation's DataLoader draws a seed from {generator}"
            remedy = "Pass a generator of its own to it."
        elif in_evaluation(evidence.base, draw):
            rule, what = "evaluation draws", f"evaluation draws from {generator} ({draw['operation']}{at_place(draw)})"
        else:
            rule = "draws between steps"
            what = f"`{draw['caller']}` draws from {generator} ({draw['operation']}{at_place(draw)})"
        yield Finding(
            rule, "generators",
            f"{what}, and training draws from the same generator later: doing this more or less often changes the "
            f"trained model. {remedy}",
        )  # fmt: skip


def ranks(evidence: Evidence) -> Iterator[Finding]:
    """Find ranks that draw the same random numbers."""
    logs = sorted(evidence.base.ranks, key=lambda log: (log.first("step") or {})["rank"] or 0)
    firsts = [log.first("step") or {} for log in logs]
    if len(logs) < 2 or len({one["rank"] for one in firsts}) < 2:
        return
    drawn = {draw["generator"] for log in logs for draw in log.of("draw") if draw["where"] in (LAYER, FETCH)}
    for name in sorted(drawn & firsts[0]["states"].keys()):
        if firsts[0]["states"][name] == firsts[1]["states"][name]:
            yield Finding(
                "ranks", MASKS,
                f"ranks {firsts[0]['rank']} and {firsts[1]['rank']} have the same state of {NAMES.get(name, name)}: "
                f"they draw the same dropout masks and augmentations. Call {SEEDED.get(name, 'its seed')}(seed * "
                "world_size + rank) after the network is made; the sampler's seed stays the same on all ranks.",
            )  # fmt: skip
