"""The metrics.csv of PyTorch Lightning, with the seed in the hparams.yaml beside it."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisegrid.reading import formats, lightning
from noisegrid.reading.runs import CannotJudge
from noisegrid.reading.sides import read_side
from noisegrid.reading.table import Choice

HISTORY = "epoch,step,val_acc\n0,1,0.25\n1,2,0.5\n"


def write(folder, settings: str | bytes, history=HISTORY) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.csv").write_text(history)
    (folder / "hparams.yaml").write_bytes(settings if isinstance(settings, bytes) else settings.encode())
    return str(folder / "metrics.csv")


def seeds(path, seed=None):
    runs = read_side([path], Choice("val_acc", seed))
    assert runs.values.tolist() == [0.5]
    return runs.seeds


@pytest.mark.parametrize(
    "settings",
    [
        "lr: 0.1\nseed: 3\noptimizer: sgd\n",
        "seed: 3",
        "random_seed: 3  # of this run\r\nlr: 0.1\r\n",
        "random_state: 7\nseed: 3\n",  # the clearest name first
    ],
)
def test_the_seed_of_a_run_is_in_its_settings(tmp_path, settings):
    assert seeds(write(tmp_path, settings)) == ("3",)


@pytest.mark.parametrize(
    "settings",
    [
        *("", "{}\n", "lr: 0.1\n", "seed: null\n", "seed: 0.5\n", "seed: [1, 2]\n", "seed: 010\n", "seed:3\n"),
        *("data:\n  seed: 3\n", "# seed: 3\n", "reseed: 3\n", "seed: &a 3\n", "seed: !!python/name:os.system 3\n"),
        *("note: |\n  seed: 3\n", "seed: 3\n  4\n", b"\xff\x00\xfe"),
    ],
)
def test_other_settings_have_no_seed(tmp_path, settings):
    assert seeds(write(tmp_path, settings)) is None


def test_a_seed_in_the_table_comes_first(tmp_path):
    path = write(tmp_path, "seed: 3\n", "params.seed,step,val_acc\n7,1,0.25\n7,2,0.5\n")
    assert seeds(path) == ("7",) and seeds(path, "params.seed") == ("7",)


def test_runs_of_both_sides_are_paired_by_their_settings(tmp_path):
    for seed in (5, 6):
        write(tmp_path / f"lightning_logs/version_{seed}", f"seed: {seed}\n")
    assert read_side([str(tmp_path)], Choice("val_acc")).seeds == ("5", "6")
    write(tmp_path / "lightning_logs/version_7", "{}\n")
    assert read_side([str(tmp_path)], Choice("val_acc")).seeds is None


def test_a_table_without_settings_or_with_another_name_is_csv(tmp_path):
    path = write(tmp_path, "seed: 3\n")
    assert formats.find(tmp_path / "metrics.csv") is lightning.FORMAT
    (tmp_path / "other.csv").write_text(HISTORY)
    assert formats.find(tmp_path / "other.csv").name == "CSV"
    (tmp_path / "hparams.yaml").unlink()
    (tmp_path / "hparams.yaml").mkdir()
    assert formats.find(tmp_path / "metrics.csv").name == "CSV" and seeds(path) is None


def test_huge_settings_are_refused(tmp_path):
    path = write(tmp_path, b"")
    with (tmp_path / "hparams.yaml").open("wb") as file:
        file.truncate(5_000_000_000)
    with pytest.raises(CannotJudge, match=r"hparams.yaml has 1,000,001 bytes or more \(limit: 1,000,000\)"):
        seeds(path)


@given(st.text(alphabet="seed: 0123\n\t#&*!-", max_size=40))
def test_a_seed_that_is_read_is_one_for_a_parser_too(tmp_path_factory, text):
    import yaml

    found = seeds(write(tmp_path_factory.mktemp("any"), f"seed: {text}"))
    try:
        values = yaml.safe_load(f"seed: {text}")
    except yaml.YAMLError:
        return
    assert found is None or found == (str(values["seed"]),)


def test_no_parser_is_imported(tmp_path):
    path = write(tmp_path, "seed: 3\n")
    script = (
        "import sys; from noisegrid.reading.sides import read_side; from noisegrid.reading.table import Choice; "
        f"assert read_side([{path!r}], Choice('val_acc')).seeds == ('3',); print('yaml' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
