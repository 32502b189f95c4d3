"""The command `noisegrid audit`: run a function several times, and print what its seeds do."""

import argparse
import inspect
import json
import sys
from typing import Any

from noisegrid.audit import sentences
from noisegrid.audit.evidence import Evidence, gathered
from noisegrid.audit.finding import Finding
from noisegrid.audit.findings import NAMES, findings
from noisegrid.audit.runs import CannotJudge, Runs, Servers
from noisegrid.common import escape
from noisegrid.common.errors import NoisegridError, UsageError, first_line, unknown
from noisegrid.common.references import FORM, imported

#: The exit codes: nothing found, and something. What cannot be judged has that of runs.CannotJudge.
CLEAN, FOUND = 0, 3
#: The argument of a function that saves checkpoints, and resumes from them.
CHECKPOINT = "checkpoint"
#: Libraries that take longer to import than most runs take. If the user's module imports them, it is done once.
SLOW = ("lightning", "pytorch_lightning", "transformers.trainer")


def run(options: argparse.Namespace) -> int:
    """Run the command, and return its exit code."""
    if options.steps < 2:
        raise UsageError(f"--steps: {options.steps} is too few; write 2 or more")
    if not options.timeout > 0:
        raise UsageError(f"--timeout: {options.timeout:g} is no time; write a number of seconds above 0")
    if FORM.fullmatch(options.function) is None:
        raise UsageError(f"{escape.terminal(options.function)!r} is not of the form package.module:function")
    for rule in options.ignore:
        if rule not in NAMES:
            raise UsageError(f"--ignore: {unknown('rule', rule, NAMES)}")
    seeds, resumable = arguments_of(options.function)
    with Servers(name for name in SLOW if name in sys.modules) as servers:
        runs = Runs(options.function, seeds, servers, resumable, options.steps, options.timeout, _say)
        evidence = gathered(runs)
    found = [one for one in findings(evidence) if one.rule not in options.ignore]
    if options.json:
        print(json.dumps(to_document(options.function, evidence, found), indent=1))
    else:
        form = sentences.as_markdown if options.markdown else sentences.shown
        print(form(options.function, evidence, found))
    return FOUND if found else CLEAN


def _say(what: str) -> None:
    if sys.stderr.isatty():
        print(f"running with {escape.terminal(what)} …", file=sys.stderr, flush=True)


def arguments_of(function: str) -> tuple[tuple[str, ...], bool]:
    """Return the names of a function's seeds, and whether it takes a checkpoint.

    Raises
    ------
    CannotJudge
        If the function cannot be imported, has no seed, or needs other arguments.
    """
    try:
        parameters = inspect.signature(imported("function", function)).parameters
    except NoisegridError as error:
        raise CannotJudge(str(error)) from error
    except Exception as error:
        raise CannotJudge(
            f"{function}: importing it raises {type(error).__name__}: {first_line(error)}; correct it"
        ) from error
    seeds = tuple(name for name in parameters if name == "seed" or name.endswith("_seed"))
    if not seeds:
        raise CannotJudge(f"{function} has no argument `seed`, and none that ends with `_seed`; add one")
    for name, one in parameters.items():
        needed = one.default is one.empty and one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
        if one.kind is one.POSITIONAL_ONLY or (needed and name not in (*seeds, CHECKPOINT)):
            raise CannotJudge(f"{function} needs the argument `{name}`, which is no seed; give it a default")
    return seeds, CHECKPOINT in parameters


def to_document(function: str, evidence: Evidence, found: list[Finding]) -> dict[str, Any]:
    """Return the result as a JSON value, which workflow/schemas/audit.schema.yaml describes."""
    head, *rows = sentences.matrix(evidence)
    words = {sentences.YES: True, sentences.NO: False, sentences.NONE: None}
    return {
        "function": function,
        "sentence": sentences.sentence(function, evidence, found),
        "seeds": list(evidence.seeds),
        "steps": evidence.base.end["steps"],
        "findings": [{"rule": one.rule, "thing": one.thing, "sentence": one.sentence} for one in found],
        "differs": {row[0]: {name: words[cell] for name, cell in zip(head[1:], row[1:], strict=True)} for row in rows},
        "notes": sentences.notes(evidence),
    }
