"""A hostile package costs little memory and time, is named in one sentence, and does nothing to the machine."""

import json
import multiprocessing
import os
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import noisegrid
from factories import ALGO, rewrite_record
from forgeries import edit_text
from hostile import DESIGNS, EDITS, STYLES, ZIPS, rebuilt

from noisegrid.common.errors import NoisegridError
from noisegrid.common.schemas import catalog
from noisegrid.crate import archive, check_contents, check_metrics, check_products, possible, rerun, verify
from noisegrid.crate.compare import write_comparison
from noisegrid.crate.crate import open_crate
from noisegrid.crate.printing import plain_errors
from noisegrid.runtime.hardware import entry as hardware_entry
from noisegrid.study.resolve import hardware_settings, load_study
from noisegrid.study.settings import Hardware
from noisegrid.study.sources import FREE

MEGABYTES = 1_000


def child(path: Path, place: Path) -> None:
    """Check a package in a process of its own; write down what was found and the most memory that it took."""
    place.mkdir()
    try:
        with plain_errors():
            found = verify.verify(open_crate(path, place))
    except NoisegridError as error:
        found = [str(error)]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    (place / "found.json").write_text(json.dumps([found, memory]))


def verified(path: Path, place: Path, own: int = MEGABYTES) -> list[str]:
    """Return what verify finds, and check that it takes less than 1 GB and half a minute.

    `own` is how much more memory than this process it may take.
    """
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    process = multiprocessing.get_context("fork").Process(target=child, args=(path, place))
    process.start()
    process.join(30)
    process.kill()
    assert process.exitcode == 0
    found, memory = json.loads((place / "found.json").read_text())
    assert memory < min(MEGABYTES, before + own)
    return found


@pytest.mark.parametrize("name", ZIPS)
def test_a_zip_is_refused_before_it_is_unpacked(tmp_path, name):
    make, named = ZIPS[name]
    (found,) = verified(make(tmp_path / "hostile.zip"), tmp_path / "check")
    assert re.search(named, found) and "\n" not in found, found
    assert not any((tmp_path / "check/crate").iterdir())


@pytest.mark.parametrize("name", DESIGNS)
def test_a_design_is_refused_in_a_sentence(tmp_path, name):
    text, named = DESIGNS[name]
    (tmp_path / "noisegrid.json").write_text(text)
    archive.write({"noisegrid.json": tmp_path / "noisegrid.json"}, tmp_path / "hostile.zip")
    (found,) = verified(tmp_path / "hostile.zip", tmp_path / "check")
    assert re.search(named, found) and len(found) < 3_000, found


@pytest.mark.slow
@pytest.mark.parametrize("name", EDITS)
def test_a_file_is_refused_in_a_sentence(package, tmp_path, monkeypatch, name):
    edit, named = EDITS[name]
    monkeypatch.setattr(verify, "CHECKS", {name: check for name, check in verify.CHECKS.items() if name != "figures"})
    found = verified(rebuilt(package, tmp_path, edit), tmp_path / "check")
    assert any(re.search(named, line) for line in found), "\n".join(found) or "nothing was found"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limit", "value", "named"),
    [
        ("REPLICATES", 2, "cpu/short-digits/algo: finished replicates: 3; a crate may have at most 2"),
        ("CLASSES", 9, "cpu/short-digits/algo: classes or attributes in predictions.npz: 10; a crate"),
        ("CELL_CLASSES", 29, "cpu/short-digits/algo: classes times replicates: 30; a crate may have at most 29"),
        ("CELL_LABELS", 1790, "cpu/short-digits/algo: labels times replicates: 1,791; a crate may have at most 1,790"),
        ("KEPT_BYTES", 9, "the record of replicate 0 of cpu/short-digits/algo, without its .* has .* bytes"),
    ],
)
def test_metrics_that_would_take_much_memory_are_not_computed(package, tmp_path, monkeypatch, limit, value, named):
    monkeypatch.setattr(check_metrics, limit, value)
    found = list(check_metrics.recount(open_crate(package, tmp_path))[1])
    assert any(re.search(named, line) for line in found), found


@pytest.mark.slow
def test_rows_of_a_task_are_limited(package, tmp_path, monkeypatch):
    monkeypatch.setattr(check_metrics, "ROWS", 50)
    with pytest.raises(NoisegridError, match=r"cells/cpu/short-digits.csv: rows: \d+; a crate may have at most 50"):
        check_metrics.recount(open_crate(package, tmp_path))


@pytest.mark.slow
def test_records_that_describe_a_package_are_limited(package, tmp_path, monkeypatch):
    monkeypatch.setattr(check_contents, "DESCRIBED_BYTES", 1000)
    crate = open_crate(package, tmp_path)
    monkeypatch.setattr(type(crate), "has_code_of_here", True)
    with pytest.raises(NoisegridError, match=r"ro-crate-metadata.json: what the records up to cpu/\S+ add has 1,\d+ b"):
        list(check_contents.description(crate)[1])


def blown_up(folder: Path) -> None:
    """Give all replicates of a cell the logits of 10,000 examples and 1,000 classes: 40 MB for each of two arrays."""
    logits = np.random.default_rng(0).standard_normal((10_000, 1000), dtype=np.float32)
    label = np.arange(10_000) % 1000
    for place in sorted((folder / ALGO).iterdir()):
        arrays = {"logits": logits, "midpoint_logits": logits, "label": label, "example_id": np.arange(10_000)}
        np.savez(place / "predictions.npz", **arrays)
        rewrite_record(place, lambda _: None)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_logits(package, tmp_path, monkeypatch):
    monkeypatch.setattr(verify, "CHECKS", {name: verify.CHECKS[name] for name in ("records", "metrics")})
    path = rebuilt(package, tmp_path, blown_up)
    found = verified(path, tmp_path / "check", own=150)
    assert any(line.endswith("class 999 is computed, but is not in the crate") for line in found), found


def test_style_sheets_are_left_out_in_linear_time():
    began = time.process_time()
    assert check_products._without_styles(f"a<style>b</style>c{STYLES}") == f"ac{STYLES}"
    assert time.process_time() - began < 1


@pytest.mark.parametrize("length", ["half", "at the end of a zip inside", "without the last byte"])
def test_a_truncated_package_is_called_truncated(tmp_path, length):
    np.savez(tmp_path / "predictions.npz", label=np.arange(3))
    (tmp_path / "z").write_bytes(bytes(1000))
    archive.write({name: tmp_path / name for name in ("predictions.npz", "z")}, tmp_path / "whole.zip")
    data = (tmp_path / "whole.zip").read_bytes()
    inside = (tmp_path / "predictions.npz").read_bytes()
    ends = {"half": len(data) // 2, "at the end of a zip inside": data.index(inside) + len(inside)}
    (tmp_path / "cut.zip").write_bytes(data[: ends.get(length, -1)])
    with pytest.raises(NoisegridError, match=r"cut\.zip cannot be opened as a crate: it is truncated or damaged"):
        archive.unpack(tmp_path / "cut.zip", tmp_path / "out")


# --- what a plan can give ---


def test_instruction_sets_are_those_that_training_knows():
    from noisegrid.training.noise import CPU_REQUIREMENTS

    assert set(CPU_REQUIREMENTS) == possible.INSTRUCTION_SETS


@pytest.mark.parametrize("hardware", catalog("hardware"))
def test_flags_of_every_device_are_possible(hardware, monkeypatch):
    from noisegrid.training import noise as training

    settings = Hardware.of(hardware_settings(hardware, ""))
    assert settings.device == hardware_entry(hardware, "").device
    features = set.union(*training.CPU_REQUIREMENTS.values())
    avx2 = {"avx2", "fma", "sse4_1"}
    for has in (set(), {"sse4_1"}, avx2, avx2 | training.AVX512, features):
        monkeypatch.setattr(training, "processor_features", lambda has=has: has)
        for noise in FREE:
            for number in range(20):
                flags = training.derive_flags(settings, 1, "t", noise, number)
                assert list(possible.wrong_flags(flags, settings, FREE[noise])) == []
                del flags["fill_memory"]
                assert list(possible.wrong_flags(flags, settings, FREE[noise])) == []
                assert list(possible.wrong_flags(flags | {"threads": 999}, settings, FREE[noise]))


@pytest.mark.parametrize("study", ["quick", "paper"])
def test_the_settings_of_studies_are_possible(study):
    for cell in load_study(study).cells:
        possible.check_design(cell.settings, cell.path)


# --- training again ---


def test_training_that_takes_too_long_is_stopped_with_all_its_processes(tmp_path, monkeypatch):
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\nsleep 60 & echo $! > {tmp_path}/child\nwait\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    with pytest.raises(
        rerun.TimeLimitError, match="replay was stopped after 1 seconds; set --time-limit to allow more"
    ):
        rerun._run(tmp_path, 1, "replay")
    child_id = int((tmp_path / "child").read_text())
    for _ in range(50):
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(child_id)], capture_output=True, text=True, check=False)
        if not state.stdout.strip() or state.stdout.startswith("Z"):
            return
        time.sleep(0.1)
    os.kill(child_id, 9)
    pytest.fail("a process that training started goes on")


@pytest.mark.slow
def test_a_replicate_that_takes_too_long_is_no_difference(package):
    done = noisegrid("verify", package, "--rerun", 1, "--time-limit", 0.1)
    assert done.returncode == 6 and ": same, but no replicate was trained again" in done.stdout, done.stdout
    assert re.search(r": not run again\n    \S+ was stopped after 0.1 seconds", done.stdout), done.stdout
    assert "note: 1 of 1 replicates were not run again, because they took too long" in done.stdout


def test_a_time_limit_must_be_above_zero():
    done = noisegrid("verify", "x.zip", "--time-limit", 0)
    assert done.returncode == 2 and "0 is not a number of seconds above 0" in done.stdout


# --- text of a stranger ---

EVIL = "\x1b[2J\u202e<script>|=1+1\\input{x}\\write18{y}"


def test_a_comparison_has_its_text_escaped_for_each_format(tmp_path):
    table = pd.DataFrame({"design": [EVIL, "=1+1", "-0.5"], "first_value": [-0.5, 1.0, np.nan], "n": [1, 2, 3]})
    write_comparison(table, EVIL, tmp_path / "c.csv")
    texts = {suffix: (tmp_path / f"c.{suffix}").read_text() for suffix in ("csv", "md", "tex", "html")}
    assert not any(letter in text for text in texts.values() for letter in "\x1b\u202e")
    assert texts["csv"].splitlines()[2:] == ["'=1+1,1,2", "-0.5,,3"]
    assert texts["csv"].splitlines()[1].endswith(",-0.5,1")
    assert texts["tex"].count(r"\textbackslash{}input\{x\}\textbackslash{}write18\{y\}") == 2
    assert r"\input" not in texts["tex"] and r"\write" not in texts["tex"]
    assert texts["html"].count("&lt;script&gt;") == 3 and "<script>" not in texts["html"]
    assert texts["md"].count(r"\<script\>\|=1+1") == 2


@pytest.mark.slow
def test_text_of_a_package_reaches_no_terminal_raw(package, tmp_path, monkeypatch, capsys):
    """In the design, which compare prints, and in a record, which verify prints."""
    evil = json.dumps(EVIL)[1:-1].replace("\\", "\\\\")
    edit = edit_text("noisegrid.json", r'"network": "', f'"network": "{evil}')
    other = rebuilt(package, tmp_path, edit)
    done = noisegrid("compare", package, other, "--output", tmp_path / "out")
    assert "task.network: smallcnn -> \ufffd[2J\ufffd<script>" in done.stdout, done.stdout
    monkeypatch.setattr(verify, "CHECKS", {"records": verify.CHECKS["records"]})
    (tmp_path / "check").mkdir()
    assert verify.verify(open_crate(other, tmp_path / "check"))
    assert not set("\x1b\u202e") & set(done.stdout + capsys.readouterr().out)


@pytest.mark.slow
@pytest.mark.parametrize("text", ["{}", "[]", '{"weight_hash": 3}'])
def test_a_record_without_a_hash_is_named_by_compare(package, tmp_path, text):
    other = rebuilt(package, tmp_path, lambda folder: (folder / ALGO / "0/record.json").write_text(text))
    done = noisegrid("compare", package, other, "--output", tmp_path / "out")
    assert done.returncode == 1 and done.stdout.count("\n") == 1, done.stdout
    assert re.search(r"rebuilt.zip: \S+algo/0/record.json has no hash of its weights; for details, run: ", done.stdout)


@pytest.mark.slow
def test_metrics_that_are_no_numbers_are_named_by_compare(package, tmp_path):
    edit = edit_text("results/pair/metrics.csv", r"(algo,churn,all,percent,)[^,]+", r"\g<1>many")
    done = noisegrid("compare", package, rebuilt(package, tmp_path, edit), "--output", tmp_path / "out")
    assert done.returncode == 1 and done.stdout.count("\n") == 1, done.stdout
    assert "metrics.csv has something other than numbers in the column value" in done.stdout
