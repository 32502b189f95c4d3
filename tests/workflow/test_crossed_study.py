"""A crossed study from its file to the table, the figure, the findings and a package that others can check."""

import csv

import pytest
from conftest import hashes, metrics, noisegrid, run_study
from factories import study, write_study

pytestmark = pytest.mark.slow


def test_a_crossed_study_ends_in_a_table_and_a_figure(tmp_path):
    tasks = {"tiny-digits": {"like": "smallcnn-digits", "epochs": 1, "schedule": []}}
    block = {"hardware": ["cpu"], "tasks": ["tiny-digits"], "crossed": {"init": 2, "order": 2}}
    path = write_study(tmp_path, study(block, name="crossed", tasks=tasks))
    run_study(tmp_path, study=path)
    run_study(tmp_path, "package", study=path)
    results = tmp_path / "results/crossed"

    assert len(set(hashes(tmp_path, "crossed").values())) == 4
    rows = {(row["metric"], row["group"]): row for row in metrics(tmp_path, "crossed")}
    shares = [float(rows["component_predictions", group]["value"]) for group in ("init", "order", "init × order")]
    assert sum(shares) == pytest.approx(100)
    assert {row["noise"] for row in rows.values()} == {"crossed"} and ("churn", "all") not in rows

    with (results / "tables/components.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [row["source"] for row in table] == 2 * ["init", "order", "init × order"]
    assert float(table[0]["share_percent"]) == pytest.approx(min(max(shares[0], 0), 100))
    assert (results / "figures/figure_components.png").stat().st_size > 0
    assert not (results / "figures/figure_1.png").exists()
    findings = (results / "findings.md").read_text()
    assert (
        "two runs that differ in initial weights and data order disagree on" in findings
        and "holding one source" in findings
    )
    taxonomy = (results / "tables/taxonomy.csv").read_text()
    assert 'crossed,"init, order",1' in taxonomy

    checked = noisegrid("verify", results / "crossed.crate.zip", cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout
