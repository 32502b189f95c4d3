"""Prepare a dataset: read the raw files once, and write arrays (with checksums) that training runs memory-map."""

import argparse
from pathlib import Path

EXAMPLE = "noisegrid prepare-dataset digits --output resources/datasets/digits/manifest.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("dataset", metavar="DATASET", help="a name in workflow/catalog/datasets.yaml or in the study")
    parser.add_argument("--study", help="the study, if it defines the dataset")
    parser.add_argument("--folder", type=Path, help="folder of the raw files (default: download them)")
    parser.add_argument("--output", type=Path, required=True, help="the manifest.json to write")


def run(options: argparse.Namespace) -> None:
    """Run the subcommand."""
    from noisegrid.common.errors import NoisegridError, unknown
    from noisegrid.common.escape import terminal
    from noisegrid.common.schemas import catalog
    from noisegrid.data import prepared
    from noisegrid.data.form import TOKENS
    from noisegrid.planning import trial
    from noisegrid.study.resolve import load

    study = load(options.study) if options.study else None
    name, entries = options.dataset, study.datasets if study else catalog("datasets")
    if name not in entries:
        raise NoisegridError(unknown("dataset", name, entries))
    entry, folder = entries[name], options.output.parent
    data, notes = prepared.read(name, entry, options.folder, folder)
    # before the images are written, so that a wrong network does not cost a second preparation
    for note in trial.check_dataset(study, name, data) if study else []:
        print(f"note: {note}", flush=True)
    for note in prepared.write(name, entry, data, notes, folder):
        print(f"note: dataset {name}: {note}", flush=True)
    found = prepared.open_prepared(folder)
    what = "tokens" if found.form.kind == TOKENS else "examples"
    counts = f"{len(found.train_inputs):,} training and {len(found.test_inputs):,} test {what}"
    print(f"dataset {name}: {counts} in {terminal(str(folder))}, digest {found.digest[:8]}…", flush=True)
