"""Rules about runs with the same seeds: they must be equal, under any PYTHONHASHSEED too."""

from collections.abc import Iterator

from noisegrid.audit.evidence import Evidence
from noisegrid.audit.finding import NAMES, SEEDED, Finding, at
from noisegrid.audit.log import FETCH, SETUP
from noisegrid.audit.observation import CONTENTS, DATA_ORDER, FINAL, INITIAL, LOSSES, Observation, first_difference


def does_not_repeat(evidence: Evidence) -> Iterator[Finding]:
    """Find two runs with the same seeds that differ."""
    base, repeat = evidence.base, evidence.repeat
    thing = first_difference(base, repeat)
    if thing is None:
        return
    rule, words = "does not repeat", f"two runs with the same seeds differ in their {thing}"
    for one, other in zip(base.log.of("seed"), repeat.log.of("seed"), strict=False):
        if one["value"] != other["value"]:
            seeded = SEEDED[one["generator"]]
            yield Finding(
                rule, thing,
                f"{words}: {seeded} gets another value in each run ({at(one)}), such as the time. Call it with the "
                "argument.",
            )  # fmt: skip
            return
    if thing in (LOSSES, FINAL):
        yield Finding(
            rule, thing,
            f"{words}, from equal weights, batches and masks: an operation is not deterministic. "
            "noisegrid.testing.assert_deterministic names it (docs/pytest.md); "
            "torch.use_deterministic_algorithms(True) may make it deterministic.",
        )  # fmt: skip
        return
    if reason := _other_generator(base, repeat, thing):
        yield Finding(rule, thing, f"{words}: {reason}")
        return
    yield Finding(rule, thing, f"{words}. {_unseeded(base, thing)}")


def _other_generator(base: Observation, repeat: Observation, thing: str) -> str:
    """Return that a DataLoader's own generator has another seed in each run, and the remedy; empty if it has not."""
    if thing != DATA_ORDER:
        return ""
    for one, other in zip(base.training_loaders, repeat.training_loaders, strict=False):
        if one["seeds"] and other["seeds"] and one["seeds"] != other["seeds"]:
            return (
                f"the DataLoader's generator has the seed {one['seeds'][0]} in one of them and {other['seeds'][0]} in "
                "the other. Seed it with manual_seed and the argument."
            )
    return ""


def _unseeded(base: Observation, thing: str) -> str:
    """Return which generator of a run has no seed, and the remedy."""
    if thing == INITIAL and (reason := late(base)):
        return reason
    made = [
        one for log in base.logs for one in log.of("generator") if not one["seeded"] and one["caller"] != "<module>"
    ]
    if made:
        return (
            f"numpy.random.default_rng() is called without a seed ({at(made[0])}). Pass it one that depends on the "
            "argument."
        )
    seeded = {one["generator"] for one in base.log.of("seed")}
    places = {CONTENTS: FETCH, INITIAL: SETUP}
    drawn = [one for one in base.draws if thing not in places or one["where"] == places[thing]]
    for draw in drawn:
        if draw["generator"] in SEEDED and draw["generator"] not in seeded:
            name = draw["generator"]
            return f"{NAMES[name]} draws at {draw['place']}, and nothing seeds it. Call {SEEDED[name]}(seed)."
    unseeded = [name for name in sorted(base.fetch_moves) if name in SEEDED and name not in seeded]
    if unseeded:
        return (
            f"Reading examples draws from {NAMES[unseeded[0]]}, and nothing seeds it. Call {SEEDED[unseeded[0]]}(seed)."
        )
    return "Something without a seed decides, such as a generator, the clock, or the order of files."


def late(base: Observation) -> str:
    """Return what is wrong with the place of torch.manual_seed, and the remedy; empty if nothing is drawn before it."""
    for event in base.log.of("draw", "seed"):
        if event["generator"] == "torch" and event["event"] == "seed":
            return ""
        if event["generator"] == "torch" and event["where"] == SETUP:
            break
    seeding = next((one for one in base.log.of("seed") if one["generator"] == "torch"), None)
    if seeding is None:
        return "torch.manual_seed is never called: call it before the network is made."
    return f"torch.manual_seed is called after the network is made ({at(seeding)}): call it before."


def hash_seed(evidence: Evidence) -> Iterator[Finding]:
    """Find a run that depends on PYTHONHASHSEED."""
    thing = first_difference(evidence.base, evidence.hashed) if evidence.hashed else None
    if thing is not None:
        what = "examples" if thing == CONTENTS else thing
        yield Finding(
            "PYTHONHASHSEED", thing,
            f"the {what} differ under another PYTHONHASHSEED: something iterates over a set or uses hash(). "
            "Sort the set, or use hashlib.",
        )  # fmt: skip
