"""`noisegrid gate` and `noisegrid floor` as a person types them, and the page docs/gate.md."""

import json
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT, TINY, noisegrid

from noisegrid.cli.main import main
from noisegrid.common.errors import UsageError

PAGE = (ROOT / "docs/gate.md").read_text()
BASE, NEW = [93.1, 93.4, 92.9, 93.2, 93.0], [93.9, 94.1, 93.8, 94.3, 93.7]


def write(path, values, column="accuracy", **others) -> str:
    """Write a table with one row per run, and return its path."""
    columns = {column: values, **others}
    rows = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    path.write_text("\n".join(rows) + "\n")
    return str(path)


@pytest.fixture
def called(capsys):
    """Call the command in this process; return the exit code, what was printed, and the error."""

    def call(*words: object) -> tuple[int, str, str]:
        try:
            code = main([str(word) for word in words])
        except SystemExit as end:  # the parser of arguments exits
            code = int(end.code or 0)
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def files(tmp_path):
    return write(tmp_path / "base.csv", BASE), write(tmp_path / "new.csv", NEW)


# --- the page --------------------------------------------------------------------------------------------------------


def commands() -> list[tuple[str, str]]:
    """Return the commands of the page, each with what the page says it prints."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL):
        found += [tuple(part.split("\n", 1)) for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return found


def test_the_page_is_true(called, monkeypatch):
    monkeypatch.chdir(ROOT)
    code = None
    for command, expected in commands():
        if command == "echo $?":
            assert expected == f"{code}\n"
            continue
        words = command.removesuffix(" | head -1").split()
        code, printed, error = called(*words[1:])
        lines = (printed + error).splitlines(keepends=True)
        assert "".join(lines[:1] if command.endswith("head -1") else lines) == expected, command
    assert len(commands()) >= 8


def test_the_example_in_the_readme_is_true(called, monkeypatch):
    monkeypatch.chdir(ROOT)
    text = (ROOT / "README.md").read_text()
    ((command, expected),) = re.findall(r"```\n\$ (noisegrid gate .*?)\n(.*?)```", text, re.DOTALL)
    code, printed, _ = called(*command.split()[1:])
    assert code == 4
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    said = " ".join(expected.split())
    shown = [line for line in lines if line in said]
    assert shown[0] == lines[0] and said == " ".join(shown)
    _, printed, _ = called("gate", "docs/results/gain/runs.csv", *command.split()[3:])
    ((of_20, same),) = re.findall(r"With twenty runs each, the difference was (\S+ \[.*?\])\. (.*?),", text)
    assert f" is {of_20} (95 % interval, Welch's t, 20 + 20 runs" in printed and "luck" in same


def test_the_exit_code_is_the_verdict_if_nobody_reads(files):
    """`noisegrid gate … | head -1` closes the pipe early; here, it is closed before anything is printed."""
    base, new = files
    command = f"{shlex.quote(sys.executable)} -m noisegrid gate {new} {base} | true; exit ${{PIPESTATUS[0]}}"
    assert subprocess.run(["bash", "-c", command], cwd=ROOT / "workflow", check=False).returncode == 3


# --- sides -----------------------------------------------------------------------------------------------------------


def test_two_files(called, files):
    code, printed, error = called("gate", *files)
    assert (code, error) == (0, "")
    lines = printed.splitlines()
    assert lines[0].startswith("better: the accuracy of new is higher than that of base by 0.84 [0.52, 1.16] (95 %")
    assert f"  Read for base: {files[0]}: column 'accuracy', 5 rows, 5 runs." in lines


def test_several_files_of_each_side(called, tmp_path):
    base = [write(tmp_path / f"b{index}.csv", [value], "loss") for index, value in enumerate(BASE)]
    new = [write(tmp_path / f"n{index}.csv", [value], "loss") for index, value in enumerate(NEW)]
    code, printed, _ = called("gate", "--base", *base, "--new", *new, "--metric", "loss")
    assert code == 3 and printed.startswith("worse: the loss of new is higher than that of base by 0.84")


def test_one_table_with_both_sides_and_seeds(called, tmp_path):
    table = write(
        tmp_path / "runs.csv", [*BASE, *NEW, 1.0], "acc", method=[*["sgd"] * 5, *["sam"] * 5, "x"],
        seed=[*range(5), *reversed(range(5)), 0],
    )  # fmt: skip
    words = ("gate", table, "--group", "method", "--a", "sgd", "--b", "sam", "--metric", "acc")
    code, printed, _ = called(*words)
    assert code == 0 and "paired t, 5 pairs of runs" in printed
    code, printed, _ = called(*words, "--unpaired")
    assert code == 0 and "Welch's t, 5 + 5 runs" in printed


def test_numbers_on_the_standard_input(files):
    done = subprocess.run(
        [sys.executable, "-m", "noisegrid", "gate", files[0], "-"],
        input="93.9 94.1, 93.8 94.3", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (
        done.stdout.startswith("better: the accuracy of new")
        and "Read for new: the standard input: numbers, 4 rows, 4 runs" in done.stdout
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "name two files or folders, BASE and NEW"),
        (("a.csv",), "name two files or folders"),
        (("a.csv", "b.csv", "c.csv"), "name two files or folders"),
        (("a.csv", "--base", "b.csv", "--new", "c.csv"), "a.csv is neither a base nor a new run"),
        (("--base", "b.csv"), "name two files or folders"),
        (("-", "-"), "- is the standard input, which can be one side only"),
        (("a.csv", "--group", "method"), "--group needs PATH, --a and --b"),
        (("a.csv", "b.csv", "--a", "x"), "--a and --b are values of a column; name it with --group"),
        (("a.csv", "b.csv", "--where", "method"), "--where method has no value; write --where method=VALUE"),
        (("a.csv", "b.csv", "--looks", "5"), "add --spend FILE"),
    ],
)
def test_arguments_that_do_not_fit_are_wrong_usage(called, words, message):
    code, printed, error = called("gate", *words)
    assert (code, printed) == (2, "") and message in error and error.count("\n") == 1


# --- verdicts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), 0),
        (("--lower-is-better",), 3),
        (("--at-least", "0.7"), 4),
        (("--within", "1.5"), 5),
        (("--tried", "1000"), 4),
        (("--confidence", "0.9999"), 4),
        (("--metric", "loss"), 6),
    ],
)
def test_exit_codes(called, files, words, code):
    found, printed, _ = called("gate", *files, *words)
    assert found == code
    document = json.loads(called("gate", *files, *words, "--json")[1])
    assert document["exit_code"] == code
    assert document["verdict"] == printed.partition(":")[0] or (code == 6 and document["verdict"] == "unjudged")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--at-least", "0.5"), 0, "by 0.84 [0.52, 1.16], which is more than 0.50 ("),
        (("--at-least", "0.7"), 4, "is +0.84 [+0.52, +1.16], not clearly a gain of more than 0.70 ("),
        (("--at-least", "1.3"), 5, "is +0.84 [+0.52, +1.16], within ± 1.30 ("),
        (("--at-least", "1.3", "--within", "0"), 4, "is +0.84 [+0.52, +1.16], a gain of less than 1.30 ("),
        (("--at-least", "1.3", "--within", "0", "--lower-is-better"), 3, "by 0.84 [0.52, 1.16] ("),
    ],
)
def test_the_sentence_compares_with_what_was_asked(called, files, words, code, says):
    found, printed, _ = called("gate", *files, *words)
    assert found == code and says in printed.splitlines()[0]


def test_a_bound_that_seems_to_be_in_percentage_points_is_refused(called, tmp_path):
    base, new = (
        write(tmp_path / f"{name}.csv", [value / 100 for value in values]) for name, values in (("b", BASE), ("n", NEW))
    )
    code, _, error = called("gate", base, new, "--within", "0.3")
    assert (
        code == 6 and "in which 0.3 is 30 percentage points; if you mean 0.3 percentage points, add --points" in error
    )
    for words in (("--within", "0.015"), ("--within", "1.5", "--points")):
        code, printed, _ = called("gate", base, new, *words)
        assert code == 5 and "within ± 0.0150" in printed
    assert (
        json.loads(called("gate", base, new, "--within", "1.5", "--points", "--json")[1])["question"]["within"] == 0.015
    )
    loss = write(tmp_path / "l.csv", BASE, "loss"), write(tmp_path / "m.csv", NEW, "loss")
    code, _, error = called("gate", *loss, "--within", "1", "--points")
    assert code == 6 and "the loss is not a share of something" in error


def test_sides_are_called_by_their_files_or_groups(called, tmp_path):
    base, new = write(tmp_path / "sgd.csv", BASE), write(tmp_path / "sam.csv", NEW)
    assert "the accuracy of new (sam) is higher than that of base (sgd)" in called("gate", base, new)[1]
    table = write(tmp_path / "all.csv", [*BASE, *NEW], method=["x"] * 5 + ["y"] * 5)
    printed = called("gate", table, "--group", "method", "--a", "x", "--b", "y")[1]
    assert "of new (y) is higher than that of base (x)" in printed and "\n  base (x): mean 93.12" in printed


def test_impossible_values_are_errors_in_one_sentence(called, files):
    for option, value in (("--confidence", "1.5"), ("--at-least", "-1"), ("--within", "nan"), ("--tried", "0")):
        code, printed, error = called("gate", *files, option, value)
        assert (code, printed) == (2, "") and error.count("\n") == 1, option


def test_looks_are_counted(called, files, tmp_path):
    ledger = tmp_path / "looks.json"
    for number in (1, 1, 2):
        if number == 2:
            write(tmp_path / "new.csv", [*NEW, 94.0])
        _, printed, _ = called("gate", *files, "--spend", ledger)
        assert f"look {number} of {ledger}" in printed
    assert len(json.loads(ledger.read_text())["spent"]) == 2


@pytest.mark.parametrize("pair", [("spend", "html"), ("spend", "markdown"), ("html", "markdown")])
def test_one_file_for_two_outputs_is_wrong_usage(called, files, tmp_path, pair):
    ledger, link = tmp_path / "looks.json", tmp_path / "link"
    called("gate", *files, "--spend", ledger)
    before = ledger.read_text()
    link.symlink_to(ledger)
    for path in (ledger, link, tmp_path / "none/../looks.json"):
        code, printed, error = called("gate", *files, f"--{pair[0]}", ledger, f"--{pair[1]}", path)
        assert (code, printed) == (2, "") and f"--{pair[0]} and --{pair[1]} are the same file" in error
    assert ledger.read_text() == before


@pytest.mark.parametrize("words", [(), ("--metric", "loss")], ids=["verdict", "unjudged"])
def test_files_are_written(called, files, tmp_path, words):
    page, comment = tmp_path / "out/gate.html", tmp_path / "gate.md"
    called("gate", *files, *words, "--html", page, "--markdown", comment)
    what = "cannot be judged" if words else "better"
    assert what in page.read_text() and what in comment.read_text()


# --- bad input -------------------------------------------------------------------------------------------------------


def sparse(path) -> None:
    """Make a file of 5 GB that takes no space."""
    with path.open("wb") as file:
        file.truncate(5 * 10**9)


def examples(path, ids) -> None:
    """Write predictions of three runs."""
    rng = np.random.default_rng(len(ids))
    np.savez(path, predicted=rng.integers(0, 3, (3, len(ids))), label=np.arange(len(ids)) % 3, id=np.array(ids))


#: What is wrong with new.csv, as its text or as a function that writes it, and what the message says.
BAD = {
    "NaN": ("accuracy\n0.91\nnan\n0.93\n", "the accuracy of row 2 of {new} is nan"),
    "an empty cell": ("run,accuracy\na,0.91\nb,\nc,0.93\n", "the accuracy of row 2 of {new}"),
    "an empty file": ("", "{new} is empty"),
    "a header alone": ("accuracy\n", "{new} has names of columns and no rows"),
    "another metric": ("acuracy\n0.91\n0.92\n0.93\n", "unknown metric 'accuracy'; did you mean 'acuracy'?"),
    "mixed units": ("accuracy\n93.0\n92.0\n94.0\n", "the units are mixed"),
    "mixed units of one side": ("accuracy\n0.94\n92.0\n0.93\n", "the units are mixed"),
    "a duplicated seed": ("seed,accuracy\n1,0.91\n2,0.92\n1,0.93\n", "have the same seed, 1"),
    "identical runs": ("accuracy\n0.912345678\n0.912345678\n0.93\n", "have the same accuracy to the last bit"),
    "equal runs": ("accuracy\n0.91\n0.91\n0.91\n", "all 3 runs have the same accuracy"),
    "the results of base": ("accuracy\n0.9\n0.91\n0.92\n", "base and new have exactly the same results"),
    "a percent sign": ("accuracy\n91 %\n92 %\n93 %\n", "percent sign"),
    "a decimal comma": ('accuracy\n"0,91"\n"0,92"\n"0,93"\n', "decimal comma"),
    "text": ("accuracy\ngood\nbad\nugly\n", "'good'"),
    "two runs": ("accuracy\n0.91\n0.92\n", "new has 2 runs, and a verdict needs at least 3 of each side"),
    "5 GB": (sparse, "has 5,000,000,000 bytes (limit: "),
    "binary garbage": (lambda path: path.write_bytes(bytes(range(256)) * 9), "{new}"),
    "no file": (lambda path: None, "there is no file new.csv in the folder "),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_sentence(called, tmp_path, name):
    content, message = BAD[name]
    new = tmp_path / "new.csv"
    if callable(content):
        content(new)
    else:
        new.write_text(content)
    base = write(tmp_path / "base.csv", [0.9, 0.91, 0.92])
    code, printed, error = called("gate", base, new, "--metric", "accuracy")
    assert (code, printed) == (6, "") and error.count("\n") == 1, error
    assert message.format(new=new) in error


def test_the_same_file_twice_and_other_examples_are_bad_input(called, files, tmp_path):
    code, _, error = called("gate", files[0], files[0])
    assert code == 6 and f"base and new are the same files ({files[0]})" in error
    examples(tmp_path / "a.npz", range(90))
    examples(tmp_path / "b.npz", range(3, 99))
    code, _, error = called("gate", tmp_path / "a.npz", tmp_path / "b.npz")
    assert code == 6 and "base has 90, new has 96, and 87 match by id" in error


# --- floor and summary -----------------------------------------------------------------------------------------------


def test_floor(called, tmp_path):
    code, printed, _ = called("floor", write(tmp_path / "a.csv", BASE), "--gain", "0.5")
    assert code == 0 and printed.startswith("the accuracy of 5 runs has a standard deviation of 0.19 [0.12, 0.55]")
    assert "To detect a gain of 0.5, each side needs 4 runs (3 to 21; power 80 %)." in printed
    code, printed, _ = called("floor", write(tmp_path / "b.csv", [0.2314592653] * 4, "loss", seed=[1, 2, 3, 4]))
    assert code == 4 and "the seed may do nothing" in printed
    assert called("floor", write(tmp_path / "c.csv", [1.5]))[0] == 6


@pytest.mark.slow
def test_the_summary_of_a_study_ends_with_a_verdict_and_its_command(finished):
    done = noisegrid("summary", TINY, cwd=finished)
    *_, command, verdict = done.stdout.splitlines()
    program, *words = shlex.split(command)
    assert (program, words[0]) == ("noisegrid", "gate") and verdict.startswith("  ")
    again = noisegrid(*words, cwd=finished)
    assert verdict.strip().removeprefix("cannot be judged: ") in again.stdout


# --- Python and cost -------------------------------------------------------------------------------------------------


def test_the_examples_of_the_functions_hold():
    import doctest

    from noisegrid.gating import api, metric

    for module in (api, metric):
        found = doctest.testmod(module)
        assert found.attempted and not found.failed


def test_in_python():
    import pandas as pd

    from noisegrid import floor, gate

    base, new = pd.DataFrame({"loss": BASE, "seed": range(5)}), pd.DataFrame({"loss": NEW, "seed": range(5)})
    found = gate(base, new)
    assert (found.verdict, found.paired, found.needed) == ("worse", True, 0)
    assert str(found).startswith("worse: the loss of new is higher")
    with pytest.raises(AttributeError):
        found.verdict = "better"
    both = pd.concat([base.assign(method="sgd"), new.assign(method="sam")])
    grouped = gate(both, group="method", a="sgd", b="sam")
    assert grouped.difference == found.difference and grouped.new.label == "sam"
    for wrong in ({"base": both}, {"base": base, "new": new, "group": "method"}):
        with pytest.raises(UsageError, match="give base and new, or one value with both"):
            gate(**wrong)
    with pytest.raises(UsageError, match="looks is the planned number of looks that spend counts"):
        gate(base, new, looks=5)
    label = np.arange(200) % 3
    rng = np.random.default_rng(0)
    sides = [np.where(rng.random((4, 200)) < share, label, 3) for share in (0.6, 0.9)]
    found = gate(*({"predicted": side, "label": label} for side in sides))
    assert found.verdict == "better" and found.examples.count == 200
    assert gate(*(side == label for side in sides)).difference == found.difference
    assert not floor(BASE).suspicious


def test_an_unknown_name_of_the_package_is_an_attribute_error():
    import noisegrid as package

    with pytest.raises(AttributeError, match="has no attribute 'gates'"):
        package.gates  # noqa: B018


def test_no_heavy_library_is_imported(files):
    script = (
        "import sys; from noisegrid.cli.main import main\n"
        f"code = main(['gate', *{files!r}, '--json'])\n"
        "heavy = {'torch', 'pandas', 'scipy.stats', 'matplotlib', 'jsonschema', 'pyarrow', 'tensorboard', 'yaml'}\n"
        "sys.exit(str(heavy & sys.modules.keys()) if heavy & sys.modules.keys() else code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
