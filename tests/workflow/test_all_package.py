"""`snakemake all package` packs a study after everything is made; `snakemake package` packs what is there."""

import re

import pytest
from conftest import planned, snakemake


def inputs_of_package(printed: str) -> set[str]:
    """Return what a dry run says that the package waits for."""
    (job,) = re.findall(r"^rule package:\n((?: +.*\n)+)", printed, re.MULTILINE)
    found = re.search(r"^ +input: (.*)$", job, re.MULTILINE)
    return set(found[1].split(", ")) if found else set()


def test_alone_it_waits_for_nothing(tmp_path):
    printed = snakemake(tmp_path, "package", "-n").stdout
    assert planned(printed) == {"package": 1} and not inputs_of_package(printed)


@pytest.mark.parametrize("targets", [("all", "package"), ("package", "all")])
def test_with_all_it_waits_for_all(tmp_path, targets):
    printed = snakemake(tmp_path, *targets, "-n").stdout
    results = {f"results/tiny/{name}" for name in ("metrics.csv", "overhead.csv", "report.html", "provenance.html")}
    assert results <= inputs_of_package(printed) and planned(printed)["train_replicates"] == 2
