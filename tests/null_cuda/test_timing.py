"""The overhead stage on a machine with a CUDA runtime and no GPU: it runs to its end; its times mean nothing."""

import csv
from pathlib import Path

import pytest
from null_machine import NullMachine

SMALL = ("--size", "64", "--batch-size", "2", "--processes", "1", "--blocks", "1", "--steps", "1")


def timed(folder: Path, machine: NullMachine, *arguments: str) -> dict[tuple[str, str], dict[str, str]]:
    """Time networks; return the last row of each network and measure of the deterministic arm."""
    command = ("-m", "noisegrid", "overhead", *arguments, "--arms", "deterministic", "--output", folder)
    done = machine.run(*command, TMPDIR=str(folder))
    assert done.returncode == 0, done.stdout
    rows = [row for path in folder.glob("*/*.csv") for row in csv.DictReader(path.open(newline=""))]
    return {(row["network"], row["measure"]): row for row in rows if row["arm"] == "deterministic"}


@pytest.mark.slow
def test_strict_mode_refuses_adaptive_pooling_alone(tmp_path) -> None:
    rows = timed(tmp_path, NullMachine(), "smallcnn", "resnet18", "vgg16", "mobilenet", "--hardware", "h100", *SMALL)
    notes = {network: row["note"] for (network, measure), row in rows.items() if measure == "step"}
    refused = {network for network, note in notes.items() if "has no deterministic implementation" in note}
    assert (len(notes), refused) == (4, {"vgg16"})
    assert {float(row["clock_mhz"]) for (_, measure), row in rows.items() if measure == "step"} == {1980.0}
    assert not [measure for _, measure in rows if measure == "kernel_sum"]  # no CUPTI: missing, not zero


@pytest.mark.slow
def test_a_batch_that_does_not_fit_is_halved(tmp_path) -> None:
    card = NullMachine(memory_gb=10)
    rows = timed(tmp_path, card, "resnet50", "--hardware", "h100", *SMALL, "--size", "224", "--batch-size", "256")
    row = rows["resnet50", "step"]
    assert int(row["batch_size"]) < 256
    assert "batch halved from" in row["note"]
