"""The commands in README.md, docs and `--help` do what they should. commands.yaml says which are run, and where."""

import re
import shlex
import shutil
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, noisegrid, run
from documentation import Command, commands_of, examples_of_help, pages
from snakemake.cli import get_argument_parser, parse_config

from noisegrid.cli.main import find, main, parser_of

LISTS = yaml.safe_load((Path(__file__).parent / "commands.yaml").read_text())
SHOWN = [*(command for page in pages() for command in commands_of(page)), *examples_of_help()]
#: The names of the workflow's rules, which are Snakemake's targets.
RULES = {
    name
    for path in (ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk"))
    for name in re.findall(r"^ *rule (\w+):", path.read_text(), re.MULTILINE)
}
#: Keys of an entry that are markers of its test.
MARKS = ("slow", "release")
#: Accuracies of five runs of a base and of a new method.
BASE, NEW = [93.1, 93.4, 92.9, 93.2, 93.0], [93.9, 94.1, 93.8, 94.3, 93.7]


def fits(entry: dict, command: Command) -> bool:
    """Return whether an entry of the lists is about a command."""
    if "page" in entry:
        return entry["page"] == command.place
    if entry in LISTS["run"]:
        return entry["command"] == command.text
    return re.fullmatch(entry["command"], command.text) is not None


def entry_of(command: Command) -> dict | None:
    """Return the entry that is about a command; an entry about its whole page comes first."""
    found = [entry for name in LISTS for entry in LISTS[name] if fits(entry, command)]
    return min(found, key=lambda entry: "page" not in entry, default=None)


# --- the lists -------------------------------------------------------------------------------------------------------


def test_every_command_is_run_or_has_a_reason():
    missing = {f"{command.place}: {command.text}" for command in SHOWN if entry_of(command) is None}
    assert not missing, "add these to tests/docs/commands.yaml:\n" + "\n".join(sorted(missing))


def test_every_entry_is_about_a_command():
    unused = [entry for name in LISTS for entry in LISTS[name] if not any(fits(entry, command) for command in SHOWN)]
    assert not unused, "no page shows these any more; remove them from tests/docs/commands.yaml"


def test_the_tests_that_run_the_others_exist():
    for entry in LISTS["elsewhere"]:
        assert (ROOT / entry["test"]).is_file(), entry


def mistake(text: str) -> str:
    """Return what is wrong with the words of a command, whether it is run or not."""
    words = shlex.split(re.split(r" [|>] ", text)[0])
    if words[0] == "noisegrid" and find(words[1]) and "…" not in text:
        try:
            parser_of(find(words[1])).parse_args(words[2 : words.index("--") if "--" in words else None])
        except SystemExit:
            return "its parser refuses the words"
    if words[0] == "snakemake":
        parsed = get_argument_parser().parse_args(words[1:])
        try:
            parse_config(parsed.config)
        except ValueError as error:
            return str(error)
        return ", ".join(f"{target} is no rule" for target in parsed.targets if target not in RULES)
    return ""


def test_every_command_is_one():
    """Options exist, values have the right type, and Snakemake's targets are rules."""
    shown = [command for command in SHOWN if command.place != "docs/mistakes.md"]
    assert {command.text: why for command in shown if (why := mistake(command.text))} == {}


@pytest.mark.parametrize(
    "text",
    [
        "noisegrid gate a b --metrik x",
        "snakemake --config study=paper pilot",
        "snakemake draw_figure",
        "noisegrid replay",
    ],
)
def test_a_command_that_is_none_is_noticed(text):
    assert mistake(text)


def test_a_command_that_no_list_has_is_found():
    assert entry_of(Command("README.md", "noisegrid gate a.csv b.csv --metrik x")) is None
    assert entry_of(Command("docs/artifact.md", "noisegrid gate a.csv b.csv --metrik x")) == LISTS["elsewhere"][0]


def test_commands_are_found_in_blocks(tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    page.write_text(
        "```sh\na --b c#d  # comment\n# a comment\ne \\\n  f\n```\n"
        "```console\n$ g\nout\n$ h\n```\n\n```text\nhere$ i\nno command\n```\n\n```yaml\n$ j\n```\n"
    )
    monkeypatch.setattr("documentation.ROOT", tmp_path)
    found = [(command.text, command.output) for command in commands_of(page)]
    assert found == [("a --b c#d", None), ("e    f", None), ("g", "out\n"), ("h", ""), ("i", "no command\n")]


@pytest.mark.parametrize(
    "entry",
    [
        {"command": "echo a; exit 3", "says": "a"},
        {"command": "echo a", "exit": 3},
        {"command": "echo a", "says": "b"},
    ],
)
def test_another_exit_code_or_line_is_noticed(entry, tmp_path):
    with pytest.raises(AssertionError):
        check(entry, tmp_path)


def test_a_line_that_is_shown_and_not_printed_is_missed():
    assert missing("a … c\n  d e\n", "a b c\nd\ne\n") == []
    assert missing("a … x\nd\n", "a b c\nd\n") == ["x"]


# --- the commands that are run ---------------------------------------------------------------------------------------


def runs(name: str, column: str, values: list[float], folder: Path, **others: list) -> None:
    """Write a table with a row for each run."""
    columns = {"seed": list(range(len(values))), column: values, **others}
    rows = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows) + "\n")


@pytest.fixture(scope="module")
def desk(tmp_path_factory) -> Path:
    """A folder with the files that a reader would have."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "docs").symlink_to(ROOT / "docs")
    for name, values in (("base", BASE), ("new", NEW), ("runs", BASE)):
        runs(f"{name}.csv", "accuracy", values, folder)
        runs(f"{name}/all.csv", "accuracy", values, folder)
    runs("one_method/runs.csv", "accuracy", BASE, folder)
    (folder / "empty").mkdir()
    for name, loss in (("b1", 0.2), ("b2", 0.21), ("n1", 0.4), ("n2", 0.41)):
        seeds = [f"{name}-{number}" for number in range(3)]
        runs(f"{name}.csv", "loss", [loss, loss + 0.004, loss - 0.003], folder, seed=seeds)
    both = {"accuracy": [*BASE, *NEW], "method": ["sgd"] * 5 + ["sam"] * 5}
    runs("runs.csv", "acc", [*BASE, *NEW], folder, **both)
    for side, name in (("base", "lr_40"), ("new", "lr_38")):
        (folder / "predictions" / side).mkdir(parents=True)
        shutil.copy(ROOT / f"docs/results/gain/{name}.npz", folder / "predictions" / side)
    (folder / "slurm").mkdir()
    shutil.copy(ROOT / "slurm/site.example.yaml", folder / "slurm")
    assert noisegrid("init", "mine", "--network", cwd=folder).returncode == 0
    shutil.copy(folder / "mine.yaml", folder / "my_study.yaml")
    (folder / "results/quick").mkdir(parents=True)
    shutil.copy(ROOT / "docs/results/quick/metrics.csv", folder / "results/quick")
    return folder


def entries(quick: bool) -> list:
    """Return the entries to run, in or outside of a folder in which the study quick was run."""
    chosen = [entry for entry in LISTS["run"] if entry.get("quick", False) == quick]
    marks = [[getattr(pytest.mark, name) for name in MARKS if entry.get(name)] for entry in chosen]
    return [pytest.param(entry, id=entry["command"], marks=found) for entry, found in zip(chosen, marks, strict=True)]


def check(entry: dict, folder: Path) -> None:
    """Run the command of an entry, and compare its exit code and output with the entry and with the pages.

    A page may wrap lines, leave some out, and write … for a part that depends on the machine.
    """
    light = not (entry.get("slow") or entry.get("quick")) and not set(entry["command"]) & set("|>$;")
    code, printed = called(entry["command"], folder) if light else typed(entry["command"], folder)
    codes = entry.get("exit", 0)
    assert code in (codes if isinstance(codes, list) else [codes]), printed
    if "says" in entry:
        assert any(re.fullmatch(entry["says"], line) for line in printed.splitlines()), printed
    for command in SHOWN:
        if command.text == entry["command"] and command.output and entry_of(command) == entry:
            assert not missing(command.output, printed), (command.place, printed)


def typed(text: str, folder: Path) -> tuple[int, str]:
    """Run a line in a shell; return the exit code, and what was printed."""
    done = run("bash", "-c", text, cwd=folder)
    return done.returncode, done.stdout


def called(text: str, folder: Path) -> tuple[int, str]:
    """Call `noisegrid` in this process, which saves the start of Python; run any other command in a shell."""
    name, *words = shlex.split(text)
    if name != "noisegrid":
        return typed(text, folder)
    with chdir(folder), redirect_stdout(StringIO()) as printed, redirect_stderr(printed):
        return main(words), printed.getvalue()


def missing(shown: str, printed: str) -> list[str]:
    """Return the parts of an output on a page that a command did not print."""
    parts = [" ".join(part.split()) for line in shown.splitlines() for part in line.split("…")]
    return [part for part in parts if part not in " ".join(printed.split())]


@pytest.mark.parametrize("entry", entries(quick=False))
def test_a_command_does_what_it_should(entry, desk):
    check(entry, desk / entry.get("in", ""))


@pytest.mark.slow
@pytest.mark.release
@pytest.mark.parametrize("entry", entries(quick=True))
def test_a_command_on_the_study_quick_does_what_it_should(entry, quick):
    check(entry, quick)
