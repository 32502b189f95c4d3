"""The live view, as a terminal of 80 or 200 columns shows it."""

from dataclasses import replace
from io import StringIO

import pytest
from conftest import TINY
from rich.console import Console

from noisegrid.planning.view import Steps, View, words
from noisegrid.planning.watch import Look, Running
from noisegrid.records.progress_file import Reached
from noisegrid.study.resolve import load_study

CELL = load_study(str(TINY)).cell("cpu_sse41", "tiny-digits", "algo")
RUNNING = [
    Running(CELL, 0, "process 7 on node1 (SLURM job 12)", 940.0, Reached("", 6, 12, 0.5, 0.412)),
    Running(CELL, 1, "process 8 on node2 (SLURM job 13)", 997.0, None),
]
LOOK = Look(
    study="tiny",
    now=1000.0,
    cells=21,
    cells_done=3,
    replicates=65,
    finished=1_040,
    diverged=2,
    running=RUNNING,
    failed=[((CELL, 2), "OSError: disk full")],
    last=(CELL, 5),
    last_at=880.0,
    last_result="accuracy 93.2 %",
    networks=2,
    timed=1,
    hours_left=0.5,
)


def shown(look: Look, columns: int, lines: int = 40, steps: Steps | None = None) -> list[str]:
    console = Console(file=StringIO(), width=columns, height=lines, force_terminal=True, color_system=None)
    console.print(View(look, steps, ("Ctrl-C stops",)))
    return [line.rstrip() for line in console.file.getvalue().splitlines() if line.strip()]


@pytest.mark.parametrize("columns", [80, 200])
def test_the_view_says_what_is_done_and_under_way(columns):
    lines = shown(LOOK, columns, steps=Steps(3, 15, ("train replicates (cpu)",)))
    text = "\n".join(lines)
    assert max(map(len, lines)) <= columns
    for part in ("tiny", "3 of 21 cells", "1,042 of 65 replicates, 2 of them diverged", "1 of 2 networks timed"):
        assert part in text
    assert "about 30 min left" in text and "last finished: cpu_sse41/tiny-digits/algo 5, 2 min ago" in text
    (first,) = [line.split() for line in lines if line.startswith("cpu_sse41/tiny-digits/algo 0")]
    assert first[3:8] == ["7", "of", "12", "0.412", "60"]
    (second,) = [line.split() for line in lines if line.startswith("cpu_sse41/tiny-digits/algo 1")]
    assert second[2:6] == ["–", "–", "3", "s"]
    assert "failed: cpu_sse41/tiny-digits/algo 2: OSError: disk full" in lines
    assert "Snakemake: 3 of 15 jobs done; now: train replicates (cpu)" in lines
    assert ("process 7 on node1 (SLURM job 12)" in text) == (columns == 200)


def test_a_low_terminal_shows_the_replicates_that_fit():
    many = replace(LOOK, running=[replace(RUNNING[0], number=number) for number in range(50)])
    lines = shown(many, 80, lines=20)
    assert len(lines) <= 20 and "  and 42 more" in lines and "50 running" in "\n".join(lines)


def test_a_hostile_text_moves_no_cursor():
    look = replace(LOOK, running=[replace(RUNNING[0], process="\x1b[2J[red]x")], failed=[((CELL, 2), "\x1b[1A [b]")])
    text = "\n".join(shown(look, 200))
    assert "\x1b" not in text and "[red]x" in text and "[b]" in text


def test_what_is_not_known_is_said():
    assert "time left: not known yet" in "\n".join(shown(replace(LOOK, hours_left=None, last=None), 80))
    assert "all replicates are trained" in "\n".join(shown(replace(LOOK, cells_done=21, running=[]), 80))


def test_a_look_in_one_line():
    line = (
        "tiny: 3 of 21 cells and 1040 of 65 replicates, 1 of 2 networks timed, 2 running, 1 failed, about 30 min left"
    )
    assert words(LOOK) == line
    assert words(replace(LOOK, running=[], failed=[], networks=0, hours_left=None)).endswith("replicates, 0 running")
