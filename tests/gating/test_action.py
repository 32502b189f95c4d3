"""action.yml and its script: every verdict reaches GitHub, and no input or name in a file becomes a command."""

import itertools
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT

ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
EXAMPLE: dict[str, Any] = yaml.safe_load((ROOT / "docs/example/gate.yml").read_text())
SCRIPT = ROOT / ".github/gate.py"
CODES = {"better": 0, "worse": 3, "undecided": 4, "equivalent": 5, "unjudged": 6}
#: Stands for `noisegrid gate`: it writes down its arguments, and says what FOUND says.
STAND_IN = f"""#!{sys.executable} -I
import json, os, pathlib, sys
found = json.loads(os.environ["FOUND"])
pathlib.Path(os.environ["ASKED"]).write_text(json.dumps(sys.argv[1:]))
for option in sys.argv:
    if option.startswith(("--markdown=", "--html=")):
        pathlib.Path(option.partition("=")[2]).write_text(found["sentence"])
print(os.environ.get("SAYS") or json.dumps(found))
print(os.environ.get("LOG", ""), file=sys.stderr)
sys.exit(found["exit_code"])
"""
HOSTILE = (
    "$(touch PWNED) `touch PWNED`; touch PWNED & \"' ${{ github.token }} --allow-identical\n"
    "verdict=better\n%0A::error::x"
)


@dataclass
class Step:
    """What a step came to: its exit code, its log, its outputs, the summary, and the arguments of noisegrid."""

    code: int
    log: str
    outputs: dict[str, str]
    summary: str
    asked: list[str]


def read_outputs(text: str) -> dict[str, str]:
    """Read GITHUB_OUTPUT as GitHub does: `name=value`, or `name<<end` and lines up to `end`."""
    found, lines = dict[str, str](), iter(text.splitlines())
    for line in lines:
        name, sign, rest = re.fullmatch(r"(.*?)(=|<<)(.*)", line).groups()
        found[name] = rest if sign == "=" else "\n".join(itertools.takewhile(rest.__ne__, lines))
    return found


@pytest.fixture
def step(tmp_path: Path):
    """Run the step as GitHub does, with a stand-in for noisegrid, in a folder of its own."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/noisegrid").write_text(STAND_IN)
    (tmp_path / "bin/noisegrid").chmod(0o755)
    (tmp_path / "work").mkdir()

    def run(found: dict[str, Any], env: dict[str, str] | None = None, **inputs: str) -> Step:
        defaults = {name: str(entry.get("default", "")) for name, entry in ACTION["inputs"].items()}
        given = defaults | {"base": "b.csv", "new": "n.csv", "install": "false"}
        given |= {name.replace("_", "-"): value for name, value in inputs.items()}
        assert given.keys() == ACTION["inputs"].keys()
        files = {name: tmp_path / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "ASKED")}
        for path in files.values():
            path.write_text("")
        done = subprocess.run(
            ["bash", "-e", "-c", ACTION["runs"]["steps"][0]["run"]],
            cwd=tmp_path / "work",
            env={
                **os.environ,
                "PATH": f"{tmp_path / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
                "GITHUB_ACTION_PATH": str(ROOT),
                "RUNNER_TEMP": str(tmp_path),
                "FOUND": json.dumps(found),
                **{name: str(path) for name, path in files.items()},
                **{f"INPUT_{name.upper().replace('-', '_')}": value for name, value in given.items()},
                **(env or {}),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        outputs, summary, asked = (path.read_text() for path in files.values())
        return Step(
            done.returncode, done.stdout + done.stderr, read_outputs(outputs), summary, json.loads(asked or "[]")
        )

    return run


def verdict(name: str, sentence: str = "") -> dict[str, Any]:
    return {"verdict": name, "exit_code": CODES[name], "sentence": sentence or f"{name}: so it is"}


# --- the script ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CODES)
def test_every_verdict_reaches_the_outputs_and_the_summary(step, name, tmp_path):
    done = step(verdict(name))
    assert done.outputs == {
        "verdict": name, "exit-code": str(CODES[name]), "sentence": f"{name}: so it is",
        "json": "noisegrid-gate/gate.json", "markdown": "noisegrid-gate/gate.md", "html": "noisegrid-gate/gate.html",
    }  # fmt: skip
    assert done.summary == f"{name}: so it is\n"
    assert json.loads((tmp_path / "work/noisegrid-gate/gate.json").read_text()) == verdict(name)
    assert (done.code, "::error" in done.log) == (
        {"worse": 3, "unjudged": 6}.get(name, 0),
        name in ("worse", "unjudged"),
    )


@pytest.mark.parametrize(
    ("fail_on", "failing"),
    [
        ("", {}),
        ("worse", {"worse": 3}),
        ("worse, undecided\nequivalent,unjudged", {"worse": 3, "undecided": 4, "equivalent": 5, "unjudged": 6}),
        ("better", {"better": 1}),
    ],
)
def test_the_named_verdicts_fail_the_step(step, fail_on, failing):
    for name in CODES:
        assert step(verdict(name), fail_on=fail_on).code == failing.get(name, 0), name


def test_inputs_become_arguments(step):
    done = step(
        verdict("better"),
        base="runs/a 1.csv\n\n runs/b\n", new="-n", metric="top 5", at_least="0.2", within="0.1", confidence="0.99",
        tried="3", spend="spent.json", lower_is_better="true", report="out",
        arguments="--unpaired\n--where=split=test set",
    )  # fmt: skip
    assert done.asked == [
        "gate", "--json", "--markdown=out/gate.md", "--html=out/gate.html",
        "--metric=top 5", "--at-least=0.2", "--within=0.1", "--confidence=0.99", "--tried=3", "--spend=spent.json",
        "--lower-is-better", "--unpaired", "--where=split=test set",
        "--base", "runs/a 1.csv", "runs/b", "--new", "./-n",
    ]  # fmt: skip
    assert done.outputs["html"] == "out/gate.html"


def test_inputs_that_are_not_given_leave_the_command_to_decide(step):
    assert step(verdict("better")).asked[4:] == ["--base", "b.csv", "--new", "n.csv"]


@pytest.mark.parametrize("name", [name for name in ACTION["inputs"] if name not in ("install", "extras")])
def test_an_input_with_hostile_text_is_data_or_refused(step, name, tmp_path):
    done = step(verdict("better"), **{name.replace("-", "_"): HOSTILE})
    assert not list(tmp_path.rglob("PWNED"))
    if name in ("fail-on", "lower-is-better"):
        assert done.code == 2 and done.asked == []
        message = re.search(r"^::error title=noisegrid gate::(.*)$", done.log, re.M)[1]
        assert message.startswith(f"{name}: ")
        return
    assert done.code == 0 and done.outputs["verdict"] == "better" and len(done.outputs) == 6
    extra = [word for word in done.asked if "PWNED" in word]
    assert extra and "--allow-identical" not in done.asked


def test_a_sentence_with_hostile_text_sets_no_output_and_is_no_command(step):
    sentence = f"better: {HOSTILE}\nEOF\nhtml<<x\n::set-output name=verdict::worse"
    done = step(verdict("better", sentence))
    assert done.outputs["sentence"] == sentence and done.outputs["verdict"] == "better" and len(done.outputs) == 6
    commands = [line for line in done.log.splitlines() if line.startswith("::") and "stop-commands" not in line]
    assert [line.startswith("::notice title=noisegrid gate::better: ") for line in commands[1:]] == [True]
    assert "%25" in commands[1] and "%0A" in commands[1]


def test_what_noisegrid_prints_is_not_read_as_commands(step):
    log = step(verdict("better"), env={"LOG": "::add-path::/evil"}).log
    token = re.search(r"^::stop-commands::([0-9a-f]{32})$", log, re.M)[1]
    assert re.search(rf"^::{token}::$", log, re.M)


@pytest.mark.parametrize("says", ["no json", "[]", "7", '{"exit_code": 0}'])
def test_a_crash_fails_the_step_whatever_verdicts_may_pass(step, says):
    """No document, or one whose exit code is not that of the command."""
    done = step(verdict("worse"), env={"SAYS": says}, fail_on="")
    assert done.code == 3 and done.outputs == {} and "gave no verdict" in done.log


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"base": " \n"}, "base: name a file or a folder"),
        ({"new": ""}, "new: name a file or a folder"),
        ({"fail_on": "wrose"}, "fail-on: 'wrose' is not a verdict; the verdicts are better, worse"),
        ({"install": "yes"}, "install: write true or false, not 'yes'"),
    ],
)
def test_a_wrong_input_is_named(step, inputs, message):
    done = step(verdict("better"), **inputs)
    assert done.code == 2 and f"::error title=noisegrid gate::{message}" in done.log and done.outputs == {}


def test_without_noisegrid_the_step_says_what_to_do(step, tmp_path):
    (tmp_path / "bin/noisegrid").unlink()
    python = tmp_path / "bin/python3"
    python.symlink_to(sys.executable)
    done = step(verdict("better"), env={"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"})
    assert done.code == 2 and "noisegrid is not installed; set install to true" in done.log


def test_code_of_the_pull_request_is_not_imported(step, tmp_path):
    """The working directory has the code of the pull request, which may have modules of any name."""
    for name in ("json", "venv", "pip", "secrets"):
        (tmp_path / f"work/{name}.py").write_text("open('PWNED', 'w')\n")
    assert step(verdict("better"), env={"PYTHONPATH": "."}).code == 0
    assert not list(tmp_path.rglob("PWNED"))


# --- action.yml and the example --------------------------------------------------------------------------------------


def test_the_action_passes_every_input_to_the_script_and_the_script_reads_it():
    env = ACTION["runs"]["steps"][0]["env"]
    assert env == {f"INPUT_{name.upper().replace('-', '_')}": f"${{{{ inputs.{name} }}}}" for name in ACTION["inputs"]}
    text = SCRIPT.read_text()
    read = set(re.findall(r'(?:entry|lines|switch)\("([a-z-]+)"\)', text))
    for name in ("OPTIONS", "SWITCHES"):
        read |= set(re.findall(r'"([a-z-]+)"', re.search(rf"^{name} = \((.*)\)$", text, re.M)[1]))
    read |= set(re.findall(r'"([a-z-]+)"', re.search(r"for side in \((.*)\):", text)[1]))
    assert read == ACTION["inputs"].keys()


def test_the_action_has_every_output_of_the_script(step):
    values = {name: entry["value"] for name, entry in ACTION["outputs"].items()}
    assert values == {name: f"${{{{ steps.gate.outputs.{name} }}}}" for name in step(verdict("better")).outputs}


def test_everything_has_a_description():
    for entry in (*ACTION["inputs"].values(), *ACTION["outputs"].values()):
        assert entry["description"]


def test_nothing_is_pasted_into_a_script():
    steps = [*ACTION["runs"]["steps"], *(step for job in EXAMPLE["jobs"].values() for step in job["steps"])]
    scripts = [step["run"] for step in steps if "run" in step]
    assert len(scripts) == 4 and not [script for script in scripts if "${{" in script]


def test_the_example_uses_what_the_action_has():
    gate = next(step for step in EXAMPLE["jobs"]["gate"]["steps"] if step.get("id") == "gate")
    assert gate["with"].keys() <= ACTION["inputs"].keys() and {"base", "new"} <= gate["with"].keys()
    used = set(re.findall(r"steps\.gate\.outputs\.([a-z-]+)", (ROOT / "docs/example/gate.yml").read_text()))
    assert used == {"markdown", "html"} and used <= ACTION["outputs"].keys()


def test_only_the_job_that_runs_no_code_of_the_pull_request_may_write():
    assert EXAMPLE["permissions"] == {"contents": "read"} and EXAMPLE[True] == "pull_request"  # YAML reads `on` as true
    assert "permissions" not in EXAMPLE["jobs"]["train"]
    assert not [step for step in EXAMPLE["jobs"]["gate"]["steps"] if "checkout" in step.get("uses", "")]


@pytest.mark.parametrize("link", ["out", "out/new", "out/gate.json", "out/gate.md", "out/gate.html"])
def test_a_report_that_is_a_link_is_not_followed(step, tmp_path, link):
    (tmp_path / "other").mkdir()
    victim = tmp_path / "other/gate.json"
    victim.write_text("mine")
    path = tmp_path / "work" / link
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(victim if path.suffix else victim.parent)
    done = step(verdict("better"), report="out/new/x" if link == "out/new" else "out")
    assert done.code == 2 and f"report: {link} is a link; remove it" in done.log and not done.asked
    assert victim.read_text() == "mine" and list(victim.parent.iterdir()) == [victim]


# --- from end to end -------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not (ROOT / "workflow/noisegrid/cli/gate.py").exists(), reason="needs the command, cli/gate.py")
@pytest.mark.parametrize(
    ("new", "name"),
    [
        ("94.2 94.0 94.4 94.1", "better"),
        ("92.2 92.0 92.4 92.1", "worse"),
        ("93.2 92.7 93.6 92.8", "undecided"),
        ("93.1 92.8", "unjudged"),
    ],
)
def test_the_step_with_the_real_command(step, tmp_path, new, name):
    (tmp_path / "bin/noisegrid").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m noisegrid "$@"\n')
    for side, values in (("b", "93.1 92.8 93.0 93.3 92.9"), ("n", new)):
        (tmp_path / f"work/{side}.csv").write_text("accuracy\n" + values.replace(" ", "\n") + "\n")
    done = step({}, env={"PYTHONPATH": str(ROOT / "workflow")}, fail_on="")
    assert done.code == 0 and done.outputs["verdict"] == name and done.outputs["exit-code"] == str(CODES[name])
    assert done.outputs["sentence"] in done.summary.replace("\\", "")
    page = (tmp_path / "work" / done.outputs["html"]).read_text()
    assert page.startswith("<!doctype html>") and page.count("<h1>") == 1
