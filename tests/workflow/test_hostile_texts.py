"""What a stranger writes is data: hostile texts in every place of studies, config, site files, records and folders.

Every place gets every text. The command that a user would type then either succeeds, with the text escaped in all that
it prints and writes, or says in one sentence which key is wrong. Nothing in a text runs, and nothing is written outside
of its folder. `tests/crate/hostile.py` has packages that are made to use up memory or time.
"""

import base64
import copy
import csv
import hashlib
import io
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT, run, snakemake
from factories import PAIR, cells, metrics_frame, rewrite_record, study, write_study

from noisegrid.cli.main import main
from noisegrid.common import escape
from noisegrid.common.files import csv_text, write_with_checksum
from noisegrid.common.schemas import schema
from noisegrid.planning import plan, site
from noisegrid.reporting import cell_pages, findings, tables
from noisegrid.reporting.page.write import write_page
from noisegrid.study import check

TEXTS = (
    'it\'s "quoted" & $(touch PWNED) `touch PWNED`; touch PWNED #',
    "x\ntouch PWNED\n",
    "{threads} {{ 7 * 7 }} {% raw %}",
    "../../outside",
    "\x1b[2J\x1b]0;title\x07\u202egnp.exe\u2066",
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script><img src=x onerror=alert(1)> [x](javascript:alert(1))",
    r"\input{/etc/passwd}\write18{touch PWNED} 100 %",
    "--help",
)
#: What no terminal may get: control characters but ends of lines, and characters that change the direction.
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")

# --- places ----------------------------------------------------------------------------------------------------------

#: A study in which every key of the schemas is set.
STUDY: dict[str, Any] = {
    "name": "mine",
    "description": "words",
    "seed": 1,
    "cells": [
        {"hardware": ["cpu"], "tasks": ["own", "plain"], "noise": ["order"], "replicates": 4, "seed_sets": 2},
        {"hardware": ["cpu"], "tasks": ["own"], "crossed": {"init": 2, "order": 2}},
    ],
    "versus": [{"a": "own", "b": "plain", "noise": "order", "hardware": "cpu", "unpaired": False, "margin": 0.3}],
    "inference": [
        {
            "task": "own", "noise": "order", "hardware": "cpu", "replicate": 1, "batch_sizes": [1, 4],
            "threads": [1, 2], "examples": 8,
        }
    ],
    "overhead": [
        {
            "hardware": ["cpu"], "networks": ["smallcnn", "own:net"], "arms": ["default"],
            "size": 16, "batch_size": 2, "processes": 5, "blocks": 6, "steps": 2,
        }
    ],
    "share_gpu": 1,
    "keep": ["weights"],
    "datasets": {
        "own-data": {
            "read": "own:read", "classes": 10, "names": ["a|b"], "full_scale": 16, "title": "words",
            "source": "words", "groups": False, "bundled": True, "licensed": False, "channels": 1, "examples": 999,
            "test_examples": 99, "size": 8, "files": ["a|b"],
        },
        "own-rows": {"read": "own:read", "kind": "table", "labels": "values", "columns": [0, 3]},
        "own-series": {"read": "own:read", "kind": "arrays", "classes": 2, "shape": [8, 2]},
        "own-text": {"read": "own:read", "kind": "tokens"},
    },
    "tasks": {
        "plain": {
            "like": "smallcnn-digits", "dataset": "own-data",
            "optimizer": {"name": "adam", "learning_rate": 0.1, "epsilon": 0.1},
        },
        "own": {
            "network": "own:net", "network_options": {"width": "words"}, "dataset": "own-data",
            "without_batch_norm": "plain", "epochs": 2, "batch_size": 8,
            "optimizer": {
                "name": "sgd", "learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.1, "warmup_epochs": 1,
            },
            "schedule": [[1, 0.1]], "pixels": "scale", "augment": {"pad": 1, "flip": False, "resized_crop": 8},
            "dropout": 0.0, "label_smoothing": 0.0, "memory_gb": 0.1, "tflop_per_epoch": 0.1, "weights_mb": 0.1,
            "launches_per_step": {"fp32": 9}, "deviations": ["words"],
        },
        "tuned": {
            "like": "own", "world_size": 2, "bucket_mb": 1.0, "accumulate": 2, "clip_norm": 1.0, "schedule": [],
            "scheduler": {"name": "StepLR", "each": "step", "options": {"step_size": 1}},
            "loss": {"name": "own:loss", "options": {"power": 2}}, "average": {"decay": 0.9},
            "optimizer": {"name": "AdamW", "learning_rate": 0.1, "options": {"betas": [0.9, 0.9]}},
        },
        "averaged": {"like": "own", "average": {"last_epochs": 2}},
        "of-rows": {"like": "own", "dataset": "own-rows", "augment": {"pad": 0, "flip": False}, "tolerance": 0.1},
        "of-text": {"like": "own", "dataset": "own-text", "augment": {"pad": 0, "flip": False}, "context": 8},
        "trained": {"trainer": "own:train", "trainer_options": {"rate": "words"}, "dataset": "own-data"},
    },
}  # fmt: skip
OWN = "def net(**options): ...\ndef read(folder): ...\ndef loss(outputs, labels): ...\ndef train(request): ...\n"
#: A config in which every key of the schema is set.
CONFIG: dict[str, Any] = {
    "study": "mine.yaml",
    "results": "results",
    "datasets": "datasets",
    "dataset_folders": {"own-data": "raw"},
    "replicates_per_job": 2,
    "job_per": "task",
    "threads_per_job": 1,
    "accept_failures": False,
    "checkpoint_minutes": 1,
    "package_weights": False,
    "containers": "containers",
    "images": {"here": {"image": "here.sif", "sha256": "0" * 64}},
    "unpinned_images": False,
    "stack": "here",
    "debian_mirror": "http://deb.debian.org/debian",
    "require_containers": False,
}
#: A site file in which every key of the schema is set.
SITE: dict[str, Any] = {
    "account": "me",
    "partition": {"cpu": "short"},
    "gpu_request": "model",
    "minutes_per_job": 5,
    "memory_mb": 2000,
    "extra": "--qos=long --comment='two words'",
    "scratch": "/scratch/$USER",
    "price_per_hour": {"cpu": 0.05},
    "currency": "EUR",
}

#: The keys of the config that Snakemake prints as they are.
SHOWN = ("results", "datasets", "containers")

Place = tuple[str | int, ...]


def places(document: Any, above: Place = ()) -> Iterator[tuple[Place, bool]]:
    """Yield every place of a document: each value, and each key of a mapping (then with True)."""
    entries = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in entries:
        here = (*above, key)
        if isinstance(document, dict):
            yield here, True
        if isinstance(value, dict | list):
            yield from places(value, here)
        yield here, False


def planted(document: Any, place: Place, is_key: bool, text: str) -> Any:
    """Return a copy of a document with a text as the value, or as the key, in a place."""
    changed = copy.deepcopy(document)
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    if is_key:
        inner[text] = inner.pop(place[-1])
    else:
        inner[place[-1]] = text
    return changed


def params(document: dict[str, Any]) -> list[Any]:
    return [
        pytest.param(place, is_key, id=f"{'.'.join(map(str, place))}{' (key)' if is_key else ''}")
        for place, is_key in places(document)
    ]


def tree(folder: Path) -> dict[str, bytes]:
    """Every file and folder below a folder, with contents."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


def assert_plain(printed: str) -> None:
    """Assert that an output is safe for a terminal and shows no exception."""
    assert not RAW.search(printed), printed
    assert not re.search(r"Traceback|Exception|Error in|WorkflowError", printed), printed


def named(place: Place, printed: str) -> bool:
    """Whether a sentence names the key of a place, or says that the key is unknown."""
    keys = [str(key) for key in place if isinstance(key, str)]
    return "unknown key" in printed or any(key.rstrip("s") in printed for key in keys)


def make(config: dict[str, Any]) -> None:
    """Make the plan as the Snakefile does."""
    plan.make_or_exit(config)


Said = Callable[..., tuple[int, str]]


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's working directory, in a folder that nothing may change."""
    folder = tmp_path / "surroundings" / "work"
    folder.mkdir(parents=True)
    (folder / "own.py").write_text(OWN)
    (folder / "raw").mkdir()
    (folder / "raw" / "a").touch()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Call a function of the command line, and return the exit code and what it printed."""

    def call(function: Callable[[], int | None]) -> tuple[int, str]:
        try:
            code = function() or 0
        except SystemExit as error:
            print(error.code)
            code = 1
        out, err = capsys.readouterr()
        return code, out + err

    return call


# --- every text in every place, without Snakemake --------------------------------------------------------------------


def test_the_documents_have_every_key_of_the_schemas():
    """A new key gets hostile texts as soon as it is in a schema."""
    keys = {name: set(document) for name, document in (("study", STUDY), ("config", CONFIG), ("site", SITE))}
    keys |= {name: set().union(*STUDY[f"{name}s"].values()) - {"like"} for name in ("dataset", "task")}
    for name, found in keys.items():
        assert found == schema(name)["properties"].keys(), name
    for key in ("cells", "inference", "overhead", "versus"):
        keys = {name for block in STUDY[key] for name in block}
        assert keys == schema("study")["properties"][key]["items"]["properties"].keys()
    for key in ("optimizer", "augment", "scheduler", "loss", "average"):
        keys = {name for task in STUDY["tasks"].values() for name in task.get(key, {})}
        assert keys == schema("task")["properties"][key]["properties"].keys()


def test_the_documents_are_right(work, said):
    (work / "mine.yaml").write_text(yaml.safe_dump(STUDY))
    assert check.mistakes("mine.yaml") == []
    assert said(lambda: make(CONFIG)) == (0, "")


@pytest.mark.parametrize(("place", "is_key"), params(STUDY))
def test_a_study_with_hostile_text_is_refused_or_planned(place, is_key, work, said):
    for text in TEXTS:
        (work / "mine.yaml").write_text(yaml.safe_dump(planted(STUDY, place, is_key, text)))
        before = tree(work.parent)
        code, printed = said(lambda: main(["check", "mine.yaml"]))
        assert_plain(printed)
        *found, last = printed.splitlines()
        assert last.startswith(f"mine.yaml: {len(found) if code else 'no'} mistake"), printed
        assert all(line.startswith("mine.yaml: ") for line in found), printed
        assert code == 0 or named(place, printed), printed
        if code == 0 or text is TEXTS[0]:
            again, printed = said(lambda: main(["plan", "mine.yaml"]))
            assert_plain(printed)
            assert again == code and (again == 0 or re.fullmatch(r"noisegrid: mine\.yaml: .*\n", printed)), printed
        assert tree(work.parent) == before


@pytest.mark.parametrize(("place", "is_key"), params(CONFIG))
def test_a_config_with_hostile_text_is_refused_or_planned(place, is_key, work, said):
    (work / "mine.yaml").write_text(yaml.safe_dump(STUDY))
    before = tree(work.parent)
    for text in TEXTS:
        code, printed = said(lambda text=text: make(planted(CONFIG, place, is_key, text)))
        assert_plain(printed)
        if code:
            assert re.fullmatch(r"noisegrid: .*\n", printed) and named(place, printed), printed
        else:
            assert printed == "" and place[0] in ("results", "datasets", "dataset_folders", "containers", "images")
            assert text not in ("--help", TEXTS[1], TEXTS[2], TEXTS[4]) or place[0] not in SHOWN
        assert tree(work.parent) == before


@pytest.mark.parametrize(("place", "is_key"), params(SITE))
def test_a_site_file_with_hostile_text_is_refused(place, is_key, work, said, monkeypatch):
    (work / "mine.yaml").write_text(yaml.safe_dump(STUDY))
    monkeypatch.setattr(site, "SITE", work / "site.yaml")
    for text in TEXTS if place != ("extra",) else TEXTS[:-1]:  # --help is an option of sbatch
        (work / "site.yaml").write_text(yaml.safe_dump(planted(SITE, place, is_key, text)))
        before = tree(work.parent)
        code, printed = said(lambda: main(["plan", "mine.yaml"]))
        assert_plain(printed)
        assert code == 1 and re.fullmatch(r"noisegrid: .*site\.yaml: .*\n", printed), printed
        assert named(place, printed), printed
        assert tree(work.parent) == before


# --- whole runs ------------------------------------------------------------------------------------------------------

#: All texts in one, at whose start a spreadsheet would see a formula.
ALL = " ".join(["=cmd|' /C calc'!A0", *TEXTS, r"$\nothing", ".. raw:: html"])
#: A folder, or the name of a study file, on the user's own machine.
FOLDER = 'it\'s "$(touch PWNED)" `touch PWNED` {threads} =cmd; touch PWNED & <img src=x onerror=alert(1)>'
#: A folder that the config names, without what is refused in it.
NAMED = '--re\'s "$(touch PWNED)" `touch PWNED` =cmd; touch PWNED & \\input x'.removeprefix("--")
#: A folder on a cluster.
SUBMITTED = "x; touch PWNED & =cmd | y > PWNED"


class Page(HTMLParser):
    """What a page has besides text: tags, and attributes that could run code or load something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.attributes = set[str](), set[str]()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs if name.startswith("on") or name in ("href", "src", "srcdoc")}


class Report(HTMLParser):
    """What the report has besides text, apart from what it is made to have."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found = set[str]()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        mine = {"src": ("data:image/",), "href": ("#", "provenance.html")}
        self.found |= {tag} & {"iframe", "svg", "object", "embed", "form", "base"}
        self.found |= {name for name, _ in attrs if name.startswith("on") or name == "srcdoc"}
        self.found |= {f"{name}={value}" for name, value in attrs if name in mine and not value.startswith(mine[name])}


#: A script that runs, and the hash by which the report's policy allows it.
SCRIPT, ALLOWED = re.compile(r"<script>(.*?)</script>", re.S), re.compile(r"'sha256-([^']+)'")


def unsafe_report(text: str) -> str:
    """Return what a text of a stranger does in the report, or an empty string."""
    policy = text[text.index("<meta http-equiv") :].partition(">")[0]
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in SCRIPT.findall(text)]
    if hashes != ALLOWED.findall(policy):
        return "a script of a stranger"
    text = SCRIPT.sub("", text)
    return "control characters" if RAW.search(text) else " ".join(Report(text).found)


def unsafe(path: Path) -> str:
    """Return what a text of a stranger does in a product of the study, or an empty string."""
    text = path.read_text()
    if path.name == "report.html":
        return unsafe_report(text)
    if path.name == "provenance.html":
        # what Snakemake writes as JSON into scripts; the rest of the page is its own
        text = text.partition('<script id="workflow-desc">')[2].partition('<script id="packages">')[0]
        if text.count("</script") != text.count("<script id=") + 1:
            return "a script that ends early"
    if RAW.search(text.replace("\r\n", "\n")):
        return "control characters"
    if path.suffix == ".html" and path.name != "provenance.html":
        page = Page(text)
        return " ".join(page.tags & {"script", "img", "a", "iframe", "svg", "object"} | page.attributes)
    if path.suffix == ".tex" and re.search(r"\\(input|write18)|(?<!\\)[%$&#](?!.*\\\\)", text):
        return "a command"
    if path.suffix == ".md" and re.search(r"(?<!\\)(<script|<img|\]\()", text):
        return "markup"
    if path.suffix == ".csv":
        found = [cell for row in csv.reader(io.StringIO(text)) for cell in row if cell[:1] and cell[:1] in "=@+"]
        return "a formula" if found else ""
    return ""


#: Suffixes of what people open.
PRODUCTS = (".html", ".tex", ".md", ".csv", ".rst")


def assert_safe(folder: Path) -> None:
    """Assert that nothing in a folder acts, apart from the originals of what was planted."""
    products = [path for path in folder.rglob("*") if path.suffix in PRODUCTS and "replicates" not in path.parts]
    assert len(products) > 40
    assert {str(path): why for path in products if (why := unsafe(path))} == {}


def plant_in_records(folder: Path) -> None:
    """Write hostile texts into all records and timings of a study, and let all checksums fit again."""

    def change(record: dict[str, Any]) -> None:
        record["noisegrid"] = ALL
        record["device"] |= {"model": ALL, "host_cpu": ALL, ALL: ALL}
        record["software"] |= dict.fromkeys(("python", "torch", "numpy", "torchvision", "os", ALL), ALL)
        record["software"]["packages"] |= {"numpy": ALL, ALL: ALL}
        record["layout"][0]["name"] = ALL

    for path in folder.glob("replicates/*/*/*/*/record.json"):
        rewrite_record(path.parent, change)
    for path in (folder / "overhead/cpu.csv", folder / "overhead/cpu/smallcnn.csv"):
        rows = list(csv.DictReader(path.open()))
        for row in rows:
            row.update(dict.fromkeys(("device", "versions", "note"), ALL))
            row.update({"kernel": f"{row['kernel']} {ALL}"} if row["kernel"] else {})
        write_with_checksum(path, csv_text(rows, list(rows[0])))


@pytest.mark.slow
def test_hostile_records_and_folders_reach_every_product_as_data(package, tmp_path, monkeypatch, said):
    """From finished replicates to a package that others compare."""
    around = tmp_path / "surroundings"
    folder = around / FOLDER
    shutil.copytree(package.parents[2], folder, ignore=shutil.ignore_patterns(".snakemake", "pair", "pair.yaml"))
    (folder / "resources/datasets").rename(folder / f"data {NAMED}")
    results = folder / NAMED / "pair"
    shutil.copytree(package.parent, results, ignore=shutil.ignore_patterns("*.zip", "metrics.csv*", "overhead.csv*"))
    for name in ("tables", "figures", "cells", "logs"):
        shutil.rmtree(results / name)
    plant_in_records(results)
    path = folder / f"{FOLDER}.yaml"
    path.write_text(yaml.safe_dump(PAIR | {"description": ALL}))
    config = {"study": path, "results": NAMED, "datasets": f"data {NAMED}", "package_weights": True}
    before = {str(place) for place in tmp_path.rglob("*") if folder not in place.parents}

    monkeypatch.chdir(folder)
    for targets in ((), ("package",)):
        done = snakemake(folder, *targets, **config)
        assert_plain(done.stdout)
        assert done.returncode == 0, done.stdout
    crate = results / "pair.crate.zip"
    for words in (
        ("status", path, "--results", NAMED, "--deep"),
        ("summary", path, "--results", NAMED),
        ("verify", crate),
        ("compare", crate, crate, "--output", folder / "compared"),
    ):
        code, printed = said(lambda words=words: main([str(word) for word in words]))
        assert_plain(printed)
        assert code == 0, printed
    assert_safe(folder)
    assert {str(place) for place in tmp_path.rglob("*") if folder not in place.parents} == before
    assert not list(tmp_path.rglob("PWNED"))


@pytest.fixture(scope="module")
def a_record(package, tmp_path_factory) -> Path:
    """A finished study, with a record to be changed."""
    folder = tmp_path_factory.mktemp("record") / "surroundings" / "work"
    shutil.copytree(package.parents[1] / "pair", folder / "results/pair")
    shutil.copy(package.parents[2] / "pair.yaml", folder)
    return folder


@pytest.mark.slow
def test_a_record_with_hostile_text_in_any_place_is_data(a_record, monkeypatch, said):
    monkeypatch.chdir(a_record)
    path = a_record / "results/pair/replicates/cpu/short-digits/algo/0/record.json"
    original = json.loads(path.read_text())
    small = original | {"layout": original["layout"][:1]}
    small["software"] = original["software"] | {"packages": {"numpy": "1"}}
    for place, is_key in [one for one in places(small) if one[0] != ("record_digest",)]:
        path.write_text(json.dumps(planted(original, place, is_key, ALL)))
        if place[0] != "files" and "files" in json.loads(path.read_text()):
            rewrite_record(path.parent, lambda _: None)
        before = tree(a_record.parent)
        for words in (["status", "pair.yaml"], ["plan", "pair.yaml"]):
            code, printed = said(lambda words=words: main(words))
            assert_plain(printed)
            assert code == 0 or re.fullmatch(r"noisegrid: .*\n", printed), printed
        assert tree(a_record.parent) == before


# --- a cluster -------------------------------------------------------------------------------------------------------

#: Stands for SLURM: writes down the words that sbatch gets, and fails.
SBATCH = '#!/bin/sh\nfor word; do printf "%s\\0" "$word"; done > "$ASKED"\nexit 1\n'


def submit(folder: Path, commands: Path, **config: object) -> str:
    """Submit the job that times a network to a stand-in for SLURM; return what is printed."""
    commands.mkdir(exist_ok=True)
    for name in ("sbatch", "sinfo", "squeue", "sacctmgr", "sshare", "sacct", "scontrol"):
        (commands / name).write_text(SBATCH if name == "sbatch" else "#!/bin/sh\n")
        (commands / name).chmod(0o755)
    path = f"{commands}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    profiles = ["--profile", ROOT / "slurm", "--workflow-profile", ROOT / "profiles/default"]
    options = ["--snakefile", ROOT / "Snakefile", "--directory", folder, "--retries", "0"]
    quick = ["--slurm-init-seconds-before-status-checks", "1", "--config"]
    words = [f"{key}={value}" for key, value in config.items()]
    target = f"{config['results']}/mine/overhead/cpu.csv"
    asked = commands / "asked"
    return run("snakemake", target, *profiles, *options, *quick, *words, cwd=folder, PATH=path, ASKED=str(asked)).stdout


@pytest.mark.slow
def test_hostile_names_reach_sbatch_as_words(tmp_path):
    folder = tmp_path / "surroundings" / SUBMITTED
    (folder / "slurm").mkdir(parents=True)
    extra = "--mail-user='$(touch PWNED); \"x'"
    (folder / "slurm/site.yaml").write_text(yaml.safe_dump(SITE | {"extra": extra}))
    (folder / "own.py").write_text("def net(*arguments): ...\n")
    timed = {"hardware": ["cpu"], "networks": ["smallcnn"], "arms": ["default"]}
    path = write_study(folder, study(cells(), overhead=[timed], description=ALL))
    printed = submit(folder, tmp_path / "bin", study=path, results="x; touch PWNED & y", datasets="data")
    words = (tmp_path / "bin/asked").read_text().split("\0")
    assert not RAW.search(printed) and "Traceback" not in printed
    assert words[words.index("-A") + 1] == "me" and words[words.index("-p") + 1] == "short"
    assert '--mail-user=$(touch PWNED); "x' in words and words[words.index("-D") + 1] == str(folder)
    assert not list(tmp_path.rglob("PWNED"))


@pytest.mark.slow
def test_names_that_snakemake_does_not_quote_are_not_submitted(tmp_path):
    """The executor writes the command of a job into double quotes, in which $ and ` act."""
    path = write_study(tmp_path, study(overhead=[{"hardware": ["cpu"], "networks": ["smallcnn"]}]))
    printed = submit(tmp_path, tmp_path / "bin", study=path, results="$(touch PWNED)")
    assert re.search(r"^noisegrid: config: results: '\$\(touch PWNED\)': on a cluster .*rename it$", printed, re.M)
    assert not (tmp_path / "bin/asked").exists() and not list(tmp_path.rglob("PWNED"))


# --- a file of metrics ---


TEXT_COLUMNS = [name for name, kind in metrics_frame().dtypes.items() if kind.kind not in "if"]


@pytest.mark.parametrize("column", TEXT_COLUMNS)
def test_a_metrics_file_with_hostile_text_is_drawn_as_data_or_refused(column, work, said):
    for text in (ALL, *TEXTS[3:4]):
        frame = metrics_frame(tasks=("net-data",)).astype({column: object})
        frame.loc[frame["metric"] == "class_accuracy_std", column] = text
        (work / "given").mkdir(exist_ok=True)
        frame.to_csv(work / "given/metrics.csv", index=False)
        before = {str(path) for path in work.parent.rglob("*")}
        words = ["tables", "--metrics", "given/metrics.csv", "--output", "made"]
        code, printed = said(lambda words=words: main(words))
        assert_plain(printed)
        assert code == 0 or re.fullmatch(r"noisegrid: .*\n", printed), printed
        made = {path for path in work.parent.rglob("*") if str(path) not in before}
        assert all(work / "made" in (path, *path.parents) for path in made)
        assert {path.name: why for path in made if path.suffix in PRODUCTS and (why := unsafe(path))} == {}
        shutil.rmtree(work / "made", ignore_errors=True)


# --- the test itself -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["terminal", "markdown", "latex", "html", "spreadsheet"])
def test_a_product_without_an_escape_is_found(name, tmp_path, monkeypatch):
    """With an escape switched off, `unsafe` finds the text in the products that need this escape."""

    def write(folder: Path) -> dict[str, str]:
        frame = metrics_frame()
        frame["device"] = frame["versions"] = ALL
        frame.loc[frame["group"] == "class 1", "group"] = ALL
        tables.write_all(frame, None, folder)
        findings.write(frame, None, folder / "findings.md")
        (folder / "metrics.csv").write_text(csv_text(frame.to_dict("records"), list(frame.columns)))
        files = [path for path in folder.rglob("*") if path.suffix in PRODUCTS]
        return {path.suffix: why for path in files if (why := unsafe(path))}

    assert write(tmp_path / "escaped") == {}
    for module in (escape, tables, findings, cell_pages):
        if hasattr(module, name):
            monkeypatch.setattr(module, name, lambda text: text)
    assert write(tmp_path / "raw")


@pytest.mark.parametrize(
    "planted",
    [
        "<script>alert(1)</script>",
        "<img src=x>",
        "<b onclick=alert(1)>",
        "<a href='javascript:alert(1)'>",
        "<svg>",
        "\x1b[2J",
    ],
)
def test_what_acts_in_the_report_is_found(planted, tmp_path):
    write_page(metrics_frame(), None, [], [], "provenance.html", tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert unsafe_report(text) == ""
    assert unsafe_report(text.replace("<h2>Cells</h2>", f"<h2>Cells</h2>{planted}"))
