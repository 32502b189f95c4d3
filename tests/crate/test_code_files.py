"""The code in a crate: what it takes to install and run the workflow, and its pages."""

from conftest import ROOT

from noisegrid.crate.write import CODE, code_files


def test_code_and_pages_are_in_it():
    names = code_files().keys()
    some = {"Snakefile", "workflow/noisegrid/crate/write.py", "workflow/catalog/tasks.yaml", "envs/analysis.txt"}
    assert some | {"README.md", "LICENSE", "docs/metrics.md", "docs/example/package.yaml"} <= names
    assert {name.split("/")[0] for name in names} == set(CODE)


def test_results_crates_tests_and_benchmarks_are_not():
    found = code_files()
    assert not [name for name in found if name.startswith(("docs/results", "tests", "benchmarks", "results"))]
    assert not [name for name in found if ".crate.zip" in name or "site.yaml" in name or "__pycache__" in name]
    assert (ROOT / "docs/results/README.md").is_file() and (ROOT / "tests").is_dir()  # there is something to leave out


def test_it_is_small():
    """The results of other studies had 8 MB; the largest part now is the package itself, with 2."""
    assert sum(path.stat().st_size for path in code_files().values()) < 5_000_000
