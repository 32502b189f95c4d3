"""A study in real containers: images built by the workflow, inspected from inside, and the same bits as outside."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, TINY, Once, clone, hashes, noisegrid, shell, snakemake

from noisegrid.common import provenance
from noisegrid.planning import plan
from noisegrid.runtime import hardware
from noisegrid.study.study import digest

INSIDE = ROOT / "tests" / "inside.yaml"


def image_cache() -> Path:
    """Return the folder in which built images stay, outside of any clone: another one for other definitions or pins."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    stacks = plan.make({"study": str(INSIDE), "results": "r", "datasets": "d"}, in_containers=True).images.stacks
    return home / "noisegrid" / "images" / digest([hardware.stack(name).definition for name in stacks])


IMAGES = image_cache()


@pytest.fixture(scope="session")
def inside(once: Once) -> Path:
    """Working directory of a study that ran in containers, whose images the workflow itself built.

    An image of the same definition and pins that an earlier session built is used again.
    """
    if shutil.which("apptainer") is None:
        if os.environ.get("CI"):
            pytest.fail("Apptainer is missing on CI: .ci/run installs it")
        pytest.skip("Apptainer is not installed (builds images of 3 GB; .ci/install_apptainer.sh shows one way)")

    def make(folder: Path) -> None:
        done = in_containers(folder)
        assert done.returncode == 0, done.stdout

    return once("inside", make)


def in_containers(folder: Path, *arguments: object, **config: object) -> subprocess.CompletedProcess[str]:
    return snakemake(folder, *arguments, "--sdm", "apptainer", **{"study": INSIDE, "containers": IMAGES, **config})


@pytest.mark.apptainer
@pytest.mark.slow
class TestInside:
    def test_images_were_inspected_from_inside(self, inside):
        found = json.loads((IMAGES / "torch2.12-cu130.json").read_text())
        assert found["packages"]["torchvision"].startswith("0.27.1") and found["cuda"] == "13.0"
        assert {"sm_75", "sm_90", "sm_120"} <= set(found["arch"])
        assert found["definition"] == hardware.stack("torch2.12-cu130").definition
        analysis = json.loads((IMAGES / "analysis.json").read_text())
        assert "torch" not in analysis
        assert {"libc6", "python3"} <= {name.partition(":")[0] for name in found["debian"]}
        assert all(len(one["debian_sha256"]) == 64 for one in (found, analysis))

    @pytest.mark.release
    def test_an_image_with_other_debian_packages_than_the_build_before_says_so(self, inside, tmp_path):
        """The description of the image that stands for an earlier build has another version of one package."""
        found = json.loads((IMAGES / "analysis.json").read_text())
        (package,) = (name for name in found["debian"] if name.partition(":")[0] == "libc6")
        earlier = found | {"debian": found["debian"] | {package: "2.0-1"}, "debian_sha256": 64 * "0"}
        (tmp_path / "analysis.json").write_text(json.dumps(earlier))
        (tmp_path / "analysis.sif").symlink_to(IMAGES / "analysis.sif")
        inspect = ["python", "-m", "noisegrid", "inspect-image", "analysis", "--image", tmp_path / "analysis.sif"]
        binds = [word for place in (ROOT, IMAGES, tmp_path) for word in ("--bind", place)]
        environment = ["--env", f"PYTHONPATH={ROOT / 'workflow'}"]
        command = ["apptainer", "exec", *binds, *environment, IMAGES / "analysis.sif", *inspect]
        done = shell(*command, "--output", tmp_path / "analysis.json", cwd=tmp_path)
        change = f"{package} 2.0-1 -> {found['debian'][package]}"
        assert done.returncode == 0 and "(changed: 1)" in done.stdout and change in done.stdout, done.stdout
        (build,) = json.loads((tmp_path / "analysis.json").read_text())["earlier_builds"]
        assert build["debian_sha256"] == 64 * "0" and build["changes"] == [change]

    def test_every_replicate_proves_that_it_was_inside(self, inside):
        records = list((inside / "results/inside/replicates").rglob("record.json"))
        assert len(records) == 6
        image = json.loads((IMAGES / "torch2.12-cu130.json").read_text())["image_sha256"]
        assert {json.loads(path.read_text())["container"]["image_sha256"] for path in records} == {image}
        # there is no git in the image: what it says was asked outside
        assert {json.loads(path.read_text())["code"]["git_commit"] for path in records} == {provenance.tree()[0]}

    def test_weights_are_those_of_the_same_runs_outside(self, inside, finished):
        for noise in ("algo", "impl", "control"):
            for number in (0, 1):
                place = f"replicates/cpu/tiny-digits/{noise}/{number}/record.json"
                hashes = [json.loads((folder / place).read_text())["weight_hash"]
                          for folder in (inside / "results/inside", finished / "results/tiny")]  # fmt: skip
                assert hashes[0] == hashes[1], place

    def test_other_conditions_change_the_same_logits_as_outside(self, inside):
        within = json.loads((inside / "results/inside/inference/cpu/tiny-digits/control.json").read_text())
        record = "results/inside/replicates/cpu/tiny-digits/control/0/record.json"
        options = ["--batch-sizes", "1,8", "--threads", "1", "--examples", "16", "--json"]
        datasets = inside / "resources/datasets"
        done = noisegrid("invariance", record, *options, "--datasets", datasets, cwd=inside)
        outside = json.loads(done.stdout[done.stdout.index("{") :])
        assert within["conditions"] == outside["conditions"]
        assert any(condition["other_logits"] for condition in within["conditions"])

    def test_tables_figures_and_report_were_made_inside_too(self, inside):
        for product in ("tables/noise.html", "figures/figure_1.png", "figures/figure_6.png", "report.html",
                        "inference/cpu/tiny-digits/control.png"):  # fmt: skip
            assert (inside / "results/inside" / product).stat().st_size > 0

    def test_nothing_is_left_to_do_and_an_edit_of_the_code_rebuilds_nothing(self, inside):
        assert "Nothing to be done" in in_containers(inside, "-n").stdout

    @pytest.mark.release
    def test_an_image_that_was_built_again_from_the_same_definition_retrains_nothing(self, inside):
        before = {path: path.stat().st_mtime_ns for path in inside.rglob("record.json")}
        assert before
        for image in IMAGES.glob("*.sif"):
            image.touch()
        again = in_containers(inside)
        assert again.returncode == 0, again.stdout
        assert "inspect_image" in again.stdout and "rule train_replicates" in again.stdout
        assert {path: path.stat().st_mtime_ns for path in inside.rglob("record.json")} == before

    def test_results_of_another_definition_are_refused_before_an_image_is_built(self, inside, tmp_path):
        """A clone whose definition has one more line, on a machine that has no image of it yet."""
        other = clone(tmp_path / "clone")
        with (other / "containers/image.def").open("a") as definition:
            definition.write("# another line\n")
        done = in_containers(inside, root=other, containers=tmp_path / "none")
        assert done.returncode != 0 and "was trained in another container image than this call uses" in done.stdout
        assert not list(tmp_path.rglob("*.sif"))

    def test_the_same_results_are_not_continued_outside(self, inside):
        done = snakemake(inside, study=INSIDE)
        assert done.returncode != 0 and "outside of any image); call Snakemake as before" in done.stdout

    @pytest.mark.release
    def test_an_installed_wheel_runs_in_the_same_images_to_the_same_bits(self, inside, full, tmp_path):
        """Outside of any clone: the installed package is bound into the containers."""
        options = ["--sdm", "apptainer", "--cores", "2", "--config", f"containers={IMAGES}"]
        (tmp_path / "study.yaml").write_text(INSIDE.read_text())
        done = shell(full / "noisegrid", "run", "study.yaml", "--", *options, cwd=tmp_path)
        assert done.returncode == 0, done.stdout
        name = yaml.safe_load(INSIDE.read_text())["name"]
        assert hashes(tmp_path, name) == hashes(inside, name)
        records = [json.loads(path.read_text()) for path in tmp_path.rglob("record.json")]
        assert all(record["container"] and len(record["code"]["wheel_digest"]) == 16 for record in records)


def test_tiny_has_the_runs_that_inside_repeats():
    tiny, corner = (yaml.safe_load(path.read_text()) for path in (TINY, INSIDE))
    assert tiny["seed"] == corner["seed"] and tiny["tasks"]["tiny-digits"] == corner["tasks"]["tiny-digits"]
