"""`noisegrid audit` as a user types it."""

import json
import re
import shutil
from pathlib import Path

import pytest
from conftest import ROOT, noisegrid

from noisegrid.cli import main
from noisegrid.cli.audit import EXAMPLE
from noisegrid.common.schemas import check

SCRIPTS = Path(__file__).resolve().parent / "scripts"


@pytest.fixture
def own(tmp_path, monkeypatch) -> Path:
    """A folder with the scripts of a user, as the working directory."""
    shutil.copytree(SCRIPTS, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_finding_as_json(own):
    done = noisegrid("audit", "fixed_generator:train", "--json", cwd=own)
    assert done.returncode == 3, done.stdout
    found = json.loads(done.stdout)
    check(found, "audit", "--json")
    assert found["sentence"] == "fixed_generator:train, 9 steps: 1 finding"
    assert [one["rule"] for one in found["findings"]] == ["seed does not reach"]
    assert found["differs"]["order of the examples"]["other seed"] is False
    assert found["differs"]["initial weights"] == {
        "other seed": True, "same seeds": False, "PYTHONHASHSEED": False, "2 threads": False,
        "1 worker": False, "2 workers": False,
    }  # fmt: skip
    assert found["differs"]["dropout masks"]["other seed"] is None


def test_a_finding_can_be_accepted(own):
    done = noisegrid("audit", "fixed_generator:train", "--ignore", "seed does not reach", cwd=own)
    assert done.returncode == 0, done.stdout


def test_the_example_prints_what_the_page_shows(own):
    page = (ROOT / "docs/audit.md").read_text()
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    shown = re.search(r"```text\n\$ noisegrid (.*?)\n(.*?)```", page, re.DOTALL)
    assert code and shown
    (own / "my_module.py").write_text(code.group(1))
    command = EXAMPLE.split()[1:]
    assert shown.group(1).split() == command
    done = noisegrid(*command, cwd=own)
    assert done.returncode == 3, done.stdout
    assert done.stdout == shown.group(2)


@pytest.mark.parametrize(
    ("arguments", "sentence", "code"),
    [
        (["train"], "'train' is not of the form package.module:function", 2),
        (["own_train:train", "--steps", "1"], "--steps: 1 is too few; write 2 or more", 2),
        (["own_train:train", "--timeout", "0"], "--timeout: 0 is no time", 2),
        (
            ["own_train:train", "--ignore", "drop-last"],
            "--ignore: unknown rule 'drop-last'; did you mean 'drop_last'",
            2,
        ),
        (["missing:train"], "function missing:train: cannot be imported", 6),
        (["own_train:train"], "own_train:train has no argument `seed`, and none that ends with `_seed`; add one", 6),
        (["own_train:needs_more"], "own_train:needs_more needs the argument `rate`, which is no seed; give it a", 6),
        (["own_train:fails"], "own_train:fails failed at own_train.py:10: ValueError: no such column; correct it", 6),
        (["own_train:without_step"], "no optimiser of torch.optim took a step, so nothing can be judged", 6),
        (["own_train:endless", "--timeout", "1"], "own_train:endless did not end in 1 s; raise --timeout", 6),
    ],
)
def test_bad_input_is_one_sentence(tmp_path, monkeypatch, capsys, arguments, sentence, code):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_train.py").write_text(
        "import time\n\ndef train(number):\n    pass\n\ndef needs_more(seed, rate):\n    pass\n\n"
        "def fails(seed):\n    raise ValueError('no such column')\n\n"
        "def without_step(seed):\n    pass\n\ndef endless(seed):\n    time.sleep(100)\n"
    )
    assert main.main(["audit", *arguments]) == code
    said = capsys.readouterr().err.strip()
    assert sentence in said
    assert "\n" not in said
