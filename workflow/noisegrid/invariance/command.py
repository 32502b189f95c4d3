"""The command `noisegrid invariance`: check the arguments, evaluate, and print what changes."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from noisegrid.common.errors import NoisegridError, UsageError
from noisegrid.common.files import write_text
from noisegrid.common.schemas import check
from noisegrid.invariance.sentences import shown

#: The exit codes: no condition changes a logit, and one does. What cannot be judged has that of CannotJudge.
SAME, DIFFERENT = 0, 3


def run(options: argparse.Namespace) -> int:
    """Run the command, and return its exit code."""
    if options.figure:
        from noisegrid.divergence.figure import check_suffix
        from noisegrid.invariance import figure

        check_suffix(options.figure)
    path = Path(options.subject)
    stored = path.suffix == ".json" and path.name != "record.json"
    document = _read(path) if stored else _evaluated(options)
    text = json.dumps(document, indent=1, allow_nan=False)
    print(text if options.json else shown(document))
    if options.output:
        write_text(options.output, f"{text}\n")
    if options.figure:
        figure.draw(document, options.figure)
    return DIFFERENT if document["changed"] else SAME


def _evaluated(options: argparse.Namespace) -> dict[str, Any]:
    """Evaluate the subject under all conditions, and return the document of the findings."""
    sizes, threads = numbers("--batch-sizes", options.batch_sizes), numbers("--threads", options.threads)
    if options.examples < 2 * max(sizes):
        raise UsageError(
            f"--examples: {options.examples} examples are less than two batches of {max(sizes)}, so no example can "
            f"have other neighbours; write {2 * max(sizes)} or more"
        )
    from noisegrid.invariance.as_json import to_document
    from noisegrid.invariance.judge import judged
    from noisegrid.invariance.subjects import subject_of

    return to_document(judged(subject_of(options.subject, options.examples, options.datasets), sizes, threads))


def _read(path: Path) -> dict[str, Any]:
    """Read a document that `--output` wrote.

    Raises
    ------
    NoisegridError
        If it is none.
    """
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NoisegridError(
            f"{path} cannot be read as a result of invariance ({error}); name a file that `--output` wrote"
        ) from error
    check(document, "invariance", str(path))
    return document


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
