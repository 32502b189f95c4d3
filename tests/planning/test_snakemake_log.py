"""Snakemake's lines on a terminal: held back for a view, and never lost if they warn."""

import logging
from io import StringIO

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from noisegrid.planning import snakemake_log
from noisegrid.planning.snakemake_log import HANDLER, SnakemakeLog


@pytest.fixture
def logger(monkeypatch):
    """A logger as Snakemake sets its own up, on a terminal that is a text."""
    monkeypatch.setattr(snakemake_log, "LOGGER", "noisegrid.test_snakemake_log")
    logger = logging.getLogger(snakemake_log.LOGGER)
    logger.setLevel(logging.INFO)
    handler = logging.StreamHandler(StringIO())
    handler.name = HANDLER
    monkeypatch.setattr(logger, "handlers", [handler])
    return logger


def shown(logger: logging.Logger) -> str:
    return logger.handlers[0].stream.getvalue()


def test_lines_are_held_back_and_printed_if_there_is_no_view(logger):
    log = SnakemakeLog()
    log.attach()
    logger.info("Building DAG")
    logger.info("Nothing to be done")
    assert shown(logger) == ""
    log.print_kept()
    assert shown(logger) == "Building DAG\nNothing to be done\n"


def test_an_error_before_the_view_comes_after_what_led_to_it(logger):
    log = SnakemakeLog()
    log.attach()
    logger.info("Building DAG")
    logger.error("no rule for x")
    log.print_kept()
    assert shown(logger) == "Building DAG\nno rule for x\n"


def test_with_a_view_errors_go_through_it_and_other_lines_nowhere(logger):
    log, said = SnakemakeLog(), []
    log.attach()
    log.show = said.append
    logger.info("Finished job 1")
    logger.error("Error in rule train_replicates")
    assert shown(logger) == "" and said == ["Error in rule train_replicates"]


def test_steps_follow_the_events(logger):
    log = SnakemakeLog()
    log.attach()
    logger.info("", extra={"event": LogEvent.RUN_INFO, "stats": {"train_replicates": 2, "total": 7}})
    for number, chunk in enumerate(("0-1", "2-3")):
        names = {"hardware": "cpu", "chunk": chunk}
        job = {"event": LogEvent.JOB_INFO, "jobid": number, "rule_name": "train_replicates", "wildcards": names}
        logger.info("", extra=job)
    logger.info("", extra={"event": LogEvent.JOB_INFO, "jobid": 5, "rule_name": "measure_task", "wildcards": {}})
    assert log.steps().now == ("2 × train replicates (cpu)", "measure task") and log.steps().total == 7
    logger.info("", extra={"event": LogEvent.JOB_FINISHED, "job_id": 0})
    logger.error("", extra={"event": LogEvent.JOB_ERROR, "jobid": 5})
    logger.info("", extra={"event": LogEvent.PROGRESS, "done": 1, "total": 7})
    assert (log.steps().done, log.steps().now) == (1, ("train replicates (cpu)",))
