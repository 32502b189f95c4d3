"""What an audit finds. A new rule is a function and an entry of RULES."""

from collections.abc import Callable, Iterator

from noisegrid.audit.evidence import Evidence
from noisegrid.audit.finding import Finding
from noisegrid.audit.rules import data, draws, repeats, resuming, seeds

#: The rules, in the order in which their findings are listed.
RULES: tuple[Callable[[Evidence], Iterator[Finding]], ...] = (
    repeats.does_not_repeat,
    repeats.hash_seed,
    seeds.seeds_that_do_nothing,
    seeds.leaks,
    data.same_again,
    data.loaders,
    data.autotune,
    draws.draws_without_effect,
    draws.ranks,
    resuming.resuming,
)

#: The names of the rules in findings.
NAMES = (
    "does not repeat", "PYTHONHASHSEED", "seed does nothing", "seed does not reach", "leaks", "same in every worker",
    "same in every epoch", "same in every step", "drop_last", "every worker reads all", "shared generator",
    "last batch of one", "autotune", "evaluation draws", "draws between steps", "ranks", "not resumed",
)  # fmt: skip


def findings(evidence: Evidence) -> list[Finding]:
    """Return everything that is wrong, in the order of the rules, each once."""
    return list(dict.fromkeys(finding for rule in RULES for finding in rule(evidence)))
