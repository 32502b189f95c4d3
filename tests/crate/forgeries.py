"""What a careful forger might do to a package, and how `noisegrid verify` names it.

Every forgery edits the unpacked files; `factories.forged` then makes all checksums fit again.
"""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from factories import ALGO, RESULTS, rewrite_record

from noisegrid.crate.crate import METADATA
from noisegrid.records import record
from noisegrid.study.seeds import derive_seeds


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


def chunk_of(folder: Path) -> Path:
    return next((folder / RESULTS).glob("chunks/cpu/*.json"))


def other_run(folder: Path, seeds: dict[str, int] | None = None) -> None:
    """Replicate 1 is replicate 0 under another number, as its chunk file lists it too."""
    shutil.rmtree(folder / ALGO / "1")
    shutil.copytree(folder / ALGO / "0", folder / ALGO / "1")
    claims = {"replicate": 1, **({"seeds": seeds} if seeds else {})}
    rewrite_record(folder / ALGO / "1", lambda document: document.update(claims))
    chunk = chunk_of(folder)
    document = json.loads(chunk.read_text())
    listed = document["cells"]["cpu/short-digits/algo"]["weight_hashes"]
    listed["1"] = listed["0"]
    chunk.write_text(json.dumps(document))


def edit_predictions(folder: Path, change: Callable[[dict], object], save: Callable[..., object] = np.savez) -> None:
    """Edit the predictions of replicate 0, with a record that fits."""
    place = folder / ALGO / "0"
    with np.load(place / "predictions.npz") as found:
        arrays = dict(found)
    change(arrays)
    save(place / "predictions.npz", **arrays)
    rewrite_record(place, lambda _: None)


def better_predictions(folder: Path) -> None:
    edit_predictions(folder, lambda arrays: arrays.update(logits=np.eye(10, dtype=np.float32)[arrays["label"]]))


def pickled_predictions(folder: Path) -> None:
    """Arrays of Python objects: numpy would run what they say."""
    place = folder / ALGO / "0"
    np.savez(place / "predictions.npz", allow_pickle=True, label=np.array([Bomb(folder)], dtype=object))
    rewrite_record(place, lambda _: None)


def compressed_predictions(folder: Path) -> None:
    edit_predictions(folder, lambda arrays: None, save=np.savez_compressed)


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
    def change(arrays: dict) -> None:
        arrays["label"][0] = label if arrays["label"][0] != label else label + 1

    edit_predictions(folder, change)


def edit_history(folder: Path) -> None:
    path = folder / ALGO / "0/history.csv"
    head, line = path.read_text().splitlines()
    epoch, rate, _, seconds = line.split(",")
    path.write_text(f"{head}\n{epoch},{rate},0.001,{seconds}\n")
    rewrite_record(folder / ALGO / "0", lambda _: None)


def forget_a_replicate(folder: Path) -> None:
    """The worst run is taken out of the folders and out of the chunk file."""
    shutil.rmtree(folder / ALGO / "2")
    document = json.loads(chunk_of(folder).read_text())
    del document["cells"]["cpu/short-digits/algo"]["weight_hashes"]["2"]
    chunk_of(folder).write_text(json.dumps(document))


def look_elsewhere(folder: Path) -> None:
    """A record that lists a file of the reader's."""
    more = {"/etc/passwd": record._fingerprint(Path("/etc/passwd"))}
    rewrite_record(folder / ALGO / "0", lambda document: document["files"].update(more))


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
        r"tables/noise.tex says '99\S*.*', but '\d.*' is computed",
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
        edit_text(f"{RESULTS}cells/cpu/short-digits.csv", r"(algo,churn,all,percent,)[^,]+", r"\g<1>0.01"),
        r"cells/cpu/short-digits.csv: cpu short-digits algo churn all: value is 0.01",
    ),
    "a timing": (
        edit_text(f"{RESULTS}overhead.csv", r",step,", ",stepp,"),
        r"overhead.csv: ",
    ),
    "a finding": (
        edit_text(f"{RESULTS}findings.md", r"1 of 1 control", "0 of 1 control"),
        r"findings.md says '.* in 0 of 1 control .*', but '.* in 1 of 1 control .*' is computed",
    ),
    "a figure": (another_figure, r"figures/figure_1.png differs from the figure drawn again"),
    "a logit": (
        better_predictions,
        r"short-digits.csv: cpu short-digits algo accuracy replicate 0: value is \S+ in the crate",
    ),
    "two replicates swapped": (swap, r"replicate 0 of cpu/short-digits/algo is replicate 1 of .*swapped"),
    "two replicates swapped, with records": (
        swap_and_say_so,
        r"replicate 0 of cpu/short-digits/algo does not have the seeds of its number",
    ),
    "one run counted twice": (other_run, r"replicate 1 of cpu/short-digits/algo does not have the seeds of its number"),
    "a replicate taken away": (
        lambda folder: shutil.rmtree(folder / ALGO / "2"),
        r"replicate 2 of cpu/short-digits/algo is missing, although the chunk file of its job lists it",
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
        r"metrics.csv has the columns study.*, value, but should have study",
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
        r"tables/claims.md says '-.+', but '\d.*' is computed",
    ),
    "a distance between equal weights": (
        edit_text(f"{RESULTS}cells/cpu/short-digits.csv", r"(control,l2_raw_buffers,all,1,)0", r"\g<1>7"),
        r"short-digits.csv: cpu short-digits control l2_raw_buffers all is in the crate, but is not computed again",
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
        lambda folder: shutil.copy(chunk_of(folder), chunk_of(folder).with_name("0-1.json")),
        r"replicate 0 of cpu/short-digits/algo is listed twice",
    ),
    "a bad run that never was": (
        forget_a_replicate,
        r"1 replicates are in no chunk file, but the crate states that the study is finished",
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
