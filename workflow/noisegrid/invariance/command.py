"""The command `noisegrid invariance`: check the arguments, evaluate, and print what changes."""

import argparse
import json
from collections.abc import Sequence

from noisegrid.common.errors import UsageError
from noisegrid.common.files import write_text
from noisegrid.invariance.as_json import to_document
from noisegrid.invariance.judge import judged
from noisegrid.invariance.sentences import shown
from noisegrid.invariance.subjects import subject_of

#: The exit codes: no condition changes a logit, and one does. What cannot be judged has that of CannotJudge.
SAME, DIFFERENT = 0, 3


def run(options: argparse.Namespace) -> int:
    """Run the command, and return its exit code."""
    sizes, threads = numbers("--batch-sizes", options.batch_sizes), numbers("--threads", options.threads)
    if options.examples < 2 * max(sizes):
        raise UsageError(
            f"--examples: {options.examples} examples are less than two batches of {max(sizes)}, so no example can "
            f"have other neighbours; write {2 * max(sizes)} or more"
        )
    if options.figure:
        from noisegrid.divergence.figure import check_suffix
        from noisegrid.invariance import figure

        check_suffix(options.figure)
    subject = subject_of(options.subject, options.examples, options.datasets)
    found = judged(subject, sizes, threads)
    document = json.dumps(to_document(found), indent=1, allow_nan=False)
    print(document if options.json else shown(found))
    if options.output:
        write_text(options.output, f"{document}\n")
    if options.figure:
        figure.draw(found, options.figure)
    return DIFFERENT if found.changed else SAME


def numbers(option: str, text: str) -> Sequence[int]:
    """Return the numbers of a list such as 1,2,8.

    Raises
    ------
    UsageError
        If the text is no such list.
    """
    words = [word.strip() for word in text.split(",")]
    if not all(word.isascii() and word.isdigit() and int(word) > 0 for word in words):
        raise UsageError(f"{option}: {text!r} is no list of whole numbers above 0; write one such as 1,2,8")
    return [int(word) for word in words]
