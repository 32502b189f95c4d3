"""`noisegrid diverge` as a user types it: steps of a user, tasks, records and traces."""

import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import ROOT, noisegrid

from noisegrid.cli import main
from noisegrid.common.errors import NoisegridError
from noisegrid.common.schemas import check
from noisegrid.divergence import side, trace
from noisegrid.divergence.request import Request, Subject

HERE = Path(__file__).resolve().parent


@pytest.fixture
def own(tmp_path, monkeypatch) -> Path:
    """A folder with the steps of a user, as the working directory."""
    shutil.copy(HERE / "steps.py", tmp_path / "own_steps.py")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_step_against_itself_does_not_diverge(own):
    done = noisegrid("diverge", "own_steps:small", "--steps", 5, cwd=own)
    assert done.returncode == 0, done.stdout
    assert done.stdout == "no divergence in 5 steps, and in 28 operations of step 0\n"


def test_the_step_and_the_layer_of_a_later_divergence_are_found(own):
    figure = own / "growth.png"
    done = noisegrid(
        *("diverge", "own_steps:small", "--steps", 6, "--a", "deterministic=true", "--b", "deterministic=false"),
        *("--json", "--figure", figure),
        cwd=own,
    )
    assert done.returncode == 3, done.stdout
    found = json.loads(done.stdout)
    check(found, "diverge", "--json")
    assert (found["state"]["step"], found["step"]) == (4, 3)
    assert found["sentence"] == ("step 3, forward: only B runs `mul`; deterministic True against deterministic False")
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_the_values_of_the_first_operation_are_compared_in_full(own):
    """A sample of 16 values would not show the three that differ."""
    done = noisegrid("diverge", "own_steps:wide", "--steps", 2, "--b", "threads=2", "--json", cwd=own)
    assert done.returncode == 3, done.stdout
    found = json.loads(done.stdout)
    check(found, "diverge", "--json")
    (distance,) = found["cause"]["distances"]
    assert found["cause"]["operation"] == "moved.default"
    assert (distance["values"], distance["compared"], distance["differing"], distance["ulp"]) == (400, 400, 3, [1, 2])
    assert "`moved` gave another output from equal inputs; 1 to 2 ULP in 3 of 400 values, relative" in found["sentence"]


def test_a_step_that_does_not_repeat_itself_cannot_be_judged(own):
    done = noisegrid("diverge", "own_steps:drawing", "--steps", 5, cwd=own)
    assert done.returncode == 6, done.stdout
    assert "does not repeat itself" in done.stdout
    assert len(done.stdout.splitlines()) == 1


def test_traces_of_two_machines_are_compared_without_running_anything(own, capsys):
    for name, seed in (("mine", 0), ("same", 0), ("theirs", 1)):
        subject = Subject("step", "own_steps:small", (f"seed={seed}",))
        side.fulfil(Request(subject, steps=2, output=f"{name}.trace"))
    assert main.main(["diverge", "mine.trace", "same.trace"]) == 0
    assert main.main(["diverge", "mine.trace", "theirs.trace"]) == 3
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("before the first step, the weights differ (0.weight, 0.bias, 3.weight and 1 more)")


@pytest.mark.parametrize(
    ("arguments", "sentence", "code"),
    [
        ([], "name two records or traces, or one package.module:function, or --task", 2),
        (["one.trace"], "name two records or traces", 2),
        (["none.trace", "none.trace"], "cannot read none.trace", 1),
        (["own_steps:small", "--task", "smallcnn-digits"], "are two subjects; name one of them", 2),
        (["own_steps:small", "--steps", "0"], "--steps: 0 is no number of steps", 2),
        (["own_steps:small", "--step", "20"], "--step: 20 is not among the steps 0 to 19", 2),
        (["own_steps:small", "--figure", "x.txt"], "--figure: x.txt ends with none of .png, .svg, .pdf", 2),
        (["own_steps:failing"], "own_steps:failing failed while step 0: ValueError: no such column; correct it", 6),
        (["own_steps:without_network"], "own_steps:without_network(None) returned no network; return a mapping", 6),
        (["own_steps:not_callable"], "this is of type int, which cannot be called", 6),
        (["own_steps:missing"], "step own_steps:missing: cannot be imported", 6),
        (["own_steps:small", "--a", "threads"], "'threads' is no change; write KEY=VALUE, such as threads=2", 6),
        (["own_steps:small", "--a", "thread=2"], "unknown key 'thread'; did you mean 'threads'?", 6),
        (["own_steps:small", "--a", "threads=0"], "threads=0 is out of range", 6),
        (["own_steps:small", "--a", "precision=fp8"], "unknown value of precision 'fp8'", 6),
        (["own_steps:small", "--a", "precision=amp_bf16"], "a step of your own sets its precision itself", 6),
        (["--task", "smallcnn"], "unknown task 'smallcnn'; did you mean", 6),
    ],
)
def test_bad_input_is_one_sentence(own, monkeypatch, capsys, arguments, sentence, code):
    """Sides run in this process, which saves starting PyTorch for each; their errors come as they do from a process."""

    def in_process(command, input, **_):
        monkeypatch.setattr(side.sys, "stdin", SimpleNamespace(read=lambda: input))
        status = side.main()
        return SimpleNamespace(returncode=status, stderr=capsys.readouterr().err)

    monkeypatch.setattr("noisegrid.divergence.judge.subprocess.run", in_process)
    assert main.main(["diverge", *arguments]) == code
    said = capsys.readouterr().err.strip()
    assert sentence in said
    assert "\n" not in said


@pytest.fixture(scope="module")
def traces(tmp_path_factory, datasets) -> dict[str, Path]:
    """Traces of three steps of a task with dropout and augmentation, each with one change."""
    folder, found = tmp_path_factory.mktemp("traces"), {}
    changes = ("none=", "init=1", "order=1", "augment=1", "dropout=1", "learning_rate=0.02", "threads=2", "one_ulp=1")
    for change in changes:
        name = change.split("=")[0]
        given = [] if name == "none" else ["--a", change]
        found[name] = folder / f"{name}.trace"
        done = noisegrid(
            *("diverge", "--task", "smallcnn_dropout-digits", *given, "--steps", 3, "--dump", found[name]),
            *("--datasets", datasets),
        )
        assert done.returncode == 0, done.stdout
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("init", r"before the first step, the weights differ \(0\.weight.*; init 0 against init 1"),
        ("order", r"from step 0 on, the batches differ: the same examples come in another order; order 0 .* order 1"),
        (
            "augment",
            r"from step 0 on, the batches differ: the same examples have other inputs .*; augment 0 .* augment 1",
        ),
        ("dropout", r"step 0, forward of `\d+`: `.*` drew other random numbers .*; dropout 0 against dropout 1"),
        ("learning_rate", r"from step 0 on, the settings of the optimiser differ \(lr\); .* learning_rate=0\.02"),
        ("one_ulp", r"before the first step, the weights differ \([^,]*\)"),
        # on some processors, none of the sampled values differs, and the sentence has no distance in ULP
        ("threads", r"step 0, .*`.*` gave .* from equal inputs; (.* ULP .*; )?threads 1 against threads 2"),
    ],
)
def test_each_source_is_told_apart_in_words(traces, capsys, change, words):
    assert main.main(["diverge", str(traces["none"]), str(traces[change])]) == 3
    assert re.match(words, capsys.readouterr().out.splitlines()[0])


@pytest.mark.slow
def test_two_records_are_replayed(finished, datasets, tmp_path):
    replicates = sorted(finished.glob("results/*/replicates/cpu/*/control/*/record.json"))[:2]
    done = noisegrid("diverge", replicates[0].parent, replicates[1], "--steps", 3, "--datasets", datasets)
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("no divergence in 3 steps")


def test_the_step_of_the_docs_fits_the_contract(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/diverge.md").read_text(), re.DOTALL)
    (tmp_path / "documented_step.py").write_text(next(block for block in blocks if "def step(state)" in block))
    side.fulfil(Request(Subject("step", "documented_step:step"), steps=2, output="x.trace"))
    found = trace.read(Path("x.trace"))
    assert (len(found.states), sorted(found.states[0].parts["batch"])) == (3, ["inputs"])
    assert {one.part for one in found.operations} == {"forward", "backward", "optimiser"}


def test_a_dataset_that_is_not_there_is_one_sentence(tmp_path):
    """As a record needs it too: its dataset is opened by the same call."""
    subject = Subject("task", "smallcnn-digits", datasets=str(tmp_path / "none"))
    with pytest.raises(NoisegridError, match="digits") as error:
        side.fulfil(Request(subject, steps=2, output=str(tmp_path / "x.trace")))
    assert "\n" not in str(error.value)
    assert not (tmp_path / "x.trace").exists()
