"""A live view beside other work, on a terminal of its own."""

import sys
import textwrap
from pathlib import Path

from conftest import in_terminal

from noisegrid.planning import live

SCRIPT = """
import subprocess, sys, time
from pathlib import Path
from noisegrid.planning.live import Screen

looks = []

def draw(last):
    looks.append(last)
    if {fails} and len(looks) > 1:
        raise ValueError("planted")
    return "the last look" if last else "a look"

screen = Screen(draw, Path("output.log"))
screen.start()
subprocess.run(["echo", "from a job"])
screen.say("an [error] of a job")
time.sleep(1.5)
screen.stop()
screen.stop()
print("work goes on")
"""


def shown(folder: Path, fails: bool) -> str:
    code, sent = in_terminal(folder, sys.executable, "-c", textwrap.dedent(SCRIPT.format(fails=fails)))
    assert code == 0, sent
    assert (folder / "output.log").read_text() == "from a job\n" and "from a job" not in sent
    assert sent.rstrip().endswith("work goes on")
    return sent


def test_jobs_print_into_a_file_and_the_terminal_shows_the_view(tmp_path):
    sent = shown(tmp_path, fails=False)
    assert sent.index("a look") < sent.index("the last look") and "an [error] of a job" in sent


def test_a_view_that_fails_ends_alone(tmp_path):
    assert "the live view ended (ValueError: planted); see `noisegrid status`" in shown(tmp_path, fails=True)


def test_a_watch_waits_until_the_study_begins(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(live.time, "sleep", lambda seconds: (tmp_path / "mine").mkdir())
    assert live.wait_for(tmp_path / "mine", "mine")
    assert capsys.readouterr().out == f"mine: nothing in {tmp_path}/mine yet; waiting (Ctrl-C ends this view)\n"

    def interrupted(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(live.time, "sleep", interrupted)
    assert not live.wait_for(tmp_path / "never", "never")
