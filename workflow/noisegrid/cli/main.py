"""Dispatch `noisegrid SUBCOMMAND`. Each subcommand is listed in one of two tuples below and has its own module."""

import argparse
import errno
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from noisegrid import __version__
from noisegrid.common.errors import NoisegridError

#: Exit codes of errors. The subcommands `check`, `replay` and `verify` also return 1 if their answer is negative, and
#: `gate` has a code for each verdict.
FAILED, USAGE, INTERRUPTED = 1, 2, 130


@dataclass(frozen=True)
class Subcommand:
    """A subcommand. Its module is `cli/<name>.py`, with `_` instead of `-`.

    Attributes
    ----------
    name, help : str
        The name, and the description in `noisegrid --help`.
    extra : str
        The extra with which noisegrid must be installed for this subcommand; empty for the base installation.
    """

    name: str
    help: str
    extra: str = ""

    def load(self) -> Any:
        """Import the module of the subcommand, which defines EXAMPLE, add_arguments(parser) and run(options)."""
        return import_module(f"noisegrid.cli.{self.name.replace('-', '_')}")


SUBCOMMANDS = (
    Subcommand("init", "write a study file that you can edit"),
    Subcommand("check", "report all mistakes in a study"),
    Subcommand("plan", "show what a study would submit, and what it would cost"),
    Subcommand("run", "run a study with Snakemake", "train,workflow"),
    Subcommand("pilot", "measure how long a replicate of one task takes on this machine", "train"),
    Subcommand("status", "show how far a study has progressed"),
    Subcommand("repair", "set aside missing or damaged replicates, so that they are trained again"),
    Subcommand("overhead", "measure what determinism costs a network", "train"),
    Subcommand("fingerprint", "hash the bits of every operator, so that two processors can be compared", "train"),
    Subcommand("calibrate", "compute how often the verdicts on a study's claims err", "report"),
    Subcommand("gate", "judge whether the gain of new runs over base runs is real"),
    Subcommand("floor", "measure how much runs of the same method differ, and whether they look independent"),
    Subcommand("diverge", "find the step, layer and operation at which two runs first differ"),
    Subcommand("audit", "check whether the seeds of a training function do what you think", "train"),
    Subcommand("invariance", "find what changes a network's logits: batch size, neighbours, threads and more", "train"),
    Subcommand("replay", "run a replicate again from its record and compare the bits", "train"),
    Subcommand("package", "write a study's results into one file that others can check", "report"),
    Subcommand("verify", "check a package, number by number", "report"),
    Subcommand("compare", "compare two packages", "report"),
    Subcommand("completion", "print a shell script for tab completion"),
)
#: The subcommands that the rules of the workflow call.
WORKFLOW_SUBCOMMANDS = (
    Subcommand("build-image", "build the container image of a stack"),
    Subcommand("inspect-image", "check a container image from inside the image"),
    Subcommand("prepare-dataset", "prepare a dataset for training", "train"),
    Subcommand("train", "train replicates on one kind of hardware", "train"),
    Subcommand("measure", "measure the replicates of one task on one kind of hardware"),
    Subcommand("compare-hardware", "compare runs that have the same seeds on different kinds of hardware"),
    Subcommand("compare-methods", "compare the pairs of tasks that a study names with versus"),
    Subcommand("collect", "concatenate the CSV files of tasks or networks"),
    Subcommand("tables", "write the findings, tables and cell pages of a study", "report"),
    Subcommand("figures", "draw figures", "report"),
    Subcommand("report", "write the report of a study as one HTML page", "report"),
    Subcommand("provenance", "write Snakemake's own report of a study", "workflow"),
    Subcommand("summary", "print the findings of a study and the paths of its results"),
    Subcommand("requirements", "compute the memory and operations that each task requires", "train"),
)


class Parser(argparse.ArgumentParser):
    """An argument parser that reports an error in one sentence and suggests the option with the most similar name."""

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse the arguments. If any are unknown, print an error message that names the first of them, and exit."""
        options, extra = self.parse_known_args(args, namespace)
        if extra:
            known = [option for action in self._actions for option in action.option_strings]
            self.error(f"unknown argument {extra[0]!r}{nearest(extra[0].partition('=')[0], known)}")
        return options

    def error(self, message: str) -> NoReturn:
        """Print the message as one sentence and exit with the code for usage errors."""
        message = re.sub(r"invalid int value: (.*)", r"\1 is not a whole number", message)
        message = re.sub(r"invalid (?:float|seconds|positive) value: (.*)", r"\1 is not a number", message)
        print(f"{self.prog}: {message}; see {self.prog} --help", file=sys.stderr)
        sys.exit(USAGE)


def nearest(name: str, known: Sequence[str]) -> str:
    """Return `; did you mean ...?` with the most similar known name; return an empty string if none is similar."""
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""


def overview() -> str:
    """Return the text of `noisegrid --help`."""
    width = max(len(subcommand.name) for subcommand in (*SUBCOMMANDS, *WORKFLOW_SUBCOMMANDS))

    def lines(subcommands: Sequence[Subcommand]) -> str:
        return "\n".join(f"  {subcommand.name:{width}}  {subcommand.help}" for subcommand in subcommands)

    return f"""\
usage: noisegrid SUBCOMMAND ...

Measure how much of a training result is noise, where it comes from, whom it affects, and what determinism costs.

{lines(SUBCOMMANDS)}

called by the rules of the workflow:
{lines(WORKFLOW_SUBCOMMANDS)}

  -h, --help  show this text; after a subcommand, show its options and an example
  --version   show the version

example: noisegrid plan quick"""


def parser_of(subcommand: Subcommand) -> Parser:
    """Import the module of a subcommand and return its argument parser."""
    module = subcommand.load()
    parser = Parser(
        prog=f"noisegrid {subcommand.name}",
        description=module.__doc__,
        epilog=f"example: {module.EXAMPLE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    return parser


def find(name: str) -> Subcommand | None:
    """Return the subcommand with the given name, or None if there is none."""
    return next((entry for entry in (*SUBCOMMANDS, *WORKFLOW_SUBCOMMANDS) if entry.name == name), None)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `noisegrid` and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help"):
        print(overview())
        return 0 if words else USAGE
    if words[0] == "--version":
        print(f"noisegrid {__version__}")
        return 0
    subcommand = find(words[0])
    if subcommand is None:
        known = [entry.name for entry in (*SUBCOMMANDS, *WORKFLOW_SUBCOMMANDS)]
        print(f"noisegrid: unknown subcommand {words[0]!r}{nearest(words[0], known)}", file=sys.stderr)
        return USAGE
    return call(subcommand, parser_of(subcommand).parse_args(words[1:]))


def call(subcommand: Subcommand, options: argparse.Namespace) -> int:
    """Run a subcommand and return its exit code. An error that the user can mend is printed as one sentence."""
    run: Callable[[argparse.Namespace], int | None] = subcommand.load().run
    try:
        return run(options) or 0
    except KeyboardInterrupt:
        print(f"noisegrid: {subcommand.name} was interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # for example, `noisegrid status | head -1`
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - Python flushes stdout when it ends
        return FAILED
    except Exception as error:
        sentence = explained(error, subcommand)
        if not sentence:
            raise
        from noisegrid.common.escape import lines

        print(f"noisegrid: {lines(sentence)}", file=sys.stderr)
        return error.exit_code if isinstance(error, NoisegridError) else FAILED


def explained(error: Exception, subcommand: Subcommand) -> str:
    """Return a sentence about an error that the user can mend, or an empty string if the error is a defect."""
    if isinstance(error, NoisegridError):
        return str(error)
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        from noisegrid.common.files import reason

        return reason(error, Path(error.filename or "."))
    if isinstance(error, ModuleNotFoundError) and subcommand.extra and not (error.name or "").startswith("noisegrid"):
        remedy = f"pip install 'noisegrid[{subcommand.extra}]'"
        return f"{subcommand.name} needs the package {error.name}; install it with: {remedy}"
    return ""
