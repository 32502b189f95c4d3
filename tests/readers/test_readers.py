"""The real readers on small data in the published on-disk formats: pickled batches, CelebA's tables, ImageNet folders.

Only the checksums that torchvision and the catalog have are replaced, by those of the small files.
"""

import gzip
import hashlib
import pickle
import re
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision.datasets as reference
from PIL import Image

from noisegrid import stats
from noisegrid.common.errors import NoisegridError
from noisegrid.common.schemas import catalog
from noisegrid.data.prepared import open_prepared, prepare
from noisegrid.readers import images as readers


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def write_cifar(folder: Path, reader: type, label_key: bytes, classes: int, monkeypatch) -> np.ndarray:
    """Batches as published: pickled dictionaries of uint8 rows, red then green then blue, in a tar.gz."""
    rng, base = np.random.default_rng(0), folder / "make" / reader.base_folder
    base.mkdir(parents=True)
    images = []
    for entries in (reader.train_list, reader.test_list):
        for entry in entries:
            data = rng.integers(0, 256, (4, 3072), dtype=np.uint8)
            images.append(data)
            labels = rng.integers(0, classes, 4).tolist()
            (base / entry[0]).write_bytes(pickle.dumps({"data": data, label_key.decode(): labels}))
    names = {reader.meta["key"]: [f"class {k}" for k in range(classes)]}
    (base / reader.meta["filename"]).write_bytes(pickle.dumps(names))
    with tarfile.open(folder / reader.filename, "w:gz") as archive:
        archive.add(base, reader.base_folder)
    for part in ("train_list", "test_list"):
        monkeypatch.setattr(reader, part, [[e[0], md5(base / e[0])] for e in getattr(reader, part)])
    monkeypatch.setattr(reader, "meta", {**reader.meta, "md5": md5(base / reader.meta["filename"])})
    monkeypatch.setattr(reader, "tgz_md5", md5(folder / reader.filename))
    checksums = {reader.filename: f"md5:{md5(folder / reader.filename)}"}
    monkeypatch.setattr(readers, "catalog", lambda _: {reader.__name__.lower(): {"checksums": checksums}})
    return np.concatenate(images).reshape(-1, 3, 32, 32)


@pytest.mark.parametrize(("name", "key", "classes"), [("CIFAR10", b"labels", 10), ("CIFAR100", b"fine_labels", 100)])
def test_cifar(tmp_path, monkeypatch, name, key, classes):
    images = write_cifar(tmp_path, getattr(reference, name), key, classes, monkeypatch)
    data = getattr(readers, name.lower())(tmp_path, tmp_path / "cache")
    assert np.array_equal(np.concatenate([data.train_inputs, data.test_inputs]), images)
    assert data.train_labels.max() < classes and len(data.test_labels) == 4


def test_a_truncated_cifar_archive_is_named(tmp_path, monkeypatch):
    write_cifar(tmp_path, reference.CIFAR10, b"labels", 10, monkeypatch)
    archive = tmp_path / "cifar-10-python.tar.gz"
    archive.write_bytes(archive.read_bytes()[:-100])
    with pytest.raises(NoisegridError, match=r"cifar-10-python\.tar\.gz is not the published file"):
        readers.cifar10(tmp_path, tmp_path)


def write_fashion_mnist(folder: Path, monkeypatch) -> dict[str, bytes]:
    """Two images per part in the published format (big-endian sizes, then bytes); the catalog has their checksums."""
    content = {}
    for part in ("train", "t10k"):
        content[f"{part}-images-idx3-ubyte"] = struct.pack(">4I", 2051, 2, 28, 28) + bytes(range(224)) * 7
        content[f"{part}-labels-idx1-ubyte"] = struct.pack(">2I", 2049, 2) + bytes([3, 9])
    folder.mkdir(parents=True)
    for name, data in content.items():
        (folder / name).write_bytes(data)
        (folder / f"{name}.gz").write_bytes(gzip.compress(data))
    checksums = {name: f"sha256:{hashlib.sha256(data).hexdigest()}" for name, data in content.items()}
    monkeypatch.setattr(readers, "catalog", lambda _: {"fashion_mnist": {"checksums": checksums}})
    return content


def test_a_downloaded_fashion_mnist_is_checked_like_a_users(tmp_path, monkeypatch):
    """torchvision downloads nothing where the unpacked files exist, and checks no content then."""
    raw = tmp_path / "FashionMNIST/raw"
    write_fashion_mnist(raw, monkeypatch)
    data = readers.fashion_mnist(None, tmp_path)
    assert data.train_inputs.shape == (2, 1, 28, 28) and data.test_labels.tolist() == [3, 9]
    for packed in (raw / "t10k-labels-idx1-ubyte.gz", raw / "train-images-idx3-ubyte.gz"):
        packed.write_bytes(gzip.compress(gzip.decompress(packed.read_bytes())[:-1] + b"\x07"))
        for folder in (None, raw):
            with pytest.raises(NoisegridError, match=f"{packed.name} does not contain the published data"):
                readers.fashion_mnist(folder, tmp_path)
        packed.write_bytes(gzip.compress((raw / packed.stem).read_bytes()))


def test_the_catalog_has_the_checksums_that_torchvision_checks():
    celeba = {file: md5 for _, md5, file in reference.CelebA.file_list if file.endswith(".txt")}
    published = {
        "cifar10": {reference.CIFAR10.filename: reference.CIFAR10.tgz_md5},
        "cifar100": {reference.CIFAR100.filename: reference.CIFAR100.tgz_md5},
        "celeba": celeba,
        "imagenet": dict(reference.imagenet.ARCHIVE_META.values()),
    }
    for name, files in published.items():
        assert catalog("datasets")[name]["checksums"] == {file: f"md5:{md5}" for file, md5 in files.items()}


def test_every_dataset_that_is_not_bundled_has_checksums():
    for name, entry in catalog("datasets").items():
        checksums = entry.get("checksums", {})
        assert bool(checksums) != entry.get("bundled", False), name
        assert all(re.fullmatch("md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}", text) for text in checksums.values()), name


def write_celeba(root: Path, monkeypatch, count: int = 12) -> tuple[list[str], np.ndarray]:
    """Tables as published: a count line, a header, one row per image with -1 and 1; partitions 0, 1, 2."""
    base, rng = root / "celeba", np.random.default_rng(1)
    (base / "img_align_celeba").mkdir(parents=True)
    names = [f"A{k}" for k in range(37)] + ["Male", "Young", "Blond_Hair"]
    values = rng.choice([-1, 1], (count, 40))
    files = [f"{k + 1:06d}.jpg" for k in range(count)]
    for k, file in enumerate(files):
        Image.new("RGB", (178, 218), (20 * k, 0, 255 - 20 * k)).save(base / "img_align_celeba" / file)

    def table(head: list[str], rows: np.ndarray) -> str:
        return "\n".join(head + [f"{f} {' '.join(map(str, row))}" for f, row in zip(files, rows, strict=True)]) + "\n"

    (base / "list_attr_celeba.txt").write_text(table([str(count), " ".join(names)], values))
    (base / "identity_CelebA.txt").write_text(table([], np.ones((count, 1), int)))
    (base / "list_bbox_celeba.txt").write_text(table([str(count), "image_id x_1 y_1 w h"], np.ones((count, 4), int)))
    (base / "list_landmarks_align_celeba.txt").write_text(table([str(count), "a b"], np.ones((count, 10), int)))
    (base / "list_eval_partition.txt").write_text(table([], np.repeat([0, 1, 2], count // 3)[:, None]))
    listed = [(i, md5(base / f) if (base / f).exists() else m, f) for i, m, f in reference.CelebA.file_list]
    monkeypatch.setattr(reference.CelebA, "file_list", listed)
    return names, values


def test_celeba_with_its_sub_groups(tmp_path, monkeypatch):
    names, values = write_celeba(tmp_path, monkeypatch)
    prepare("celeba", catalog("datasets")["celeba"], tmp_path, tmp_path / "prepared")
    data = open_prepared(tmp_path / "prepared")
    assert data.train_inputs.shape == (4, 3, 128, 128) and data.test_labels.shape == (4, 40)
    assert np.array_equal(data.test_labels, values[8:] > 0)
    assert data.group_names[:4] == ["male", "female", "young", "old"] and len(data.group_names) == 8
    groups = dict(zip(data.group_names, np.asarray(data.groups).T, strict=True))
    assert np.array_equal(groups["male"], values[8:, names.index("Male")] > 0)
    assert np.array_equal(groups["female, old"], groups["female"] & groups["old"])
    assert names[data.target] == "Blond_Hair"
    red, _, blue = np.asarray(data.train_inputs[3]).mean(axis=(1, 2))  # the fourth image, colour as written
    assert abs(red - 60) < 3 and abs(blue - 195) < 3


def test_celeba_without_its_tables_is_one_sentence(tmp_path, monkeypatch):
    write_celeba(tmp_path, monkeypatch)
    (tmp_path / "celeba" / "list_attr_celeba.txt").write_text("edited")
    with pytest.raises(NoisegridError, match=r"CelebA in .* not found or corrupted"):
        readers.celeba(tmp_path, tmp_path)


def test_imagenet_folders(tmp_path):
    """As torchvision leaves it after unpacking: meta.bin, and a folder of JPEGs per class in train and val."""
    wnids = ["n01440764", "n01443537"]
    torch.save(({wnid: (f"name of {wnid}",) for wnid in wnids}, wnids), tmp_path / "meta.bin")
    for part, size in (("train", (400, 300)), ("val", (300, 500))):
        for k, wnid in enumerate(wnids):
            (tmp_path / part / wnid).mkdir(parents=True)
            Image.new("RGB", size, (200 * k, 0, 0)).save(tmp_path / part / wnid / "a.JPEG")
    prepare("imagenet", catalog("datasets")["imagenet"], tmp_path, tmp_path / "prepared")
    data = open_prepared(tmp_path / "prepared")
    assert data.train_inputs.shape == data.test_inputs.shape == (2, 3, 256, 256)
    assert data.train_labels.tolist() == [0, 1]
    assert np.asarray(data.test_inputs[1]).mean(axis=(1, 2))[0] == pytest.approx(200, abs=3)


def test_a_licensed_dataset_is_never_fetched(tmp_path):
    with pytest.raises(NoisegridError, match="the licence of ImageNet forbids automatic download"):
        readers.imagenet(None, tmp_path)


def test_group_spreads_by_hand():
    """Two runs, eight images: 0 to 3 are positive, 4 to 7 negative; the group holds the images 0, 1 and 4 to 7."""
    positive = np.array([True] * 4 + [False] * 4)
    correct = np.ones((2, 8), bool)
    correct[1, [0, 4, 5, 6]] = False  # the second run misses one positive, and three negatives
    masks = np.array([[True, True, False, False, True, True, True, True]])
    accuracy = [np.std([1, 4 / 8], ddof=1), np.std([1, 2 / 6], ddof=1)]
    false_positive = [np.std([0, 3 / 4], ddof=1)] * 2  # of 4 negatives, all of them in the group
    false_negative = [np.std([0, 1 / 4], ddof=1), np.std([0, 1 / 2], ddof=1)]  # of 4 positives, 2 in the group
    groups = stats.SubGroups(positive, masks)
    found = groups.spreads(groups.parts.hits(correct)[:, None], np.zeros(2))[0]
    assert found == pytest.approx(np.array([accuracy, false_positive, false_negative]))
