"""What Snakemake logs: on a terminal with a live view, its lines go to its log file alone."""

import logging
import threading
from collections.abc import Callable

from noisegrid.planning.view import Steps

#: The name of the handler that prints Snakemake's lines to the terminal, and of its logger.
HANDLER, LOGGER = "DefaultStreamHandler", "snakemake.logging"


class SnakemakeLog(logging.Filter):
    """A filter before the terminal, which holds lines back and notes what Snakemake does.

    Lines are kept until there is a view, or something to warn of. Warnings and errors are shown at once: by the view,
    if there is one.

    Attributes
    ----------
    show : callable or None
        A function that prints lines above the view; None while there is none.
    """

    def __init__(self) -> None:
        super().__init__()
        self.show: Callable[[str], None] | None = None
        self.kept: list[logging.LogRecord] = []
        self.running: dict[int, str] = {}
        self.done = self.total = 0
        self.lock = threading.Lock()
        self.handler = next((one for one in logging.getLogger(LOGGER).handlers if one.name == HANDLER), None)

    def attach(self) -> None:
        """Begin to hold lines back."""
        if self.handler is not None:
            self.handler.addFilter(self)

    def print_kept(self) -> None:
        """Print what was held back."""
        kept, self.kept = self.kept, []
        if self.handler is not None:
            for record in kept:
                self.handler.emit(record)

    def filter(self, record: logging.LogRecord) -> bool:
        """Note what a line says, and return whether it is printed by Snakemake itself."""
        self._note(record)
        if record.levelno < logging.WARNING:
            if self.show is None:
                self.kept.append(record)
            return False
        if self.show is None or self.handler is None:
            self.print_kept()  # what led to it comes first
            return True
        self.show(self.handler.format(record))
        return False

    def _note(self, record: logging.LogRecord) -> None:
        event = getattr(getattr(record, "event", None), "value", "")
        with self.lock:
            if event == "run_info":
                self.total = int(record.__dict__.get("stats", {}).get("total", 0))
            elif event == "progress":
                self.done, self.total = record.__dict__["done"], record.__dict__["total"]
            elif event == "job_info":
                self.running[record.__dict__["jobid"]] = _words(record)
            elif event in {"job_finished", "job_error"}:
                self.running.pop(record.__dict__.get("job_id", record.__dict__.get("jobid", -1)), None)

    def steps(self) -> Steps:
        """Return what Snakemake does at this moment."""
        with self.lock:
            counted = dict[str, int]()
            for what in self.running.values():
                counted[what] = counted.get(what, 0) + 1
        now = tuple(what if count == 1 else f"{count} × {what}" for what, count in counted.items())
        return Steps(self.done, self.total, now)


def _words(record: logging.LogRecord) -> str:
    """Return what a job does: the name of its rule, in words, and what it is about."""
    names = record.__dict__.get("wildcards") or {}
    about = next((str(names[key]) for key in ("dataset", "task", "hardware", "stack") if key in names), "")
    return record.__dict__["rule_name"].replace("_", " ") + (f" ({about})" if about else "")
