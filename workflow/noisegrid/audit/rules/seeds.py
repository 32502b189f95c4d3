"""Rules about other seeds: each seed moves what it is for, and nothing else."""

from collections.abc import Iterator

from noisegrid.audit.evidence import Evidence
from noisegrid.audit.finding import NAMES, SEEDED, Finding, at
from noisegrid.audit.log import SETUP, Event
from noisegrid.audit.observation import CONTENTS, DATA_ORDER, INITIAL, MASKS, THINGS, Observation, differs
from noisegrid.audit.rules.repeats import late

#: The thing that a seed moves, by a part of its name.
EXPECTED = {
    "init": INITIAL, "weight": INITIAL, "model": INITIAL, "network": INITIAL,
    "order": DATA_ORDER, "shuffl": DATA_ORDER, "sampl": DATA_ORDER, "loader": DATA_ORDER, "data": DATA_ORDER,
    "aug": CONTENTS, "transform": CONTENTS,
    "dropout": MASKS, "mask": MASKS,
}  # fmt: skip


def expected(seed: str) -> str | None:
    """Return the thing that a seed moves by its name; None if the name says nothing, as `seed` does."""
    return next((thing for part, thing in EXPECTED.items() if part in seed), None)


def seeds_that_do_nothing(evidence: Evidence) -> Iterator[Finding]:
    """Find seeds that move nothing, or not what they should."""
    base = evidence.base
    for seed, other in evidence.moved.items():
        if not any(differs(base, other, thing) for thing in THINGS):
            yield Finding(
                "seed does nothing", "seed",
                f"`{seed}` does nothing: weights, batches and losses are the same under {seed} 0 and "
                f"1.{_constant(base)}",
            )  # fmt: skip
            continue
        wanted = expected(seed)
        things = [wanted] if wanted else [INITIAL, DATA_ORDER, CONTENTS, MASKS]
        reasons = {INITIAL: _initial, DATA_ORDER: _order, CONTENTS: _contents, MASKS: _masks}
        for thing in things:
            if not differs(base, other, thing) and (reason := reasons[thing](seed, base, other)):
                yield Finding("seed does not reach", thing, reason)


def _constant(base: Observation) -> str:
    seeding = base.log.first("seed")
    return f" {_same(seeding)}" if seeding else " Nothing is seeded: call torch.manual_seed(seed)."


def _same(seeding: Event) -> str:
    """Return that a generator is seeded in the same way under two seeds, and the remedy."""
    return f"{SEEDED[seeding['generator']]} gets {seeding['value']} in both ({at(seeding)}): call it with the argument."


def _same_again(base: Observation, other: Observation) -> str:
    """Return that PyTorch's generator is last seeded in the same way under two seeds; empty if it is not."""
    last = [
        next((event for event in reversed(list(one.log.of("seed"))) if event["generator"] == "torch"), None)
        for one in (base, other)
    ]
    return _same(last[0]) if last[0] and last[1] and last[0]["value"] == last[1]["value"] else ""


def _initial(seed: str, base: Observation, other: Observation) -> str:
    if not any(one["where"] == SETUP for one in base.log.of("draw")) or base.log.first("loaded"):
        return ""  # the weights are not drawn, or read from a file
    words = f"`{seed}` does not reach the initial weights: they are the same under {seed} 0 and 1."
    if reason := late(base):
        return f"{words} {reason}"
    return f"{words} {_same(next(one for one in base.log.of('seed') if one['generator'] == 'torch'))}"


def _order(seed: str, base: Observation, other: Observation) -> str:
    if not base.shuffles:
        return ""
    words = f"`{seed}` does not reach the DataLoader's order: batches have the same examples under {seed} 0 and 1."
    fixed = [one["seeds"] for one in base.training_loaders if one["seeds"]]
    if fixed:
        return f"{words} Its generator has the seed {fixed[0][0]} in both: use manual_seed({seed})."
    samplers = [one["sampler"] for one in base.training_loaders if not one["shuffles"]]
    if not samplers and (reason := _same_again(base, other)):
        return f"{words} {reason}"
    if samplers:
        return f"{words} Pass the seed to the {samplers[0]}, such as DistributedSampler(..., seed={seed})."
    return f"{words} Pass generator=torch.Generator().manual_seed({seed})."


def _contents(seed: str, base: Observation, other: Observation) -> str:
    if not base.augments:
        return ""
    words = f"`{seed}` does not reach the augmentation: the same random numbers are drawn under {seed} 0 and 1."
    if any(one["init_fn"] and one["workers"] for one in base.training_loaders):
        return f"{words} worker_init_fn gives the workers the same seed in both: derive it from torch.initial_seed()."
    names = [NAMES[name] for name in sorted(base.fetch_moves) if name in NAMES]
    return f"{words} Seed {names[0] if names else 'its generator'} with `{seed}`."


def _masks(seed: str, base: Observation, other: Observation) -> str:
    if not base.value(MASKS):
        return ""
    remedy = f"Call torch.manual_seed({seed}) before training, and give the DataLoader a generator of its own."
    return (
        f"`{seed}` does not reach dropout: its masks are the same under {seed} 0 and 1. "
        f"{_same_again(base, other) or remedy}"
    )


def leaks(evidence: Evidence) -> Iterator[Finding]:
    """Find seeds that move what another seed is for."""
    for seed, other in evidence.moved.items():
        wanted = expected(seed)
        if wanted is None or len(evidence.seeds) == 1:
            continue
        for thing in (INITIAL, DATA_ORDER, CONTENTS, MASKS):
            if thing == wanted or not differs(evidence.base, other, thing):
                continue
            yield Finding(
                "leaks", thing,
                f"`{seed}` leaks into the {thing}: it also changes "
                f"{'it' if thing in (DATA_ORDER, CONTENTS) else 'them'}, not only the {wanted}. Draw weights, masks "
                "and data one after the other, with torch.manual_seed before each, or give the DataLoader and the "
                "augmentation a generator of their own.",
            )  # fmt: skip
