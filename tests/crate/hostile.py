"""Packages that are made to use up the memory or the time of whoever opens them."""

import json
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from factories import ALGO, RESULTS, rewrite_record
from forgeries import chunk_of, edit_predictions, edit_text

from noisegrid.common.files import sha256, write_with_checksum
from noisegrid.crate import archive
from noisegrid.crate.crate import CHECKSUMS, METADATA


def zip_of(path: Path, names: list[str], content: bytes = b"", extra: bytes = b"") -> Path:
    """Write a zip with entries of these names; the standard library's writer is used, and checks nothing."""
    with zipfile.ZipFile(path, "w") as file:
        for name in names:
            entry = zipfile.ZipInfo(name, archive.DATE)
            kind = stat.S_IFDIR | 0o755 if name.endswith("/") else stat.S_IFREG | 0o644
            entry.external_attr, entry.create_system, entry.extra = kind << 16, 3, extra
            file.writestr(entry, b"" if name.endswith("/") else content)
    return path


def declare(path: Path, size: int) -> Path:
    """Let the last entry of a zip declare another size, in its directory."""
    data = bytearray(path.read_bytes())
    place = data.rindex(b"PK\1\2")
    data[place + 20 : place + 28] = struct.pack("<II", size, size)
    path.write_bytes(data)
    return path


def rebuilt(package: Path, place: Path, edit: Callable[[Path], object]) -> Path:
    """Return the package with its files edited, and with checksums.sha256 made to fit again."""
    folder = place / "rebuilt"
    archive.unpack(package, folder)
    edit(folder)
    files = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
    sums = [f"{sha256(path)}  {name}\n" for name, path in files.items() if name != CHECKSUMS]
    (folder / CHECKSUMS).write_text("".join(sums))
    archive.write(files, place / "rebuilt.zip")
    return place / "rebuilt.zip"


#: Zips that are refused before anything of them is unpacked, and how the entry and the limit are named.
ZIPS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "names with very many folders": (
        lambda path: zip_of(path, [f"{'d/' * 32_000}{number}" for number in range(6)]),
        r"its entry 'd/d/\S+' has a name of 64,001 bytes \(limit: 512\)",
    ),
    "a folder too deep": (
        lambda path: zip_of(path, ["d/" * count for count in range(1, 60)]),
        r"the entry '(d/)+' lies in more than 20 folders",
    ),
    "a folder for every file": (
        lambda path: zip_of(path, [f"{number}/a/b/c/d/e/f/g/h/i" for number in range(20_000)]),
        r"it contains 0/a/b/c/d/e/f/g/h/i without an entry for 0/a/b/c/d/e/f/g/h/",
    ),
    "too many entries": (
        lambda path: zip_of(path, [str(number) for number in range(100_001)]),
        r"its directory has at least 100,001 entries \(limit: 100,000\)",
    ),
    "extra fields of many parts": (
        lambda path: zip_of(path, [str(number) for number in range(99)], extra=b"\xff\xff\0\0" * 16_000),
        r"its entry '0' has an extra field and a comment of 64,000 bytes \(limit: 64\)",
    ),
    "a very large size": (
        lambda path: declare(zip_of(path, ["a", "b"], b"x"), 0xFFFFFFF0),
        r"its entries up to b declare 4,294,967,281 bytes, but the file has \d+",
    ),
}  # fmt: skip

ABOUT = {
    "format": 3, "noisegrid": "0.2.0", "commit": None, "matplotlib": "3.0", "study": "x", "description": "", "seed": 1,
    "weights": False, "finished": True, "cells": [], "timed_networks": [],
}  # fmt: skip
CELL = {"hardware": "cpu", "task": "t", "noise": "algo", "replicates": 2, "settings": {"noise": "algo", "seed": 1}}
DEEP = "[" * 500_000 + "]" * 500_000
#: Designs (noisegrid.json) that are refused before anything else of a package is read.
DESIGNS: dict[str, tuple[str, str]] = {
    "nested without end": (DEEP, r"noisegrid.json is nested deeper than 30 levels"),
    "nested a little deeper": ('{"a":' * 40 + "1" + "}" * 40, r"noisegrid.json is nested deeper than 30 levels"),
    "very long": (json.dumps(ABOUT | {"description": "x" * 4_000_001}), r"noisegrid.json has 4,000,\d+ bytes"),
    "many cells": (
        json.dumps(ABOUT | {"cells": [CELL | {"task": f"t{number}"} for number in range(20_000)]}),
        r"noisegrid.json: cells: 20,000; a crate may have at most 300",
    ),
    "large settings": (
        json.dumps(ABOUT | {"cells": [CELL | {"settings": CELL["settings"] | {"a": "x" * 100_000}}]}),
        r"bytes of its settings: 100,\d+; a crate may have at most 64,000",
    ),
    "a very long key": (json.dumps(ABOUT | {"y" * 3_000_000: 1}), r"unknown key 'yyyy.*\(cut\)"),
}


def text_of(name: str, text: str) -> Callable[[Path], None]:
    """Return an edit that writes a file."""
    return lambda folder: (folder / name).write_text(text) and None


def _aliases() -> str:
    """Return YAML of a few hundred bytes that expands to 10^9 items."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    return "\n".join([*lines, "authors: *a8"]) + "\n"


def many_classes(folder: Path) -> None:
    """A label of a class whose number is the largest, in predictions without logits."""

    def change(arrays: dict) -> None:
        for name in ("logits", "midpoint_logits"):
            del arrays[name]
        arrays["label"] = arrays["label"].astype(np.int32)
        arrays["label"][0] = 2**31 - 2
        arrays["predicted"] = arrays["midpoint_predicted"] = np.zeros(len(arrays["label"]), np.int16)

    edit_predictions(folder, change)


def many_labels(folder: Path) -> None:
    """Two million and one examples, in predictions without logits."""
    count = 2_000_001
    small = {name: np.zeros(count, np.int16) for name in ("label", "predicted", "midpoint_predicted")}
    edit_predictions(folder, lambda arrays: (arrays.clear(), arrays.update(small, example_id=np.arange(count))))


def many_bytes(folder: Path) -> None:
    """Names of sub-groups that are very long."""
    edit_predictions(folder, lambda arrays: arrays.update(group_name=np.zeros(1, "U8000001")))


def many_columns(folder: Path) -> None:
    """Logits of very many classes."""
    edit_predictions(folder, lambda arrays: arrays.update(logits=np.zeros((len(arrays["label"]), 10_001), np.float32)))


def more_logits(folder: Path) -> None:
    """Logits of more examples than there are labels."""
    edit_predictions(folder, lambda arrays: arrays.update(logits=np.zeros((2_000_000, 10), np.float32)))


def logits_by_column(folder: Path) -> None:
    """Logits that are stored column by column."""
    edit_predictions(folder, lambda arrays: arrays.update(logits=np.asfortranarray(arrays["logits"])))


def many_chunks(folder: Path) -> None:
    """Chunk files that together are long, each of which covers every cell."""
    path = chunk_of(folder)
    text = path.read_text()
    for number in range(100, 200):
        path.with_name(f"{number}-{number}.json").write_text(text + " " * 90_000)


def many_kernels(folder: Path) -> None:
    """A table of the overhead with a column for each of many arms."""
    path = folder / RESULTS / "overhead.csv"
    head, first, *_ = path.read_text().splitlines()
    columns, fields = head.split(","), first.split(",")
    place = {name: columns.index(name) for name in ("arm", "measure", "kernel")}
    lines = []
    for number in range(20_000):
        fields[place["arm"]], fields[place["measure"]], fields[place["kernel"]] = f"a{number}", "kernel", f"k{number}"
        lines.append(",".join(fields))
    text = "\n".join([head, *lines]) + "\n"
    path.write_text(text)
    write_with_checksum(folder / RESULTS / "overhead/cpu/smallcnn.csv", text)


def flag(**flags: object) -> Callable[[Path], None]:
    """Return an edit of the flags of replicate 0, with a record that fits."""
    return lambda folder: rewrite_record(folder / ALGO / "0", lambda record: record["flags"].update(flags))


def layout(change: Callable[[list], object]) -> Callable[[Path], None]:
    """Return an edit of the layout of replicate 0, with a record that fits."""
    return lambda folder: rewrite_record(folder / ALGO / "0", lambda record: change(record["layout"]))


STYLES = "<style>" * 400_000
#: Edits of a package that is otherwise right, and what verify says.
EDITS: dict[str, tuple[Callable[[Path], object], str]] = {
    "YAML aliases": (text_of("code/CITATION.cff", _aliases()), r"CITATION.cff has an alias or more than 10 levels"),
    "YAML nested deeply": (text_of("code/CITATION.cff", "a: " + "[" * 60_000), r"CITATION.cff has an alias or more"),
    "no authors": (text_of("code/CITATION.cff", "authors: 3\n"), r"CITATION.cff does not list authors with names"),
    "a long CITATION.cff": (
        text_of("code/CITATION.cff", "x" * 70_000), r"code/CITATION.cff has 70,000 bytes; .* at most 64,000"),
    "styles that do not end": (
        text_of(f"{RESULTS}tables/claims.html", STYLES),
        r"tables/claims.html says '(style|<)', but '[^']+' is computed"),
    "metadata nested deeply": (text_of(METADATA, DEEP), r"ro-crate-metadata.json is nested deeper than 30 levels"),
    "metadata without entities": (text_of(METADATA, "[]"), r"ro-crate-metadata.json is not a list of entities"),
    "a record nested deeply": (text_of(f"{ALGO}0/record.json", DEEP), r"record.json\S* .*nested"),
    "a long record": (text_of(f"{ALGO}0/record.json", " " * 1_000_001), r"0/record.json has 1,000,001 bytes"),
    "a table of many rows": (
        text_of(f"{RESULTS}tables/noise.csv", "a\n" + "1\n" * 3_000_000), r"tables/noise.csv: rows: 3,000,000"),
    "a table of many columns": (
        text_of(f"{RESULTS}metrics.csv", "a," * 3_000_000 + "a\n"), r"metrics.csv: columns: 2,\d+; .* at most 64"),
    "a header that does not end": (
        text_of(f"{RESULTS}metrics.csv", '"a\n' + "," * 3_000_000), r"metrics.csv does not begin with a line of"),
    "a chunk file nested deeply": (
        lambda folder: chunk_of(folder).write_text(DEEP), r"chunks/cpu/\S+.json is nested deeper than 30 levels"),
    "many chunk files": (many_chunks, r"results/pair/chunks/ \(all files, up to \S+\) has \d,\d+,\d+ bytes"),
    "a chunk file without cells": (
        lambda folder: chunk_of(folder).write_text("{}"), r"chunks/cpu/\S+.json does not list the replicates of cpu/"),
    "many classes": (many_classes, r"classes or attributes: 2,147,483,647; a crate may have at most 10,000"),
    "many labels": (many_labels, r"predictions.npz: labels: 2,000,001; a crate may have at most 2,000,000"),
    "a long array": (many_bytes, r"predictions.npz: group_name.npy has 32,000,004 bytes; .* at most 32,000,000"),
    "many columns of logits": (
        many_columns, r"predictions.npz: classes or attributes: 10,001; a crate may have at most 10,000"),
    "more logits than labels": (more_logits, r"predictions.npz: labels and logits do not match in shape"),
    "logits stored by column": (logits_by_column, r"not float32, or its values are stored column by column"),
    "many arms": (many_kernels, r"overhead.csv: arms: 20,000; a crate may have at most 100"),
    "rows of another study": (
        edit_text(f"{RESULTS}metrics.csv", r"pair,cpu,short-digits", "pair,cpu,other"),
        r"metrics.csv: pair cpu other algo replicates_diverged all is in the crate, but is not computed again"),
    "threads": (flag(threads=1_000_000), r"replicate 0 of \S+ has the flag threads 1000000, but its cell allows"),
    "threads that are true": (flag(threads=True), r"has the flag threads True, but its cell allows only 1"),
    "an unknown flag": (flag(turbo=1), r"replicate 0 of \S+ has flags that no plan gives, or lacks some: turbo"),
    "an instruction set": (flag(aten="avx1024"), r"has the flag aten 'avx1024', but its cell allows only '' or 'avx2'"),
    "a gap in the layout": (
        layout(lambda tensors: tensors[1].update(start=145)), r"has a layout that does not add up at 0.bias"),
    "a layout of another size": (
        layout(lambda tensors: tensors[-1].update(shape=[11])), r"has a layout of 15,435 values, which do not fit"),
    "a layout of very large tensors": (
        layout(lambda tensors: tensors[-1].update(shape=[10**12, 10**12])), r"has a layout of more than 1,000,000"),
    "a tensor of very many dimensions": (
        layout(lambda tensors: tensors[-1].update(shape=[9] * 100_000)), r"12.bias has an impossible shape"),
    "a replicate too many": (
        lambda folder: (folder / ALGO / "2").rename(folder / ALGO / "7")
        and rewrite_record(folder / ALGO / "7", lambda record: record.update(replicate=7)),
        r"replicate 7 of \S+ is not one of the 3 replicates of its cell"),
    "epochs": (
        edit_text("noisegrid.json", r'"epochs": 1', '"epochs": 1000000000'),
        r"noisegrid.json: the cell cpu/short-digits/algo: task.epochs is 1,000,000,000, but no plan has more than"),
    "a batch": (
        edit_text("noisegrid.json", r'"batch_size": \d+', '"batch_size": 1000000000'),
        r"task.batch_size is 1,000,000,000, but no plan has more than 1,000,000"),
    "a width": (
        edit_text("noisegrid.json", r'"batch_norm": false', '"batch_norm": false, "width": 1e12'),
        r"task.options.width is 1000000000000.0, but no network has more than 1,000,000"),
    "replicates": (
        edit_text("noisegrid.json", r'"replicates": 3', '"replicates": 1000000000'),
        r"noisegrid.json: cells\[0\].replicates: 1000000000 is greater than the maximum of 100000"),
    "threads in the design": (
        edit_text("noisegrid.json", r'"threads": 1\b', '"threads": 1000000'),
        r"hardware.kernels: no plan has more than 1,024 threads"),
}  # fmt: skip
