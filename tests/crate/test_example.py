"""The crate in docs/results is accepted, also by later code, and what is changed in it is found."""

import lzma
import re
from pathlib import Path

import pytest
from conftest import ROOT, noisegrid
from factories import forged
from forgeries import edit_text

from noisegrid.crate.crate import Crate, open_crate
from noisegrid.crate.verify import CHECKS, verify

pytestmark = pytest.mark.slow

EXAMPLE = ROOT / "docs/results/example/example.crate.zip.xz"
RESULTS = "results/example"
CELLS = f"{RESULTS}/cells/cpu/brief_bn-digits.csv"


@pytest.fixture(scope="module")
def example(tmp_path_factory) -> Path:
    """The crate, no longer compressed."""
    path = tmp_path_factory.mktemp("example") / "example.crate.zip"
    path.write_bytes(lzma.decompress(EXAMPLE.read_bytes()))
    return path


def other_code(folder: Path) -> None:
    """Make the code in an unpacked crate that of another version."""
    with (folder / "code/workflow/noisegrid/__init__.py").open("a") as file:
        file.write("# another version\n")


def verified(path: Path, place: Path, checks: tuple[str, ...], monkeypatch) -> tuple[list[str], Crate]:
    """Return what some checks find, and the open crate."""
    place.mkdir()
    monkeypatch.setattr("noisegrid.crate.verify.CHECKS", {name: CHECKS[name] for name in checks})
    crate = open_crate(path, place)
    return verify(crate), crate


def test_it_is_verified():
    done = noisegrid("verify", EXAMPLE.relative_to(ROOT))
    assert done.returncode == 0, done.stdout
    last = done.stdout.splitlines()[-1]
    assert re.fullmatch(
        r"docs/results/example/example\.crate\.zip\.xz: same(, but .* not confirmed.*)? \(\d+ s\)", last
    )
    assert re.search(r"^records +same +15 replicates of 3 cells$", done.stdout, re.MULTILINE), done.stdout


def test_it_is_small():
    assert EXAMPLE.stat().st_size < 4_000_000


def test_a_flipped_byte_is_found(tmp_path, example):
    """In the committed file, and in the crate that it holds."""
    for source in (EXAMPLE, example):
        data = bytearray(source.read_bytes())
        data[len(data) // 2] ^= 1
        changed = tmp_path / source.name
        changed.write_bytes(data)
        done = noisegrid("verify", changed)
        assert done.returncode == 1, done.stdout
        assert re.search(r"is not an intact \.xz file|: DIFFERENT: \d+ differences", done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("check", "kind", "name", "pattern", "text"),
    [
        ("figures", "figures", f"{RESULTS}/figures/figure_1.svg", "</svg>", "<!-- --></svg>"),
        ("findings", "findings", f"{RESULTS}/findings.md", "exactly zero", "zero"),
        ("tables, claims", "tables", f"{RESULTS}/tables/claims.csv", "Batch", "A batch"),
    ],
)
def test_what_later_code_makes_otherwise_is_noted_and_does_not_count(
    tmp_path, example, monkeypatch, capsys, check, kind, name, pattern, text
):
    edit = edit_text(name, pattern, text)
    path = forged(example, tmp_path, lambda folder: (edit(folder), other_code(folder)))
    wrong, crate = verified(path, tmp_path / "later", (check,), monkeypatch)
    assert wrong == [] and crate.unconfirmed == [kind]
    assert re.search(rf"^{check} +other code ", capsys.readouterr().out, re.MULTILINE)
    (note,) = (note for note in crate.notes if note.startswith(f"THE {kind.upper()} WERE NOT CONFIRMED"))
    assert Path(name).name in note and f"verify the crate with {crate.writer}" in note
    # and with the same code, it counts
    monkeypatch.setattr(Crate, "has_words_of_here", True)
    wrong, crate = verified(path, tmp_path / "same", (check,), monkeypatch)
    assert wrong and crate.unconfirmed == []


def test_a_metric_that_later_code_adds_is_noted_and_does_not_count(tmp_path, example, monkeypatch):
    def edit(folder: Path) -> None:
        lines = (folder / CELLS).read_text().splitlines(keepends=True)
        kept = [line for line in lines if ",logit_correlation," not in line]
        assert len(kept) < len(lines)
        (folder / CELLS).write_text("".join(kept))
        other_code(folder)

    path = forged(example, tmp_path, edit)
    wrong, crate = verified(path, tmp_path / "later", ("metrics",), monkeypatch)
    assert wrong == [] and any(note.endswith("computes: logit_correlation") for note in crate.notes), crate.notes
    assert crate.unconfirmed == ["some metrics"]  # the last line says so
    monkeypatch.setattr(Crate, "has_code_of_here", True)
    wrong, _ = verified(path, tmp_path / "same", ("metrics",), monkeypatch)
    assert any("logit_correlation" in words and "is not in the crate" in words for words in wrong), wrong


def test_a_wrong_number_counts_whatever_the_code(tmp_path, example, monkeypatch):
    edit = edit_text(CELLS, r",churn,all,percent,8", ",churn,all,percent,7")
    path = forged(example, tmp_path, lambda folder: (edit(folder), other_code(folder)))
    (wrong,), _ = verified(path, tmp_path / "later", ("metrics",), monkeypatch)
    assert "churn all: value is 72.7638191 in the crate, but is computed as 82.7638191" in wrong
