"""The overhead stage on a machine with a CUDA runtime and no GPU: it runs to its end; its times mean nothing."""

import csv
import json
from pathlib import Path

import pytest
from null_machine import HERE, NullMachine

from noisegrid.overhead.summary import ALL

SMALL = ("--size", "64", "--batch-size", "2", "--processes", "1", "--blocks", "1", "--steps", "1")


def timed(folder: Path, machine: NullMachine, *arguments: str) -> dict[tuple[str, str], dict[str, str]]:
    """Time networks; return the last row of each network and measure of the deterministic arm."""
    command = ("-m", "noisegrid", "overhead", *arguments, "--arms", "deterministic", "--output", folder)
    done = machine.run(*command, TMPDIR=str(folder))
    assert done.returncode == 0, done.stdout
    rows = [row for path in folder.glob("*/*.csv") for row in csv.DictReader(path.open(newline=""))]
    return {(row["network"], row["measure"]): row for row in rows if row["arm"] == "deterministic"}


@pytest.mark.slow
def test_a_network_with_adaptive_pooling_is_timed_with_the_remedy(tmp_path) -> None:
    rows = timed(tmp_path, NullMachine(), "vgg16", "mobilenet", "--hardware", "h100", *SMALL)
    notes = {network: row["note"] for (network, measure), row in rows.items() if measure == "step"}
    assert "has no deterministic implementation; timed with adaptive average pooling" in notes["vgg16"]
    assert notes["mobilenet"] == ""
    assert {float(row["clock_mhz"]) for (_, measure), row in rows.items() if measure == "step"} == {1980.0}
    assert not [measure for _, measure in rows if measure == "kernel_sum"]  # no CUPTI: missing, not zero


@pytest.mark.slow
def test_strict_mode_refuses_vgg16_and_vgg19_alone() -> None:
    done = NullMachine().run(HERE / "time_networks.py", *ALL, KINETO_LOG_LEVEL="99")
    assert done.returncode == 0, done.stdout
    found = json.loads(done.stdout.splitlines()[-1])
    assert list(found) == list(ALL)
    assert all({"step", "repeatable"} <= set(one["measures"]) for one in found.values())  # each was timed to its end
    refused = {network: one["refused"] for network, one in found.items() if one["refused"]}
    assert set(refused) == {"vgg16", "vgg19"}
    assert all(why.startswith("adaptive_avg_pool2d_backward_cuda has no ") for why in refused.values())


@pytest.mark.slow
def test_a_batch_that_does_not_fit_is_halved(tmp_path) -> None:
    card = NullMachine(memory_gb=10)
    rows = timed(tmp_path, card, "resnet50", "--hardware", "h100", *SMALL, "--size", "224", "--batch-size", "256")
    row = rows["resnet50", "step"]
    assert int(row["batch_size"]) < 256
    assert "batch halved from" in row["note"]
