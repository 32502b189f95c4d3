"""The step of action.yml: install noisegrid, judge the runs, and tell GitHub the verdict.

Inputs come from the environment alone, so none of them is ever part of a script. What is printed meanwhile is not read
as commands to GitHub.
"""

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

#: Inputs that become options of `noisegrid gate`, with a value and without.
OPTIONS = ("metric", "at-least", "within", "confidence", "tried", "spend")
SWITCHES = ("lower-is-better",)
VERDICTS = ("better", "worse", "undecided", "equivalent", "unjudged")
#: The suffixes of the files of the report: the outputs json, markdown and html.
SUFFIXES = ("json", "md", "html")
#: The exit code for wrong inputs.
USAGE = 2


def main() -> int:
    """Judge the runs and return the exit code of the step."""
    refused = set(re.split(r"[,\s]+", entry("fail-on"))) - {""}
    if unknown := refused - set(VERDICTS):
        stop(f"fail-on: {min(unknown)!r} is not a verdict; the verdicts are {', '.join(VERDICTS)}")
    report = Path(entry("report") or "noisegrid-gate")
    words = options(report)
    found = judged([install() if switch("install") else "noisegrid", "gate", *words], report)
    verdict, sentence = found["verdict"], found["sentence"]
    tell("verdict", verdict)
    tell("exit-code", found["exit_code"])
    tell("sentence", sentence)
    for name, suffix in zip(("json", "markdown", "html"), SUFFIXES, strict=True):
        tell(name, report / f"gate.{suffix}")
    with Path(os.environ["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as summary:
        summary.write((report / "gate.md").read_text(encoding="utf-8") + "\n")
    annotate("error" if verdict in refused else "notice", sentence)
    return (found["exit_code"] or 1) if verdict in refused else 0


def options(report: Path) -> list[str]:
    """Return the arguments of `noisegrid gate`. A value cannot become an option, whatever it begins with."""
    words = ["--json", f"--markdown={report / 'gate.md'}", f"--html={report / 'gate.html'}"]
    words += [f"--{name}={value}" for name in OPTIONS if (value := entry(name))]
    words += [f"--{name}" for name in SWITCHES if switch(name)]
    words += lines("arguments")
    for side in ("base", "new"):
        if not lines(side):
            stop(f"{side}: name a file or a folder, one in each line")
        words += [f"--{side}", *(f"./{path}" if path.startswith("-") else path for path in lines(side))]
    return words


def install() -> str:
    """Install this version of noisegrid into an environment of its own; return the path of its command."""
    if sys.version_info < (3, 11):  # noqa: UP036 (the runner's Python, whatever it is)
        stop(f"noisegrid needs Python 3.11 or newer, not {sys.version.split()[0]}; run actions/setup-python before it")
    place = Path(os.environ["RUNNER_TEMP"]) / "noisegrid-gate"
    extras = f"[{entry('extras')}]" if entry("extras") else ""
    package = f"{os.environ['GITHUB_ACTION_PATH']}{extras}"
    # -I: no module in the working directory, which has the code of the pull request, takes the place of these two
    try:
        subprocess.run([sys.executable, "-I", "-m", "venv", place], check=True)
        pip = [str(place / "bin/python"), "-I", "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", package], check=True)
    except subprocess.CalledProcessError as error:
        stop("noisegrid could not be installed; the log of this step says why", error.returncode)
    return str(place / "bin/noisegrid")


def judged(command: list[str], report: Path) -> dict[str, Any]:
    """Run `noisegrid gate`, keep its document as gate.json, and return it. Stop if there is none."""
    # a link, which code of the pull request may have made, would lead to another file
    below = [path for path in report.parents if Path.cwd() in path.absolute().parents]
    for path in (*below, report, *(report / f"gate.{suffix}" for suffix in SUFFIXES)):
        if path.is_symlink():
            stop(f"report: {path} is a link; remove it, or choose another folder")
    report.mkdir(parents=True, exist_ok=True)
    if shutil.which(command[0]) is None:
        stop(f"{command[0]} is not installed; set install to true, or install noisegrid before this step")
    token = secrets.token_hex(16)
    print(f"::stop-commands::{token}", flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    print(f"\n::{token}::", flush=True)
    try:
        found: dict[str, Any] = json.loads(done.stdout)
        finished = found["exit_code"] == done.returncode
    except (ValueError, TypeError, KeyError):
        finished = False
    if not finished:
        stop("noisegrid gate gave no verdict; the log of this step says why", done.returncode or 1)
    (report / "gate.json").write_bytes(done.stdout)
    return found


def entry(name: str) -> str:
    """Return an input of the action."""
    return os.environ.get(f"INPUT_{name.upper().replace('-', '_')}", "").strip()


def lines(name: str) -> list[str]:
    """Return the lines of an input."""
    return [line.strip() for line in entry(name).splitlines() if line.strip()]


def switch(name: str) -> bool:
    """Return an input that is true or false."""
    if entry(name) not in ("true", "false", ""):
        stop(f"{name}: write true or false, not {entry(name)!r}")
    return entry(name) == "true"


def tell(name: str, value: object) -> None:
    """Set an output of the action. No value can end early or set another output."""
    end = secrets.token_hex(16)
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as outputs:
        outputs.write(f"{name}<<{end}\n{value}\n{end}\n")


def annotate(kind: str, message: str) -> None:
    """Show a message on the page of the check: an `error` or a `notice`."""
    for letter, code in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A")):
        message = message.replace(letter, code)
    print(f"::{kind} title=noisegrid gate::{message}", flush=True)


def stop(message: str, exit_code: int = USAGE) -> NoReturn:
    """End the step with an error."""
    annotate("error", message)
    sys.exit(exit_code)


if __name__ == "__main__":
    sys.exit(main())
