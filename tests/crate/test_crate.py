"""The artifact-evaluation package: whole, the same bytes twice, and nothing in it can be changed unseen."""

import json
import os
import random
import re
import shutil
import stat
import warnings
import zipfile
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import pytest
import rocrate
from conftest import ROOT, noisegrid, snakemake

from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import sha256
from noisegrid.common.schemas import catalog
from noisegrid.crate import archive, check_contents, rerun, verify
from noisegrid.crate.crate import CHECKSUMS, METADATA, open_crate
from noisegrid.crate.csv_differences import differences, same, words_of
from noisegrid.records import record
from noisegrid.study.seeds import derive_seeds
from noisegrid.study.study import digest

STUDY = """
name: pair
seed: {seed}
cells:
  - {{hardware: [cpu], tasks: [short-digits], noise: [algo, control], replicates: 3}}
overhead:
  - {{hardware: [cpu], networks: [smallcnn], arms: [default, deterministic], size: 16, batch_size: 2, blocks: 6,
      steps: 2}}
tasks:
  short-digits: {{like: smallcnn-digits, epochs: 1, schedule: []}}
"""
RESULTS = "results/pair/"
ALGO = f"{RESULTS}replicates/cpu/short-digits/algo/"


def packed(folder: Path, seed: int = 1) -> Path:
    """Run the study in a folder, and package it as a user does."""
    (folder / "pair.yaml").write_text(STUDY.format(seed=seed))
    for target in ((), ("package",)):
        done = snakemake(folder, *target, study="pair.yaml")
        assert done.returncode == 0, done.stdout
    assert re.search(r"^replicates +18 files +\d+\.\d\d MB$", done.stdout, re.M), done.stdout
    return folder / "results/pair/pair.crate.zip"


@pytest.fixture(scope="session")
def package(once) -> Path:
    """The package of a finished study of two cells. Read only."""
    return once("packed", packed) / "results/pair/pair.crate.zip"


def checked(path: Path, place: Path, checks: Collection[str] = verify.CHECKS) -> list[str]:
    """Return what verify finds; by some of its checks only, where the others have nothing to do with the matter."""
    place.mkdir(parents=True, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verify, "CHECKS", {name: check for name, check in verify.CHECKS.items() if name in checks})
        return verify.verify(open_crate(path, place))


def forged(package: Path, place: Path, edit: Callable[[Path], object]) -> Path:
    """The package with its files edited, and every checksum made to fit again: what a careful forger would do."""
    folder = place / "forged"
    archive.unpack(package, folder)
    edit(folder)
    files = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
    document = json.loads(files[METADATA].read_text())
    for entity in document["@graph"]:
        if "sha256" in entity and (path := files.get(entity["@id"])):
            entity["sha256"], entity["contentSize"] = sha256(path), str(path.stat().st_size)
    files[METADATA].write_text(json.dumps(document))
    sums = [f"{sha256(path)}  {name}\n" for name, path in files.items() if name != CHECKSUMS]
    files[CHECKSUMS].write_text("".join(sums))
    archive.write(files, place / "forged.zip")
    return place / "forged.zip"


def rewrite_record(folder: Path, change: Callable[[dict], object]) -> None:
    """Edit a record, and make its own checksums fit."""
    path = folder / "record.json"
    document = json.loads(path.read_text())
    change(document)
    for name in document["files"]:
        if (folder / name).exists():
            document["files"][name] = record._fingerprint(folder / name)
    document.pop("record_digest")
    document["record_digest"] = digest(document)
    path.write_text(json.dumps(document, indent=1) + "\n")


@pytest.mark.slow
class TestWhole:
    def test_a_package_is_the_same_bytes_when_it_is_made_again(self, package, tmp_path):
        work = Path(shutil.copytree(package.parents[2], tmp_path / "work"))
        for path in work.rglob("*"):
            os.utime(path, (1_000_000_000, 1_000_000_000), follow_symlinks=False)
        (work / "results/pair/pair.crate.zip").unlink()
        assert snakemake(work, "package", study="pair.yaml").returncode == 0
        assert (work / "results/pair/pair.crate.zip").read_bytes() == package.read_bytes()

    def test_verify_needs_no_torch_and_says_same(self, package, tmp_path):
        (tmp_path / "torch.py").write_text("raise ImportError('torch is not here')\n")
        path = f"{tmp_path}:{ROOT / 'workflow'}"
        done = noisegrid("verify", package, PYTHONPATH=path)
        assert done.returncode == 0 and "pair.crate.zip: same" in done.stdout, done.stdout
        assert len(re.findall(r"^[a-z, ]+ same  ", done.stdout, re.M)) == len(verify.CHECKS), done.stdout
        assert "figures drawn again" in done.stdout
        assert "rows were not, because they require the weights, which the crate leaves out" in done.stdout

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
            "batches",
            "cells",
            "tables",
            "figures",
            "metrics.csv",
            "findings.md",
            "findings.html",
            "findings.rst",
            "report.html",
        ):
            place = work / "results/pair" / name
            shutil.rmtree(place) if place.is_dir() else place.unlink()
        shutil.rmtree(work / "results/pair/replicates/cpu/short-digits/algo/2")
        assert snakemake(work, "package", study="pair.yaml").returncode == 0
        done = noisegrid("verify", work / "results/pair/pair.crate.zip")
        assert done.returncode == 0 and "partly finished" in done.stdout, done.stdout
        assert "note: the study is partly finished: 6 replicates are in no batch file" in done.stdout

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


def edit_text(name: str, pattern: str, new: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        text = (folder / name).read_text()
        assert re.search(pattern, text), f"{pattern} is not in {name}"
        (folder / name).write_text(re.sub(pattern, new, text, count=1))

    return edit


def swap(folder: Path) -> None:
    place = folder / ALGO
    for old, new in (("0", "x"), ("1", "0"), ("x", "1")):
        (place / old).rename(place / new)


def swap_and_say_so(folder: Path) -> None:
    """Swapped, with records that claim the other number."""
    swap(folder)
    for number in (0, 1):
        rewrite_record(folder / ALGO / str(number), lambda document, n=number: document.update(replicate=n))


def batch_of(folder: Path) -> Path:
    return next((folder / RESULTS).glob("batches/cpu/short-digits/*.json"))


def other_run(folder: Path, seeds: dict[str, int] | None = None) -> None:
    """Replicate 1 is replicate 0 under another number, as its batch file lists it too."""
    shutil.rmtree(folder / ALGO / "1")
    shutil.copytree(folder / ALGO / "0", folder / ALGO / "1")
    claims = {"replicate": 1, **({"seeds": seeds} if seeds else {})}
    rewrite_record(folder / ALGO / "1", lambda document: document.update(claims))
    batch = batch_of(folder)
    document = json.loads(batch.read_text())
    listed = document["cells"]["algo"]["weight_hashes"]
    listed["1"] = listed["0"]
    batch.write_text(json.dumps(document))


def better_predictions(folder: Path) -> None:
    """One logit, with a record that fits."""
    place = folder / ALGO / "0"
    with np.load(place / "predictions.npz") as found:
        arrays = dict(found)
    arrays["logits"] = np.eye(10, dtype=np.float32)[arrays["label"]]
    np.savez(place / "predictions.npz", **arrays)
    rewrite_record(place, lambda _: None)


def pickled_predictions(folder: Path) -> None:
    """Arrays of Python objects: numpy would run what they say."""
    place = folder / ALGO / "0"
    np.savez(place / "predictions.npz", allow_pickle=True, label=np.array([Bomb(folder)], dtype=object))
    rewrite_record(place, lambda _: None)


def compressed_predictions(folder: Path) -> None:
    place = folder / ALGO / "0"
    with np.load(place / "predictions.npz") as found:
        arrays = dict(found)
    np.savez_compressed(place / "predictions.npz", **arrays)
    rewrite_record(place, lambda _: None)


class Bomb:
    """Unpickled, it leaves a file."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder.parent / "executed")

    def __reduce__(self) -> tuple:
        return (Path(self.path).touch, ())


def double_a_column(folder: Path) -> None:
    """A second `value` column with the truth: one reader would take the first, another the last."""
    path = folder / RESULTS / "metrics.csv"
    head, *lines = path.read_text().splitlines()
    columns = head.split(",")
    place = columns.index("value")
    fields = [line.split(",") for line in lines]
    doubled = [",".join([*row[:place], "0.001", *row[place + 1 :], row[place]]) for row in fields]
    path.write_text("\n".join([f"{head},value", *doubled]) + "\n")


def edit_bytes(name: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        data[len(data) // 2] ^= 1
        (folder / name).write_bytes(data)

    return edit


def other_labels(folder: Path, label: int = 3) -> None:
    place = folder / ALGO / "0"
    with np.load(place / "predictions.npz") as found:
        arrays = dict(found)
    arrays["label"][0] = label if arrays["label"][0] != label else label + 1
    np.savez(place / "predictions.npz", **arrays)
    rewrite_record(place, lambda _: None)


def edit_history(folder: Path) -> None:
    path = folder / ALGO / "0/history.csv"
    head, line = path.read_text().splitlines()
    epoch, rate, _, seconds = line.split(",")
    path.write_text(f"{head}\n{epoch},{rate},0.001,{seconds}\n")
    rewrite_record(folder / ALGO / "0", lambda _: None)


def forget_a_replicate(folder: Path) -> None:
    """The worst run is taken out of the folders and out of the batch file."""
    shutil.rmtree(folder / ALGO / "2")
    document = json.loads(batch_of(folder).read_text())
    del document["cells"]["algo"]["weight_hashes"]["2"]
    batch_of(folder).write_text(json.dumps(document))


def look_elsewhere(folder: Path) -> None:
    """A record that lists a file of the reader's."""
    path = folder / ALGO / "0/record.json"
    document = json.loads(path.read_text())
    document["files"]["/etc/passwd"] = record._fingerprint(Path("/etc/passwd"))
    document.pop("record_digest")
    path.write_text(json.dumps({**document, "record_digest": digest(document)}))


def another_figure(folder: Path) -> None:
    place = folder / RESULTS / "figures"
    shutil.copy(place / "figure_6.png", place / "figure_1.png")


#: What a forger might do, and how it is named. Every one with all checksums made to fit.
FORGERIES = {
    "a number of a table": (
        edit_text(f"{RESULTS}tables/noise.csv", r"(?m)^(cpu,short-digits,algo,3,)\d+", r"\g<1>99"),
        r"tables/noise.csv: cpu short-digits algo: accuracy_percent is 99\S* in the crate, but is computed as \d",
    ),
    "a number of a printed table": (
        edit_text(f"{RESULTS}tables/noise.tex", r"algo & 3 & \d+", "algo & 3 & 99"),
        r"tables/noise.tex says '99\S*', but '\S+' is computed",
    ),
    "a number on a cell's page": (
        edit_text(f"{RESULTS}tables/cells/cpu.short-digits.html", r"<td>\d+\.\d+<br>", "<td>99.9<br>"),
        r"tables/cells/cpu.short-digits.html says '99.9",
    ),
    "a verdict": (
        edit_text(f"{RESULTS}tables/claims.csv", r"not measured here", "reproduced"),
        r"tables/claims.csv: ",
    ),
    "a number of metrics.csv": (
        edit_text(f"{RESULTS}metrics.csv", r"(algo,churn,all,percent,)[^,]+", r"\g<1>0.01"),
        r"metrics.csv: pair cpu short-digits algo churn all: value is 0.01 in the crate",
    ),
    "a number of a cell": (
        edit_text(f"{RESULTS}cells/cpu/short-digits/algo.csv", r"(algo,churn,all,percent,)[^,]+", r"\g<1>0.01"),
        r"cells/cpu/short-digits/algo.csv: cpu short-digits algo churn all: value is 0.01",
    ),
    "a timing": (
        edit_text(f"{RESULTS}overhead.csv", r",step,", ",stepp,"),
        r"overhead.csv: ",
    ),
    "a finding": (
        edit_text(f"{RESULTS}findings.md", r"1 of 1 control", "0 of 1 control"),
        r"findings.md says '0', but '1' is computed",
    ),
    "a figure": (another_figure, r"figures/figure_1.png differs from the figure drawn again"),
    "a logit": (
        better_predictions,
        r"algo.csv: cpu short-digits algo accuracy replicate 0: value is \S+ in the crate",
    ),
    "two replicates swapped": (swap, r"replicate 0 of cpu/short-digits/algo is replicate 1 of .*swapped"),
    "two replicates swapped, with records": (
        swap_and_say_so,
        r"replicate 0 of cpu/short-digits/algo does not have the seeds of its number",
    ),
    "one run counted twice": (other_run, r"replicate 1 of cpu/short-digits/algo does not have the seeds of its number"),
    "a replicate taken away": (
        lambda folder: shutil.rmtree(folder / ALGO / "2"),
        r"replicate 2 of cpu/short-digits/algo is missing, although the batch file of its job lists it",
    ),
    "a record": (
        edit_text(f"{ALGO}0/record.json", r'"model": "[^"]*"', '"model": "H100"'),
        r"replicate 0 of cpu/short-digits/algo: results/pair/replicates/\S+/record.json was edited",
    ),
    "a setting, with its digest": (
        lambda folder: rewrite_record(folder / ALGO / "0", lambda d: d["settings"]["task"].update(epochs=2)),
        r"replicate 0 of cpu/short-digits/algo has settings that do not match their digest",
    ),
    "a pickle": (pickled_predictions, r"replicate 0 of cpu/short-digits/algo: .* is a pickle, or its length"),
    "a compressed array": (
        compressed_predictions,
        r"replicate 0 of cpu/short-digits/algo: predictions.npz is compressed",
    ),
    "a cell of its own": (
        lambda folder: shutil.copytree(folder / ALGO, folder / RESULTS / "replicates/cpu/short-digits/impl"),
        r"replicates/cpu/short-digits/impl/0/record.json does not belong in a crate of this study",
    ),
    "a doubled column": (
        double_a_column,
        r"metrics.csv: has the columns study.*, value, but should have study",
    ),
    "a page of its own": (
        lambda folder: (folder / "conclusions.md").write_text("There is no noise."),
        r"conclusions.md does not belong in a crate of this study",
    ),
    "a table taken away": (
        lambda folder: (folder / RESULTS / "tables/noise.csv").unlink(),
        r"tables/noise.csv is missing",
    ),
    "all figures taken away": (
        lambda folder: shutil.rmtree(folder / RESULTS / "figures"),
        r"^figures is missing",
    ),
    "a figure in print": (
        edit_bytes(f"{RESULTS}figures/figure_1.pdf"),
        r"figures/figure_1.pdf differs from the figure drawn again",
    ),
    "a figure too many": (
        lambda folder: shutil.copy(
            folder / RESULTS / "figures/figure_1.png", folder / RESULTS / "figures/figure_9.png"
        ),
        r"figures/figure_9 is not a figure of this study",
    ),
    "a sign": (
        edit_text(f"{RESULTS}tables/claims.md", r"\| +-?(\d\.\d+)", r"| -\1"),
        r"tables/claims.md says '-\S+', but '\d\S*' is computed",
    ),
    "a distance between equal weights": (
        edit_text(f"{RESULTS}cells/cpu/short-digits/control.csv", r"(l2_raw_buffers,all,1,)0", r"\g<1>7"),
        r"control.csv: cpu short-digits control l2_raw_buffers all: is in the crate, but is not computed again",
    ),
    "an accuracy in a record": (
        lambda folder: rewrite_record(folder / ALGO / "0", lambda d: d["results"].update(test_accuracy_percent=99.0)),
        r"replicate 0 of cpu/short-digits/algo states an accuracy of 99.0 %, but its predictions give \d",
    ),
    "labels": (other_labels, r"replicate 1 of cpu/short-digits/algo has labels that differ from those of the first"),
    "a label that there is not": (
        lambda folder: other_labels(folder, 50_000),
        r"replicate 0 of cpu/short-digits/algo: a label is not one of the 10 classes",
    ),
    "a history": (
        edit_history,
        r"replicate 0 of cpu/short-digits/algo has a history that does not match its record",
    ),
    "one run counted twice, with seeds": (
        lambda folder: other_run(folder, derive_seeds(1, "short-digits", "algo", 1)),
        r"cpu/short-digits/algo: replicates with different seeds ended with the same weights",
    ),
    "replicates listed twice": (
        lambda folder: shutil.copy(batch_of(folder), batch_of(folder).with_name("0-1.json")),
        r"replicate 0 of cpu/short-digits/algo is listed twice",
    ),
    "a bad run that never was": (
        forget_a_replicate,
        r"1 replicates are in no batch file, but the crate states that the study is finished",
    ),
    "a look at another file": (
        look_elsewhere,
        r"replicate 0 of cpu/short-digits/algo: .*etc/passwd",
    ),
    "the README": (
        edit_text("README.md", "Results of", "Better results of"),
        r"README.md differs from the one that is generated again",
    ),
    "the description": (
        edit_text(METADATA, "3 of 3 replicates", "1000 of 1000 replicates"),
        r"ro-crate-metadata.json: the description of results/pair/replicates/cpu/short-digits/algo/ differs from the",
    ),
}


#: Forgeries that get the whole of verify: one of every layer, and all of figures. The others leave out drawing.
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


@pytest.mark.slow
class TestRerun:
    def test_random_replicates_end_with_the_same_bits(self, package, tmp_path):
        done = noisegrid("verify", package, "--rerun", 2, "--choice", 7, "--datasets", tmp_path / "none")
        assert done.returncode == 0 and done.stdout.count(": same bits") == 2, done.stdout
        assert "rerun           2 of 6 replicates (to choose the same again: --choice 7)" in done.stdout

    def test_a_hash_that_was_made_up_is_found(self, package, tmp_path):
        """With batch file and records that agree: only training again can tell."""

        def edit(folder: Path) -> None:
            for number in "012":
                made_up = number * 64
                rewrite_record(folder / ALGO / number, lambda document, h=made_up: document.update(weight_hash=h))
            batch = next((folder / RESULTS).glob("batches/cpu/short-digits/*.json"))
            document = json.loads(batch.read_text())
            document["cells"]["algo"]["weight_hashes"] = {number: number * 64 for number in "012"}
            batch.write_text(json.dumps(document))

        path = forged(package, tmp_path, edit)
        assert checked(path, tmp_path / "check") == []
        done = noisegrid("verify", path, "--rerun", 6)
        assert done.returncode == 1 and done.stdout.count("OTHER BITS") == 3, done.stdout
        assert "cpu/short-digits/algo/0: OTHER BITS" in done.stdout and "DIFFERENT: 3 differences" in done.stdout

    def test_what_cannot_be_run_here_says_why(self, package, tmp_path):
        (tmp_path / "torch.py").write_text("raise ImportError('torch is broken here')\n")
        done = noisegrid("verify", package, "--rerun", 1, PYTHONPATH=f"{tmp_path}:{ROOT / 'workflow'}")
        assert done.returncode == 0 and "note: trained again: 0 of 1 replicates ended with the same bits" in done.stdout
        assert "not possible here\n    ImportError: torch is broken here" in done.stdout

    def test_code_that_a_package_names_is_not_run(self):
        task = {"build": "torch.hub:load", "options": {"repo_or_dir": ".", "model": "m", "source": "local"}}
        named = {"settings": {"task": task}, "dataset": {"name": "digits"}}
        with pytest.raises(NoisegridError, match=r"torch\.hub:load, digits.* code .* is not run"):
            rerun._check_known(named)
        entry = catalog("networks")["smallcnn"]
        task = {"build": entry["build"], "options": entry["options"]}
        rerun._check_known({"settings": {"task": task}, "dataset": {"name": "digits"}})
        task = {"build": entry["build"], "options": {**entry["options"], "weights": "http://evil.test"}}
        with pytest.raises(NoisegridError, match="is not in the catalog"):
            rerun._check_known({"settings": {"task": task}, "dataset": {"name": "digits"}})


@pytest.mark.slow
class TestCompare:
    def test_two_labs_with_other_seeds(self, package, tmp_path):
        other = packed(Path(shutil.copytree(package.parents[2] / "resources", tmp_path / "resources")).parent, seed=2)
        done = noisegrid("compare", package, other, "--output", tmp_path / "out")
        assert done.returncode == 0, done.stdout
        assert "design:  0 of 2 cells have the same settings" in done.stdout
        assert "cpu/short-digits/algo: differs: seed: 1 -> 2" in done.stdout
        assert "bits:    0 of 6 shared replicates end with equal weights" in done.stdout
        assert re.search(r"numbers: \d of 6 agree within their 95 % intervals", done.stdout)
        table = (tmp_path / "out/comparison.csv").read_text()
        assert table.count("\n") == 1 + 2 * 3 and (tmp_path / "out/comparison.png").stat().st_size > 10_000

    def test_a_package_and_itself(self, package, tmp_path):
        done = noisegrid("compare", package, package, "--output", tmp_path / "out")
        assert "design:  2 of 2 cells have the same settings" in done.stdout
        assert "bits:    6 of 6 shared replicates" in done.stdout and "numbers: 6 of 6 agree" in done.stdout

    def test_a_damaged_package_is_not_compared(self, package, tmp_path):
        data = bytearray(package.read_bytes())
        data[len(data) // 2] ^= 1
        (tmp_path / "damaged.zip").write_bytes(data)
        done = noisegrid("compare", package, tmp_path / "damaged.zip", "--output", tmp_path / "out")
        assert done.returncode == 1 and "see noisegrid verify" in done.stdout


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
            "t.csv: algo b: is in the crate, but is not computed again",
            "t.csv: impl b: is computed, but is not in the crate",
        ]
