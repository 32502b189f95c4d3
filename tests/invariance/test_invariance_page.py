"""docs/invariance.md shows what the command prints, and its network fits the contract."""

import re
from pathlib import Path

import pytest
from conftest import ROOT, noisegrid

PAGE = (ROOT / "docs/invariance.md").read_text()


def words(output: str) -> list[str]:
    """Return the lines without the digits, the names and the list of conditions, which depend on the processor."""
    first, *rest = [line for line in output.splitlines() if line.strip()]
    rows = [line for line in rest if line.startswith(("condition ", "batch", "position", "neighbours", "threads"))]
    names = [re.split(r"\s{2,}", row)[0] for row in rows if "Remedy" not in row]
    return [re.sub(r"\d+", "N", first.partition(", ")[2]), *names, str("Remedy: evaluate in batches" in rest[-1])]


@pytest.mark.slow
def test_the_page_shows_what_the_command_prints(finished, datasets):
    """The page's replicate is of another task; so the conditions are compared, and not what they change."""
    (command, output), *more = re.findall(r"```text\n\$ noisegrid (.*)\n([^`]*)\n```", PAGE)
    assert not more
    record = min(finished.glob("results/*/replicates/cpu/tiny_bn-digits/control/*/record.json"))
    options = command.partition("--batch-sizes")[2].split()[0]
    done = noisegrid("invariance", record, "--batch-sizes", options, "--datasets", datasets)
    assert words(done.stdout) == words(output)
    assert len(words(output)) == 10


def test_the_network_of_the_page_fits_the_contract(tmp_path):
    (tmp_path / "documented_network.py").write_text(re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1])
    done = noisegrid(
        *("invariance", "documented_network:network", "--batch-sizes", "32", "--threads", 1, "--examples", 64),
        cwd=Path(tmp_path),
    )
    assert done.returncode in (0, 3), done.stdout
    assert done.stdout.startswith("documented_network:network, weights that the function returns under seed 0")
