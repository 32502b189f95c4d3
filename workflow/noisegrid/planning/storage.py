"""The space that a replicate takes on disk, computed from the catalog or measured on a finished one."""

from dataclasses import dataclass
from pathlib import Path

from noisegrid.data.form import Form
from noisegrid.records.record import replicate_folder
from noisegrid.study.study import EPOCHS, Cell, Study

#: The files of a replicate beside its weights: record.json, history.csv and predictions.npz.
FILES = 3
#: Their size beside what predictions.npz holds, a usual one: record.json has 11 kB for ten weight tensors.
RECORD_BYTES = 15_000


@dataclass(frozen=True)
class Stored:
    """What a replicate takes on disk.

    Attributes
    ----------
    bytes : int or None
        Its size; None if it is not known.
    files : int
        The number of its files.
    """

    bytes: int | None
    files: int


def stored(study: Study, hardware: str, task: str, results: Path) -> Stored:
    """Return what a replicate of a task takes on disk.

    The size follows from the weights of the network and the number of test examples, where the catalog has both.
    Otherwise, it is that of a replicate that has finished, if there is one.
    """
    vectors = sum(name in study.keep for name in ("weights", "midpoint_weights"))
    files = FILES + vectors
    cells = study.siblings(hardware, task)
    weights = study.requirements.get(task, {}).get("weights_mb")
    outputs = _predictions_bytes(study, cells[0])
    if outputs is not None and (weights is not None or not vectors):
        return Stored(round(vectors * (weights or 0) * 1e6) + outputs + RECORD_BYTES, files)
    return Stored(_measured(cells, results), files)


def _predictions_bytes(study: Study, cell: Cell) -> int | None:
    """Return the size of predictions.npz; None if the dataset's entry does not state what it depends on."""
    task, entry = cell.settings["task"], study.datasets[cell.dataset]
    form, examples = Form.of_entry(entry), entry.get("test_examples")
    if form is None or examples is None:
        return None
    if context := task.get("context"):  # each token of a window is an example
        examples = (examples - 1) // context * context
    labels = {"attributes": form.outputs, "values": 4 * form.outputs}.get(form.labels, 4)
    predicted = {"attributes": 2 * form.outputs, "values": 4 * form.outputs}.get(form.labels, 2)
    output = 4 * form.outputs if "logits" in study.keep else predicted
    epochs = task["epochs"] * predicted if EPOCHS in study.keep else 0
    return int(examples * (4 + labels + 2 * output + epochs))


def _measured(cells: list[Cell], results: Path) -> int | None:
    """Return the size of a finished replicate of one of the cells; None if there is none."""
    for cell in cells:
        for number in range(cell.replicates):
            folder = replicate_folder(results, cell, number)
            if (folder / "record.json").is_file():
                return sum(path.stat().st_size for path in folder.iterdir())
    return None
