"""What SECURITY.md says about the code and the files of this repository."""

import ast
import re
from pathlib import Path

import pytest
from conftest import ROOT

PAGE = (ROOT / "SECURITY.md").read_text()
UNPICKLERS = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
CALLS = {"yaml.load", "yaml.unsafe_load", "yaml.full_load", "os.system", "eval", "exec"}
KEYWORDS = {("allow_pickle", "True"), ("weights_only", "False"), ("shell", "True")}


def dangers(text: str) -> list[str]:
    """Return each call in a module that could run or unpickle what it reads, and each import of an unpickler."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            found += [name for name in names if name.split(".")[0] in UNPICKLERS]
        if isinstance(node, ast.Call):
            name, given = ast.unparse(node.func), {word.arg: ast.unparse(word.value) for word in node.keywords}
            if name in CALLS or given.items() & KEYWORDS or (name == "torch.load" and "weights_only" not in given):
                found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from joblib import load",
        "np.load(path, allow_pickle=True)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "yaml.load(text, Loader)",
        "subprocess.run(text, shell=True)",
        "eval(text)",
    ],
)
def test_a_dangerous_line_is_found(line):
    assert dangers(line)


def test_noisegrid_unpickles_and_evaluates_nothing():
    modules = sorted((ROOT / "workflow/noisegrid").rglob("*.py"))
    found = {str(path.relative_to(ROOT)): lines for path in modules if (lines := dangers(path.read_text()))}
    assert modules and not found


def test_every_place_that_the_page_names_exists():
    places = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", PAGE)]
    places += re.findall(r"`((?:workflow|profiles|slurm|envs)/[^`*]*)`", PAGE)
    missing = [place for place in places if not (ROOT / place).exists()]
    assert len(places) > 8 and missing in ([], ["slurm/site.yaml"])  # each site writes its own


def test_the_heading_that_the_page_links_to_exists():
    page, _, anchor = next(link for link in re.findall(r"\]\(([^)]+)\)", PAGE) if "#" in link).partition("#")
    headings = re.findall(r"^#+ (.+)$", Path(ROOT / page).read_text(), re.MULTILINE)
    assert anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_the_readme_links_to_the_page_and_no_address_is_invented():
    assert "[`SECURITY.md`](SECURITY.md)" in (ROOT / "README.md").read_text()
    assert "Report a vulnerability" in PAGE and not re.search(r"\S+@\S+\.\w+", PAGE)
