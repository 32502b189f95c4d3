"""Images: planned where they are needed, really built, inspected from inside, and a study run in them."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import fake_pynvml
import pytest
import yaml
from conftest import ROOT, run, snakemake
from jsonschema import Draft202012Validator

from noisegrid.common.errors import NoisegridError
from noisegrid.common.schemas import schema
from noisegrid.planning import plan, preflight
from noisegrid.records import belonging
from noisegrid.runtime import container, hardware, images, inspection, machine

INSIDE = ROOT / "tests" / "inside.yaml"


def planned(**config) -> plan.Plan:
    return plan.make({"study": str(INSIDE), "results": "r", "datasets": "d", **config}, in_containers=True)


# --- what is planned -----------------------------------------------------------------------------------------------


def test_a_study_needs_the_images_of_its_hardware_and_no_other():
    assert planned().images.stacks == ["analysis", "torch2.12-cu130"]
    assert planned(study="paper").images.stacks == ["analysis", "torch2.7-cu126"]
    assert plan.make({"study": str(INSIDE), "results": "r", "datasets": "d"}).images.inspections("analysis") == []


def test_another_stack_is_another_hardware(tmp_path):
    document = yaml.safe_load(INSIDE.read_text()) | {"name": "upgrade"}
    document["cells"][0]["hardware"] = ["cpu", "cpu@torch2.7-cu126"]
    study = tmp_path / "upgrade.yaml"
    study.write_text(yaml.safe_dump(document))
    found = planned(study=str(study))
    assert found.images.stacks == ["analysis", "torch2.12-cu130", "torch2.7-cu126"]
    first, other = (found.study.cell(name, "tiny-digits", "algo") for name in ("cpu", "cpu@torch2.7-cu126"))
    assert first.digest != other.digest
    assert found.across_files()  # the same seeds under both: what the upgrade changes


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("b200@torch2.7-cu126", "has no kernels for compute capability 10.0"),
        ("p100@torch2.12-cu130", "has no kernels for compute capability 6.0"),
        ("cpu@torch2.7", "did you mean 'torch2.7-cu126'?"),
    ],
)
def test_a_stack_without_kernels_for_the_device_is_refused(name, message):
    with pytest.raises(NoisegridError, match=message.replace("?", r"\?")):
        hardware.entry(name)


def test_every_hardware_of_the_catalog_has_kernels_in_its_stack():
    for name, entry in hardware.catalog("hardware").items():
        assert hardware.entry(name).stack == entry["stack"]


def test_definition_follows_pins_and_definition(monkeypatch, tmp_path):
    before = hardware.stack("analysis").definition
    assert hardware.stack("torch2.12-cu130").definition != before
    hardware.stack.cache_clear()
    changed = tmp_path / "image.def"
    changed.write_text(hardware.DEFINITION.read_text() + "# another line\n")
    monkeypatch.setattr(hardware, "DEFINITION", changed)
    assert hardware.stack("analysis").definition != before
    hardware.stack.cache_clear()


def test_no_host_name_is_in_the_definition_or_the_pins():
    for path in [hardware.DEFINITION, *(ROOT / "envs").glob("*.txt")]:
        assert "://" not in path.read_text().replace("apptainer.org", ""), path


# --- bad input and faults ------------------------------------------------------------------------------------------


def test_no_engine_is_one_sentence(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(
        NoisegridError, match=r"no container engine on this machine: install Apptainer .* leave out --sdm"
    ):
        images.engine()


def test_containers_that_are_required_cannot_be_forgotten(tmp_path):
    done = run(
        "snakemake", "-n", "--snakefile", ROOT / "Snakefile", "--config", "require_containers=True", cwd=tmp_path
    )
    assert done.returncode == 1
    assert "call Snakemake with --sdm apptainer" in done.stdout and "Traceback" not in done.stdout


def test_the_mirror_is_read_from_apt(tmp_path):
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d/debian.sources").write_text("Types: deb\nURIs: http://mirror.test/debian\nSuites: x\n")
    assert images.mirror(None, tmp_path) == "http://mirror.test/debian"
    assert images.mirror("http://own.test", tmp_path) == "http://own.test"
    (tmp_path / "sources.list.d/debian.sources").write_text("")
    (tmp_path / "sources.list").write_text("deb [signed-by=/k] http://old.test/debian bookworm main\n")
    assert images.mirror(None, tmp_path) == "http://old.test/debian"
    with pytest.raises(NoisegridError, match="set debian_mirror to build images"):
        images.mirror(None, tmp_path / "none")


def test_a_full_disk_is_told_before_the_build(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**12, 10**12 - 10**9, 10**9))
    with pytest.raises(NoisegridError, match=r"needs 4 GB in .*, but 1.0 GB are free"):
        images.check_disk(hardware.stack("analysis"), tmp_path)


def test_a_given_image_with_another_digest_is_not_kept(tmp_path):
    given = tmp_path / "given.sif"
    given.write_bytes(b"image")
    with pytest.raises(
        NoisegridError, match="has SHA-256 6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d"
    ):
        images.take(str(given), "0" * 64, tmp_path / "out.sif")
    assert not (tmp_path / "out.sif").exists() and given.exists()
    images.take(str(given), None, tmp_path / "out.sif")
    assert (tmp_path / "out.sif").read_bytes() == b"image"


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({"image": "docker://site.test/torch:latest"}, True),
        ({"image": "docker://site.test/torch@sha256:" + "0" * 63}, True),
        ({"image": "library://site/torch:1"}, True),
        ({"image": "docker://site.test/torch@sha256:" + "0" * 64}, False),
        ({"image": "oras://site.test/torch:1", "sha256": "0" * 64}, False),
        ({"image": "/shared/torch.sif"}, False),
    ],
)
def test_a_reference_needs_a_digest_or_a_waiver(given, refused):
    images_of = {"torch2.12-cu130": given}
    planned(images=images_of, unpinned_images=True)
    if not refused:
        planned(images=images_of)
        return
    message = r"config: images\.torch2\.12-cu130\.image: .*://.* write NAME@sha256:DIGEST, .* or set unpinned_images"
    for waiver in ({}, {"unpinned_images": False}):
        with pytest.raises(NoisegridError, match=message):
            planned(images=images_of, **waiver)


@pytest.mark.parametrize(
    ("reference", "digest", "pinned"),
    [
        ("docker://site.test/torch:latest", None, False),
        ("oras://site.test/torch:1", hashlib.sha256(b"pulled\n").hexdigest(), True),
        ("docker://site.test/torch@sha256:" + "0" * 64, None, True),
    ],
)
def test_the_record_shows_what_was_pulled_and_whether_it_was_pinned(
    inspected, tmp_path, monkeypatch, reference, digest, pinned
):
    engine = tmp_path / "apptainer"
    engine.write_text('#!/bin/sh\n[ "$1 $2" = "pull --force" ] && echo pulled > "$3"\n')
    engine.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    image = tmp_path / "torch2.12-cu130.sif"
    images.take(reference, digest, image)
    assert {"reference": reference, "pinned": pinned}.items() <= inspected(image).items()
    (tmp_path / "own.sif").write_bytes(b"image")
    images.take(str(tmp_path / "own.sif"), None, image)
    assert inspected(image).keys().isdisjoint({"reference", "pinned"})  # nothing of the image that was pulled before


@pytest.fixture
def inspected(monkeypatch, tmp_path):
    """Inspect an image as the workflow does, and return its description in the record of a replicate.

    This process stands in for one inside the image, and a script for its dpkg-query.
    """
    about, dpkg = tmp_path / "about.json", tmp_path / "bin/dpkg-query"
    about.write_text(json.dumps({"stack": "small", "definition": "d" * 16, "commit": "c"}))
    dpkg.parent.mkdir()
    monkeypatch.setenv("PATH", f"{dpkg.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("APPTAINER_CONTAINER", "small.sif")
    monkeypatch.setattr(container, "ABOUT", about)
    monkeypatch.setattr(inspection, "installed_digest", lambda: "0" * 64)
    small = hardware.Stack("small", "small", packages={}, disk_gb=0)

    def call(image: Path, debian: dict[str, str] | None = None):
        lines = "".join(f"echo {name} {version}\n" for name, version in (debian or {"libc6": "2.41-12"}).items())
        dpkg.write_text(f"#!/bin/sh\n{lines}")
        dpkg.chmod(0o755)
        found = inspection.inspect(small, image)
        image.with_suffix(".json").write_text(json.dumps(found))
        recorded = container.check_inside(image.with_suffix(".json"))
        properties = schema("record")["properties"]["container"] | {"$defs": schema("record")["$defs"]}
        Draft202012Validator(properties).validate(recorded)
        return recorded

    return call


def test_a_build_with_other_debian_packages_is_told_and_kept(inspected, tmp_path, capsys):
    image = tmp_path / "small.sif"
    image.write_bytes(b"first")
    before = {"libc6": "2.41-12", "old": "1", "zlib1g": "1.3"}
    first = inspected(image, before)
    again = inspected(image, before)
    assert again == first and capsys.readouterr().err == ""
    image.write_bytes(b"second")
    second = inspected(image, {"libc6": "2.41-13", "new": "2", "zlib1g": "1.3"})
    assert second["debian_sha256"] != first["debian_sha256"]
    told = capsys.readouterr().err
    assert "other Debian packages (changed: 3)" in told and "libc6 2.41-12 -> 2.41-13" in told and "zlib1g" not in told
    expected = {key: first[key] for key in ("image_sha256", "debian_sha256")} | {
        "changes": ["libc6 2.41-12 -> 2.41-13", "new absent -> 2", "old 1 -> absent"]
    }
    for _ in range(2):  # a further inspection of the same build keeps the list
        assert json.loads(image.with_suffix(".json").read_text())["earlier_builds"] == [expected]
        inspected(image, {"libc6": "2.41-13", "new": "2", "zlib1g": "1.3"})


def test_snakemake_does_not_delete_an_inspection_before_the_next_one():
    """It deletes the outputs of a job before it starts the job, unless they are flagged."""
    assert 'update(PLAN.images.inspection("{stack}"))' in (ROOT / "workflow/rules/containers.smk").read_text()


def test_many_changed_packages_are_told_in_few_lines(capsys):
    old, new = (
        {"definition": "d", "image": "i.sif", "image_sha256": "0", "debian_sha256": "1"}
        | {"debian": {f"package{k:02d}": version for k in range(40)}}
        for version in ("1", "2")
    )
    assert len(inspection.earlier_builds(old, new)["earlier_builds"][0]["changes"]) == 40
    told = capsys.readouterr().err
    assert "and 30 more\n" in told and len(told.splitlines()) == 13
    assert inspection.earlier_builds(old | {"definition": "other"}, new) == {}


def test_an_inspection_of_an_earlier_release_is_read(inspected, tmp_path, capsys):
    image = tmp_path / "small.sif"
    image.write_bytes(b"image")
    now = inspected(image)
    old = json.loads(image.with_suffix(".json").read_text())
    del old["debian"], old["debian_sha256"]
    image.with_suffix(".json").write_text(json.dumps(old))
    assert "debian_sha256" not in container.check_inside(image.with_suffix(".json"))
    assert inspected(image) == now and capsys.readouterr().err == ""
    assert "earlier_builds" not in json.loads(image.with_suffix(".json").read_text())


def test_an_image_without_dpkg_has_no_debian_packages(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert inspection.debian_packages() == {}


def test_an_image_of_another_definition_is_refused_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "engine", lambda: "apptainer")
    found = planned(containers=str(tmp_path))
    work = preflight.all_of(found)
    assert preflight._missing_images(found, work) == ["analysis", "torch2.12-cu130"]
    (tmp_path / "analysis.json").write_text(json.dumps({"definition": "0123456789abcdef"}))
    with pytest.raises(NoisegridError, match=r"analysis.sif was not built from the current definition .* delete this"):
        preflight._missing_images(found, work)


def test_a_build_needs_a_mirror_and_space(tmp_path, monkeypatch):
    found = planned(containers=str(tmp_path), debian_mirror="http://mirror.test")
    preflight._check_builds(found, [])
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**12, 10**12 - 10**9, 10**9))
    with pytest.raises(NoisegridError, match=r"building analysis needs 4 GB in .*, but 1.0 GB are free"):
        preflight._check_builds(found, ["analysis"])


def test_a_build_that_fails_leaves_nothing(tmp_path, monkeypatch):
    engine = tmp_path / "apptainer"
    engine.write_text('#!/bin/sh\nfor a; do case "$a" in *.sif) echo half > "$a";; esac; done\nexit 255\n')
    engine.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(images, "check_disk", lambda *_: None)
    with pytest.raises(NoisegridError, match="could not be created"):
        images.build(hardware.stack("analysis"), tmp_path / "out/analysis.sif", "http://mirror.test")
    assert list((tmp_path / "out").iterdir()) == []


def test_an_ordinary_user_is_told_what_building_takes(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "fakeroot" in images._why(tmp_path / "a.sif") and "config.yaml (images)" in images._why(tmp_path / "a.sif")


def test_a_driver_that_is_too_old_is_told_with_the_floor(monkeypatch, tmp_path):
    """PyTorch sees no GPU here; NVML is a stand-in for an old driver's."""
    fake_pynvml.use(monkeypatch, driver="470.82.01")
    with pytest.raises(NoisegridError, match=r"the driver is 470.82.01, and CUDA 13.0 needs at least 580.65"):
        machine.check_device("A100")


@pytest.mark.parametrize(
    ("visible", "reason"),
    [("", "CUDA_VISIBLE_DEVICES is ''"), (None, "the driver is 600.0; check it with nvidia-smi")],
)
def test_a_new_driver_is_not_blamed(monkeypatch, tmp_path, visible, reason):
    fake_pynvml.use(monkeypatch, driver="600.0")
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with pytest.raises(NoisegridError, match=f"PyTorch sees no GPU: {reason}"):
        machine.check_device("A100")


def test_a_job_outside_of_its_image_stops(tmp_path):
    inspected = tmp_path / "image.json"
    inspected.write_text(json.dumps({"stack": "s", "definition": "d", "image": "i.sif"}))
    with pytest.raises(NoisegridError, match=r"runs outside any container: Snakemake ignores .* --sdm apptainer"):
        container.check_inside(inspected)


def test_a_job_in_another_image_stops(tmp_path, monkeypatch):
    inspected, about = tmp_path / "image.json", tmp_path / "about.json"
    inspected.write_text(json.dumps({"stack": "s", "definition": "d", "image": "i.sif"}))
    about.write_text(json.dumps({"stack": "s", "definition": "old", "commit": "c"}))
    monkeypatch.setattr(container, "ABOUT", about)
    monkeypatch.setenv("APPTAINER_CONTAINER", "i.sif")
    with pytest.raises(NoisegridError, match=r"runs in another image \(s, old\)"):
        container.check_inside(inspected)


def test_runs_of_different_images_are_not_mixed(tmp_path):
    belonging.check_image({"container": None}, None, tmp_path)
    with pytest.raises(NoisegridError, match=r"\(outside of any image; now d\)"):
        belonging.check_image({"container": None}, {"definition": "d"}, tmp_path)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (
            {"packages": {"torch": "2.12.0", "torchvision": "0.27.1"}},
            "packages.torch is 2.12.0, but the stack requires 2.12.1",
        ),
        ({"cuda": "12.8"}, "cuda is 12.8"),
        ({"arch": ["sm_75"]}, "no kernels for sm_100"),
    ],
)
def test_a_promise_that_the_image_does_not_keep_is_named(found, message):
    what = hardware.stack("torch2.12-cu130")
    kept = {"packages": what.packages | {"torch": "2.12.1+cu130"}, "cuda": "13.0", "arch": list(what.arch)}
    inspection.check(what, kept)
    with pytest.raises(NoisegridError, match=message):
        inspection.check(what, kept | found)


def test_another_framework_than_the_cells_need_stops_before_any_work(tmp_path):
    study = tmp_path / "old.yaml"
    text = INSIDE.read_text().replace("hardware: [cpu]", "hardware: [cpu@torch2.7-cu126]")
    study.write_text(text.replace("hardware: cpu,", "hardware: cpu@torch2.7-cu126,"))
    done = snakemake(tmp_path, study=study)
    assert done.returncode == 1
    assert (
        "this study requires the stack torch2.7-cu126 (torch 2.7.1)" in done.stdout and "--sdm apptainer" in done.stdout
    )
    assert not (tmp_path / "results").exists()
