"""The `noisegrid` command as a person meets it: help, mistakes, completion, and studies written and checked."""

import os
import resource
import shlex
import subprocess
import sys

import pytest
from conftest import noisegrid, run, run_study
from factories import cells, study, write_study

from noisegrid import __version__
from noisegrid.cli.main import SUBCOMMANDS, WORKFLOW_SUBCOMMANDS, find, parser_of
from noisegrid.study.check import mistakes
from noisegrid.study.resolve import load_study

NAMES = [entry.name for entry in (*SUBCOMMANDS, *WORKFLOW_SUBCOMMANDS)]


def test_help_lists_every_subcommand_and_an_example():
    done = noisegrid("--help")
    assert done.returncode == 0
    listed = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")]
    assert listed[: len(NAMES)] == NAMES
    assert "example: noisegrid plan quick" in done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_every_subcommand_has_help_with_an_example_that_parses(name):
    parser = parser_of(find(name))
    module = find(name).load()
    words = shlex.split(module.EXAMPLE.removeprefix('eval "$(').removesuffix(')"'))
    assert words[:2] == ["noisegrid", name]
    parser.parse_args(words[2:])
    assert f"example: {module.EXAMPLE}" in parser.format_help()


def test_help_is_light_and_fast():
    """No heavy library is imported, and it takes under 0.3 s of CPU time."""
    script = (
        "import sys; from noisegrid.cli.main import main; main(['--help'])\n"
        "heavy = {'torch', 'pandas', 'scipy', 'snakemake', 'numpy', 'matplotlib'} & sys.modules.keys()\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.3


def test_version():
    assert noisegrid("--version").stdout == f"noisegrid {__version__}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["plna"], "noisegrid: unknown subcommand 'plna'; did you mean 'plan'?"),
        (["verify", "x.zip", "--reurn", "2"], "noisegrid verify: unknown argument '--reurn'; did you mean '--rerun'?"),
        (["replay"], "noisegrid replay: the following arguments are required: RECORD; see noisegrid replay --help"),
        (
            ["verify", "x.zip", "--rerun", "two"],
            "noisegrid verify: argument --rerun: 'two' is neither a whole number nor a replicate",
        ),
    ],
)
def test_a_usage_error_is_one_sentence_with_its_own_exit_code(words, message):
    done = noisegrid(*words)
    assert done.returncode == 2
    assert message in done.stdout and done.stdout.count("\n") == 1


def test_without_a_subcommand_the_help_is_shown_and_it_is_a_usage_error():
    done = noisegrid()
    assert done.returncode == 2 and done.stdout.startswith("usage: noisegrid SUBCOMMAND")


def test_a_mistake_of_the_user_has_another_exit_code_than_a_usage_error(tmp_path):
    done = noisegrid("plan", "quik", cwd=tmp_path)
    assert done.returncode == 1 and "did you mean 'quick'?" in done.stdout


def test_bash_completes_subcommands_and_options(tmp_path):
    """The script is loaded by a real bash, which is asked as it asks itself."""
    script = noisegrid("completion", "bash")
    assert script.returncode == 0, script.stdout
    (tmp_path / "completion.bash").write_text(script.stdout)

    def completed(*words: str) -> set[str]:
        line = " ".join(words)
        ask = (
            f"source {tmp_path}/completion.bash; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; COMP_LINE='{line}'; "
            "COMP_POINT=${#COMP_LINE}; $(complete -p noisegrid | sed 's/.*-F \\([^ ]*\\).*/\\1/'); "
            "printf '%s\\n' \"${COMPREPLY[@]}\""
        )
        return set(run("bash", "-c", ask).stdout.split())

    assert completed("noisegrid", "ver") == {"verify"}
    assert {"--rerun", "--choice", "--datasets"} <= completed("noisegrid", "verify", "--")


# --- init and check ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [[], ["--network"], ["--dataset"], ["--network", "--dataset"]])
def test_a_new_study_has_no_mistakes(tmp_path, options):
    done = noisegrid("init", "mine", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert len(list(tmp_path.iterdir())) == 1 + len(options)
    done = noisegrid("check", "mine.yaml", cwd=tmp_path)
    assert done.returncode == 0 and "mine.yaml: no mistakes; 4 cells, 20 replicates" in done.stdout, done.stdout


@pytest.mark.slow
def test_a_new_study_trains_as_it_is(tmp_path):
    assert noisegrid("init", "mine", "--network", "--dataset", cwd=tmp_path).returncode == 0
    run_study(tmp_path, study="mine.yaml")
    assert "Control is exactly zero" in (tmp_path / "results/mine/findings.md").read_text()


def test_init_overwrites_nothing_and_refuses_odd_names(tmp_path):
    (tmp_path / "mine.yaml").write_text("precious")
    done = noisegrid("init", "mine", "--network", cwd=tmp_path)
    assert done.returncode == 1 and "mine.yaml exists" in done.stdout
    assert [path.read_text() for path in tmp_path.iterdir()] == ["precious"]
    done = noisegrid("init", "my study", cwd=tmp_path)
    assert (
        done.returncode == 1
        and "'my study' may contain only letters, digits and '_', and must start with a letter" in done.stdout
    )


#: One mistake of each kind, and the sentence about it.
STUDY = """
name: "b d"
seed: -1
cells:
  - {hardware: [cpuu, cpu], tasks: [smallcnn-digts, smallcnn-digits], noise: [algoo, autotune], replicates: 2}
  - {hardware: [cpu], tasks: [nope, twice], noise: [dropout], replicates: 4}
tasks:
  nope: {like: smallcnn-digits, epochs: x}
  twice: {like: twise}
datasets:
  mine: {read: "no.such:reader", classes: 3, full_scale: 1}
overhead:
  - {hardware: [cpu], networks: [resnet51]}
surprise: 1
"""
MISTAKES = [
    "name: 'b d' is not of the right form",
    "seed: -1 is less than the minimum",
    "unknown key 'surprise'",
    "tasks.nope: epochs: 'x' is not a whole number",
    "tasks.twice.like: unknown task 'twise'; did you mean 'twice'?",
    "datasets.mine.read: there is no module 'no.such'",
    "cells[0]: unknown hardware 'cpuu'; did you mean 'cpu'?",
    "cells[0]: unknown task 'smallcnn-digts'; did you mean 'smallcnn-digits'?",
    "cells[0]: unknown noise 'algoo'; did you mean 'algo'?",
    "cells[0]: task smallcnn-digits runs on a device without cuDNN, so noise 'autotune' would measure nothing",
    "overhead[0]: unknown network 'resnet51'; did you mean 'resnet50'?",
]


def test_check_reports_every_mistake_at_once(tmp_path):
    (tmp_path / "bad.yaml").write_text(STUDY)
    done = noisegrid("check", "bad.yaml", cwd=tmp_path)
    assert done.returncode == 1
    for sentence in MISTAKES:
        assert sentence in done.stdout, done.stdout
    assert f"bad.yaml: {len(MISTAKES)} mistakes" in done.stdout, done.stdout


def test_check_agrees_with_what_the_workflow_refuses(tmp_path):
    """Without one of its mistakes at a time the study is still refused; without any it is accepted by both."""
    block = cells("smallcnn-digits", "algo")
    good = write_study(tmp_path, study(block, name="good"))
    assert mistakes(str(good)) == []
    assert len(load_study(str(good)).cells) == 1
    (sentence,) = mistakes(str(write_study(tmp_path, study(block, block, name="twice"))))
    assert "the cell cpu/smallcnn-digits/algo is named twice" in sentence


def test_old_keys_are_answered_with_the_new_ones_in_one_sentence(tmp_path):
    path = write_study(tmp_path, study(cells(replicates=4, pairs=2), name="old", cost=[]))
    (sentence,) = mistakes(str(path))
    assert sentence.endswith("earlier version: write 'overhead' instead of 'cost', 'seed_sets' instead of 'pairs'")
    done = noisegrid("plan", "old.yaml", cwd=tmp_path)
    assert done.returncode == 1 and "'seed_sets' instead of 'pairs'" in done.stdout


def test_results_of_the_earlier_layout_are_refused(tmp_path):
    (tmp_path / "results/quick").mkdir(parents=True)
    (tmp_path / "results/quick/cost.csv").touch()
    done = noisegrid("plan", "quick", cwd=tmp_path)
    assert done.returncode == 1
    assert "results/quick contains results of an earlier version of noisegrid (cost.csv)" in done.stdout
    assert os.listdir(tmp_path / "results/quick") == ["cost.csv"]  # noqa: PTH208
