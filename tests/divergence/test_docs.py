"""The outputs shown in docs/diverge.md and docs/two_machines.md are those of the commands, except numbers and names."""

import re
from pathlib import Path

import pytest
from conftest import ROOT, noisegrid

#: What the page says of the second machine: the same machine with the kernels of a processor without AVX2.
THERE = ["--a", "aten=default"]


def shown(page: str) -> list[tuple[str, list[str], str]]:
    """Return each command of a page: the machine, its arguments, and the output that is shown."""
    blocks = re.findall(r"```text\n(\w*)\$ noisegrid (.*)\n([^`]*(?:`[^`]+`[^`]*)*?)\n```", (ROOT / page).read_text())
    return [(machine, command.split(), output) for machine, command, output in blocks]


def masked(output: str) -> list[str]:
    """Return the lines of an output without numbers and names, which depend on the processor."""
    lines = [re.sub(r"`[^`]+`", "`…`", line) for line in output.splitlines()]
    lines = [re.sub(r"\d[\d,.e-]*( to \d[\d,.e-]*)?", "N", line) for line in lines if "sequence" not in line]
    return [" ".join(line.split()) for line in lines if line.strip() and line != "…" and not line.startswith("cause")]


@pytest.mark.slow
@pytest.mark.parametrize(("page", "commands"), [("docs/diverge.md", 1), ("docs/two_machines.md", 3)])
def test_the_outputs_of_the_page_are_those_of_the_commands(page, commands, datasets, tmp_path):
    found = shown(page)
    assert len(found) == commands
    for machine, arguments, output in found:
        more = THERE if machine == "there" else []
        if "--task" in arguments:
            more = [*more, "--datasets", datasets]
        done = noisegrid(*arguments, *more, cwd=tmp_path)
        assert masked(done.stdout) == masked(output)
    assert len(list(Path(tmp_path).glob("*.png"))) == 1
