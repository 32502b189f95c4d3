"""Datasets: the real readers, the prepared form, and every way in which files can be wrong."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import noisegrid, run

from noisegrid.common.errors import NoisegridError
from noisegrid.data.prepared import open_prepared
from noisegrid.study.study import digest

FASHION = Path("/usr/share/datasets/fashion-mnist")  # Debian's dataset-fashion-mnist


def prepare(folder: Path, dataset: str, *options: object) -> str:
    done = noisegrid("prepare-dataset", dataset, "--output", folder / "manifest.json", *options)
    return "" if done.returncode == 0 else done.stdout


def test_digits_are_the_real_ones(datasets):
    from sklearn.datasets import load_digits

    digits = open_prepared(datasets / "digits")
    images = np.concatenate([digits.train_inputs, digits.test_inputs])
    assert np.array_equal(images.reshape(-1, 64), load_digits().data)
    assert (len(digits.train_labels), len(digits.test_labels), digits.form.full_scale) == (1200, 597, 16)


def test_preparing_twice_gives_one_digest(datasets, tmp_path):
    assert not prepare(tmp_path, "digits")
    assert open_prepared(tmp_path).digest == open_prepared(datasets / "digits").digest


def test_one_line_says_what_was_prepared_and_where(tmp_path):
    done = noisegrid("prepare-dataset", "digits", "--output", tmp_path / "manifest.json")
    digest = open_prepared(tmp_path).digest[:8]
    assert done.stdout == (f"dataset digits: 1,200 training and 597 test examples in {tmp_path}, digest {digest}…\n")


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda path: path.unlink(), "train_inputs.npy is missing"),
        (lambda path: path.write_bytes(path.read_bytes()[:-9]), "truncated"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1] + b"\xff"), "does not match the checksum"),
    ],
)
def test_a_harmed_copy_is_named(tmp_path, harm, message):
    prepare(tmp_path, "digits")
    harm(tmp_path / "train_inputs.npy")
    with pytest.raises(NoisegridError, match=message):
        open_prepared(tmp_path)


def test_an_edited_manifest_is_named(tmp_path):
    prepare(tmp_path, "digits")
    manifest = tmp_path / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"full_scale": 16', '"full_scale": 255'))
    with pytest.raises(NoisegridError, match="changed by hand"):
        open_prepared(tmp_path)


def test_a_copy_that_another_version_prepared_is_named(tmp_path):
    prepare(tmp_path, "digits")
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    older = {key: value for key, value in manifest.items() if key not in ("group_names", "digest", "notes")}
    (tmp_path / "manifest.json").write_text(json.dumps({**older, "digest": digest(older)}))
    with pytest.raises(NoisegridError, match="prepared by another version"):
        open_prepared(tmp_path)


def test_files_that_are_not_the_published_ones_are_refused(tmp_path):
    for content, message in [
        (b"not what it says", "train-images-idx3-ubyte.gz cannot be unpacked"),
        (gzip.compress(b"other images")[:-4], "train-images-idx3-ubyte.gz cannot be unpacked"),
        (gzip.compress(b"other images"), "train-images-idx3-ubyte.gz does not contain the published data"),
    ]:
        for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
            (tmp_path / f"{name}-ubyte.gz").write_bytes(content)
        error = prepare(tmp_path / "out", "fashion_mnist", "--folder", tmp_path)
        assert message in error
        assert "Traceback" not in error
        assert not (tmp_path / "out" / "manifest.json").exists()


@pytest.mark.skipif(not FASHION.is_dir(), reason="Debian's dataset-fashion-mnist is not installed")
def test_fashion_mnist_through_torchvisions_own_reader(tmp_path):
    assert not prepare(tmp_path, "fashion_mnist", "--folder", FASHION)
    fashion = open_prepared(tmp_path)
    assert fashion.train_inputs.shape == (60_000, 1, 28, 28)
    assert fashion.test_inputs.shape == (10_000, 1, 28, 28)
    assert np.bincount(fashion.test_labels).tolist() == [1000] * 10


#: Writes a dataset whose images come one by one: two megabytes of training images, and ten test images.
ONE_BY_ONE = """
import sys
from pathlib import Path
import numpy as np
from noisegrid.common.errors import NoisegridError
from noisegrid.data import prepared
from noisegrid.readers import Images, Raw

def images(count):
    return Images(count, (1, 64, 64), (np.full((1, 64, 64), number % 256, np.uint8) for number in range(count)))

data = Raw(images(512), np.arange(512) % 2, images(10), np.arange(10) % 2)
try:
    prepared.write("mine", {"classes": 2, "full_scale": 255}, data, [], Path(sys.argv[1]))
except NoisegridError as error:
    sys.exit(f"refused: {error}")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system takes root")
@pytest.mark.parametrize("megabytes", [1, 4])
def test_a_disk_that_is_too_small_for_images_is_named(tmp_path, megabytes):
    """They are written into a memory map, where a full disk would end the process with SIGBUS."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", place], check=True)
    try:
        done = run(sys.executable, "-c", ONE_BY_ONE, place)
        if megabytes == 4:
            assert done.returncode == 0, done.stdout
            assert (place / "train_inputs.npy").stat().st_size == 512 * 64 * 64 + 128
            return
        assert done.returncode == 1, (done.returncode, done.stdout)
        says = f"refused: cannot write {place}/train_inputs.npy: the disk at {place} is full; make space and run again"
        assert done.stdout.startswith(says) and done.stdout.count("\n") == 1
        assert list(place.iterdir()) == []
    finally:
        subprocess.run(["umount", place], check=True)
