"""The artifact-evaluation package: whole, the same bytes twice, and nothing in it can be changed unseen."""

import json
import os
import random
import re
import shutil
import stat
import warnings
import zipfile
from collections.abc import Collection
from pathlib import Path

import pytest
import rocrate
from conftest import ROOT, noisegrid, snakemake
from factories import forged
from forgeries import FORGERIES, edit_text

from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import sha256
from noisegrid.crate import archive, check_contents, check_metrics, check_products, verify
from noisegrid.crate.crate import CHECKSUMS, METADATA, open_crate
from noisegrid.crate.csv_differences import differences, same, words_of


def checked(path: Path, place: Path, checks: Collection[str] = verify.CHECKS) -> list[str]:
    """Return what verify finds; by some of its checks only, where the others have nothing to do with the matter."""
    place.mkdir(parents=True, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verify, "CHECKS", {name: check for name, check in verify.CHECKS.items() if name in checks})
        return verify.verify(open_crate(path, place))


@pytest.mark.slow
class TestWhole:
    def test_a_package_is_the_same_bytes_when_it_is_made_again(self, package, tmp_path):
        work = Path(shutil.copytree(package.parents[2], tmp_path / "work"))
        for path in work.rglob("*"):
            os.utime(path, (1_000_000_000, 1_000_000_000), follow_symlinks=False)
        (work / "results/pair/pair.crate.zip").unlink()
        done = snakemake(work, "package", study="pair.yaml")
        assert done.returncode == 0 and "Made: results/pair/pair.crate.zip" in done.stdout, done.stdout
        assert (work / "results/pair/pair.crate.zip").read_bytes() == package.read_bytes()

    def test_verify_needs_no_torch_and_says_same(self, package, tmp_path):
        (tmp_path / "torch.py").write_text("raise ImportError('torch is not here')\n")
        path = f"{tmp_path}:{ROOT / 'workflow'}"
        done = noisegrid("verify", package, PYTHONPATH=path)
        assert done.returncode == 0 and "pair.crate.zip: same" in done.stdout, done.stdout
        assert len(re.findall(r"^[a-z, ]+ same  ", done.stdout, re.M)) == len(verify.CHECKS), done.stdout
        assert "figures drawn again" in done.stdout
        assert "rows were not, because they require the weights, which the crate leaves out" in done.stdout
        assert "\nnote: not computed again, because the crate leaves out the weights: l2_" in done.stdout

    def test_weights_are_in_it_when_asked_for_and_counted_again(self, package, tmp_path):
        work = Path(shutil.copytree(package.parents[2], tmp_path / "work"))
        assert snakemake(work, "package", study="pair.yaml", package_weights=True).returncode == 0
        heavy = work / "results/pair/pair.crate.zip"
        assert heavy.stat().st_size > package.stat().st_size
        done = noisegrid("verify", heavy)
        assert done.returncode == 0 and "require the weights" not in done.stdout, done.stdout

    def test_a_partly_finished_study_is_packaged_as_far_as_it_is(self, package, tmp_path):
        work = Path(shutil.copytree(package.parents[2], tmp_path / "work"))
        for name in (
            "chunks",
            "cells",
            "tables",
            "figures",
            "metrics.csv",
            "findings.md",
            "findings.html",
            "findings.rst",
            "report.html",
            "provenance.html",
        ):
            place = work / "results/pair" / name
            shutil.rmtree(place) if place.is_dir() else place.unlink()
        shutil.rmtree(work / "results/pair/replicates/cpu/short-digits/algo/2")
        assert snakemake(work, "package", study="pair.yaml").returncode == 0
        done = noisegrid("verify", work / "results/pair/pair.crate.zip")
        assert done.returncode == 0 and "partly finished" in done.stdout, done.stdout
        assert "note: the study is partly finished: 6 replicates are in no chunk file" in done.stdout
        for part in ("metrics", "tables, claims", "findings", "figures"):
            assert f"\n{part:16}not in this crate\n" in done.stdout, done.stdout
        last = done.stdout.splitlines()[-1]
        assert (
            ": same, as far as this partly finished crate goes: it has no metrics, tables, claims, findings, figu"
            in last
        )

    def test_the_unpacked_checksums_are_those_of_sha256sum(self, package, tmp_path):
        archive.unpack(package, tmp_path / "out")
        stated = dict(reversed(line.split("  ")) for line in (tmp_path / "out" / CHECKSUMS).read_text().splitlines())
        assert stated["noisegrid.json"] == sha256(tmp_path / "out/noisegrid.json")
        assert not any("site.yaml" in name and "example" not in name for name in stated)


@pytest.fixture
def vocabulary(monkeypatch) -> None:
    """The validator fetches JSON-LD contexts, which takes a network. Stand-in: the library's own copy, which is that of
    RO-Crate 1.3, with the four terms that RO-Crate 1.1 mapped elsewhere, and the two terms of Workflow Run."""
    from rocrate_validator.utils.http import HttpRequester

    context = json.loads((Path(rocrate.__file__).parent / "data/ro-crate.jsonld").read_text())
    bioschemas, terms = "https://bioschemas.org/", "https://w3id.org/ro/terms/workflow-run#"
    context["@context"] |= {name: bioschemas + name for name in ("ComputationalWorkflow", "FormalParameter")}
    context["@context"] |= {name: f"{bioschemas}ComputationalWorkflow#{name}" for name in ("input", "output")}
    run = {"@context": {name: terms + name for name in ("containerImage", "ContainerImage")}}

    class Answer:
        status_code, text, headers = 200, "", {"Content-Type": "application/ld+json"}

        def __init__(self, url: str) -> None:
            self.url = url

        def json(self) -> dict:
            return run if "workflow-run" in self.url else context

    for verb in ("get", "head"):
        monkeypatch.setattr(HttpRequester, verb, lambda _, url, **__: Answer(url), raising=False)


@pytest.mark.slow
@pytest.mark.parametrize("broken", [False, True])
def test_it_is_a_workflow_run_crate(package, tmp_path, vocabulary, broken):
    """By the profile's own validator; without a licence it is none."""
    from rocrate_validator import models, services

    def edit(folder: Path) -> None:
        document = json.loads((folder / METADATA).read_text())
        root = next(entity for entity in document["@graph"] if entity["@id"] == "./")
        del root["license"]
        (folder / METADATA).write_text(json.dumps(document))

    path = forged(package, tmp_path, edit) if broken else package
    settings = services.ValidationSettings(
        rocrate_uri=str(path),
        profile_identifier="workflow-run-crate-0.5",
        requirement_severity=models.Severity.REQUIRED,
    )
    issues = [issue.message for issue in services.validate(settings).get_issues()]
    assert any("license" in issue for issue in issues) if broken else not issues, issues


WHOLE = {
    *("a logit", "a record", "a number of a cell", "a number of metrics.csv", "a timing", "a number of a table"),
    *("a finding", "the description"),
    *(name for name in FORGERIES if "figure" in name),
}


@pytest.mark.slow
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forgery_is_found_and_named(package, tmp_path, forgery):
    edit, named = FORGERIES[forgery]
    checks = verify.CHECKS if forgery in WHOLE else verify.CHECKS.keys() - {"figures"}
    wrong = checked(forged(package, tmp_path, edit), tmp_path / "check", checks)
    assert any(re.search(named, line) for line in wrong), "\n".join(wrong) or "nothing was found"
    assert not list(tmp_path.rglob("executed"))


@pytest.mark.slow
def test_what_is_made_from_wrong_numbers_is_not_judged(package, tmp_path, capsys):
    """One edited number is one difference: the honest tables, findings and figures are not accused."""
    edit, _ = FORGERIES["a number of metrics.csv"]
    (wrong,) = checked(forged(package, tmp_path, edit), tmp_path / "check")
    assert wrong.startswith("metrics.csv: pair cpu short-digits algo churn all: value is 0.01 in the crate, but ")
    assert len(re.findall(r"^(?:tables, claims|findings|figures) +not judged ", capsys.readouterr().out, re.M)) == 3


@pytest.mark.slow
def test_who_verifies_is_not_advised_to_repair_a_study(package, tmp_path):
    path = forged(package, tmp_path, FORGERIES["a record"][0])
    (wrong,) = checked(path, tmp_path / "check", ("records",))
    assert wrong.endswith("record.json was edited: its digest does not match its content")


@pytest.mark.slow
def test_the_readme_lists_what_the_package_has(package, tmp_path):
    archive.unpack(package, tmp_path / "out")
    listed = re.findall(r"^- ([\w.-]+)/?", (tmp_path / "out/README.md").read_text(), re.M)
    assert {*listed, "README.md"} == {path.name for path in (tmp_path / "out").iterdir()}


@pytest.mark.slow
def test_nothing_forged_is_the_same(package, tmp_path):
    """The forger's own tool changes nothing that is looked at."""
    assert checked(forged(package, tmp_path, lambda _: None), tmp_path / "check") == []


@pytest.mark.slow
def test_any_byte_of_any_file_is_missed_by_nobody(package, tmp_path):
    """A byte of a random file is changed, and nothing else: the file is named."""
    choice = random.Random(20220829)
    archive.unpack(package, tmp_path / "out")
    files = {str(path.relative_to(tmp_path / "out")): path for path in (tmp_path / "out").rglob("*") if path.is_file()}
    for name in choice.sample(sorted(name for name, path in files.items() if path.stat().st_size), 25):
        data = files[name].read_bytes()
        place = choice.randrange(len(data))
        files[name].write_bytes(data[:place] + bytes([data[place] ^ (1 << choice.randrange(8))]) + data[place + 1 :])
        archive.write(files, tmp_path / "changed.zip")
        folder = tmp_path / name.replace("/", "-")
        folder.mkdir()
        try:
            found = list(check_contents.checksums(open_crate(tmp_path / "changed.zip", folder))[1])
        except NoisegridError as error:
            found = [str(error)]
        assert any(name in line for line in found), (name, place, found)
        files[name].write_bytes(data)
        shutil.rmtree(folder)


def test_any_byte_of_the_archive_is_missed_by_nobody(tmp_path):
    """Every byte of a small zip, headers and all."""
    for name, content in {"a.txt": b"hello", "b.bin": bytes(range(100)), "empty": b""}.items():
        (tmp_path / name).write_bytes(content)
    archive.write({f"x/{path.name}": path for path in tmp_path.iterdir()}, tmp_path / "whole.zip")
    data, choice = (tmp_path / "whole.zip").read_bytes(), random.Random(1)
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1 << choice.randrange(8)
        (tmp_path / "changed.zip").write_bytes(changed)
        folder = tmp_path / "out"
        try:
            damage = archive.unpack(tmp_path / "changed.zip", folder)
            assert damage or not archive.is_as_written(tmp_path / "changed.zip", folder), f"byte {place}"
        except NoisegridError:
            pass
        shutil.rmtree(folder, ignore_errors=True)


def zipped(path: Path, name: str, content: bytes = b"evil", mode: int = stat.S_IFREG | 0o644, **info: object) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        entry = zipfile.ZipInfo(name, archive.DATE)
        entry.external_attr, entry.create_system = mode << 16, 3
        for key, value in info.items():
            setattr(entry, key, value)
        file.writestr(entry, content)
    return path


@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "/evil", "C:/evil", "..\\evil", "a//b", "./a", "a\nb", "../"]
)
def test_a_path_that_leaves_the_folder_is_not_opened(tmp_path, name):
    path = zipped(tmp_path / "evil.zip", name)
    with pytest.raises(NoisegridError, match="does not name a file inside the crate"):
        archive.unpack(path, tmp_path / "in" / "out")
    assert [file.name for file in tmp_path.rglob("*")] == ["evil.zip"]


def test_links_bombs_and_doubles_are_not_opened(tmp_path):
    link = zipped(tmp_path / "link.zip", "link", b"/etc/passwd", stat.S_IFLNK | 0o777)
    bomb = zipped(tmp_path / "bomb.zip", "bomb", bytes(10_000_000), compress_type=zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(tmp_path / "twice.zip", "w") as file:
        for name in ("a", "a"):
            entry = zipfile.ZipInfo(name, archive.DATE)
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            with warnings.catch_warnings(action="ignore"):
                file.writestr(entry, "x")
    for path, why in ((link, "is a link"), (bomb, "is compressed"), (tmp_path / "twice.zip", "contains a twice")):
        with pytest.raises(NoisegridError, match=why):
            archive.unpack(path, tmp_path / "out")
    (tmp_path / "no.zip").write_text("no zip at all")
    with pytest.raises(NoisegridError, match="cannot be opened as a crate"):
        archive.unpack(tmp_path / "no.zip", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_zip_that_is_no_package_is_named(tmp_path):
    (tmp_path / "a").write_text("a")
    archive.write({"a": tmp_path / "a"}, tmp_path / "other.zip")
    done = noisegrid("verify", tmp_path / "other.zip")
    assert done.returncode == 1 and "is not a noisegrid crate: it has no noisegrid.json" in done.stdout


@pytest.mark.slow
def test_a_design_that_leaves_the_folder_is_refused(package, tmp_path):
    path = forged(package, tmp_path, edit_text("noisegrid.json", '"hardware": "cpu"', '"hardware": "../../x"'))
    with pytest.raises(NoisegridError, match=r"noisegrid.json: cells\[0\].hardware"):
        open_crate(path, tmp_path)


@pytest.mark.slow
def test_a_version_that_would_move_the_cursor_is_refused(package, tmp_path):
    path = forged(package, tmp_path, edit_text("noisegrid.json", '"noisegrid": "', r'"noisegrid": "\\u001b[8m'))
    with pytest.raises(NoisegridError, match=r"noisegrid\.json: noisegrid: "):
        open_crate(path, tmp_path)


@pytest.mark.slow
def test_another_matplotlib_is_told_and_is_no_same(package, tmp_path, capsys):
    path = forged(package, tmp_path, edit_text("noisegrid.json", r'"matplotlib": "[^"]*"', '"matplotlib": "3.0.0"'))
    (tmp_path / "check").mkdir()
    looked_at = open_crate(path, tmp_path / "check")
    verify.verify(looked_at)
    assert "not compared: another version of Matplotlib" in capsys.readouterr().out
    assert any(note.startswith("FIGURES WERE NOT COMPARED: Matplotlib 3.0.0 drew them, ") for note in looked_at.notes)
    assert verify._verdict(looked_at, [], None) == "same, but figures were not confirmed, see above"


class TestQuoted:
    def said(self, tmp_path: Path, old: str, new: str) -> list[str]:
        """What is said of two texts."""
        (tmp_path / "old.md").write_text(old)
        (tmp_path / "new.md").write_text(new)
        return list(check_products._said(tmp_path / "old.md", tmp_path / "new.md", "t.md"))

    def test_the_whole_cell_of_a_table(self, tmp_path):
        found = self.said(tmp_path, "| a b | not reproduced | c |", "| a b | not decided | c |")
        assert found == ["t.md says 'not reproduced', but 'not decided' is computed"]
        found = self.said(tmp_path, "| a b | reproduced | c |", "| a b | reproduced on cpu | c |")
        assert found == ["t.md says 'reproduced', but 'reproduced on cpu' is computed"]

    def test_the_words_around_in_a_text(self, tmp_path):
        words = " ".join(f"w{number}" for number in range(20))
        (found,) = self.said(tmp_path, f"{words} one {words}", f"{words} two {words}")
        around = "w12 w13 w14 w15 w16 w17 w18 w19 {} w0 w1 w2 w3 w4 w5 w6 w7"
        assert found == f"t.md says {around.format('one')!r}, but {around.format('two')!r} is computed"

    def test_nothing_of_equal_texts(self, tmp_path):
        assert self.said(tmp_path, "a | --- b", "a |\n b") == []


class TestNumbers:
    def test_rounding_is_no_difference_and_the_next_digit_is(self):
        assert same("1.23456789", "1.23456780") and same("", "") and same("0", "-1e-09")
        assert not same("1.2345", "1.2346") and not same("", "0") and not same("yes", "no")

    def test_rows_are_named_by_their_words(self):
        old, new = "noise,group,value\nalgo,a,1.5\nalgo,b,2\n", "noise,group,value\nalgo,a,1.6\nimpl,b,2\n"
        keys = words_of(new)
        assert keys == ["noise", "group"]
        assert sorted(differences(old, new, keys, "t.csv")) == [
            "t.csv: algo a: value is 1.5 in the crate, but is computed as 1.6",
            "t.csv: algo b is in the crate, but is not computed again",
            "t.csv: impl b is computed, but is not in the crate",
        ]


@pytest.mark.slow
def test_a_metric_that_only_one_file_lacks_counts_whatever_the_code(package, tmp_path, monkeypatch):
    """Later code adds a metric to all files, so it excuses no single one."""
    crate = open_crate(package, tmp_path)
    path = Path(crate.paths.task_metrics("cpu", "short-digits"))
    other = tmp_path / "another.csv"
    other.write_text(path.read_text())
    path.write_text("".join(line for line in path.open() if ",churn," not in line))
    monkeypatch.setattr(type(crate), "has_code_of_here", False)
    assert list(check_metrics.recount(crate)[1]) == [] and crate.unconfirmed == ["some metrics"]
    monkeypatch.setattr(type(crate), "metrics_files", [path, other])
    wrong = list(check_metrics.recount(crate)[1])
    assert any("churn all is computed, but is not in the crate" in sentence for sentence in wrong), wrong


@pytest.mark.slow
def test_all_differences_are_counted_and_the_first_are_named(monkeypatch, tmp_path, capsys, package):
    crate = open_crate(package, tmp_path)
    monkeypatch.setattr(verify, "PROBLEMS", 2)
    monkeypatch.setattr(verify, "CHECKS", {"records": lambda _: ("5 records", iter("abcde"))})
    wrong = verify.verify(crate)
    assert wrong == ["a", "b"] and "  - b\n  - and 3 more\n" in capsys.readouterr().out
    assert verify._verdict(crate, wrong, None) == "DIFFERENT: 5 differences, see above; the first: a"
