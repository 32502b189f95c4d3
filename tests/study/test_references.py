"""References to a user's functions: found by reading, without an import, whatever form their definition has."""

import sys

import pytest
from factories import cells, study, write_study

from noisegrid.common.errors import NoisegridError
from noisegrid.common.references import check_reference, corrected, imported, reference_digest
from noisegrid.study.check import corrections, mistakes
from noisegrid.study.resolve import load_study

#: A package whose import, of any of its modules, leaves a file behind.
SPY = "import pathlib\npathlib.Path('imported').touch()\n"
PACKAGE = {
    "ownpack/__init__.py": SPY + "from .nets import plain, plain as renamed\nfrom .sub.deep import *\n",
    "ownpack/nets.py": SPY + (
        "import functools\n"
        "def plain(classes, channels, size): ...\n"
        "partial = functools.partial(plain, size=3)\n"
        "assigned: object = lambda classes, channels, size: None\n"
        "class Kind: ...\n"
        "if True:\n"
        "    from missing_library import other\n"
        "def hides():\n"
        "    inside = 1\n"
    ),
    "ownpack/sub/deep.py": SPY + "def starred(): ...\n",
    "owndynamic.py": SPY + "def __getattr__(name): ...\n",
    "ownbroken.py": "def net(:\n",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in PACKAGE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("reference", "file"),
    [
        ("ownpack.nets:plain", "ownpack/nets.py"),
        ("ownpack.nets.plain", "ownpack/nets.py"),
        ("ownpack.nets:partial", "ownpack/nets.py"),
        ("ownpack.nets:assigned", "ownpack/nets.py"),
        ("ownpack.nets:Kind", "ownpack/nets.py"),
        ("ownpack.nets:other", "ownpack/nets.py"),  # the library is not on this machine
        ("ownpack:plain", "ownpack/nets.py"),
        ("ownpack:renamed", "ownpack/nets.py"),
        ("ownpack:starred", "ownpack/sub/deep.py"),  # ownpack/sub has no __init__.py
        ("owndynamic:anything", "owndynamic.py"),
    ],
)
def test_the_defining_file_is_found_without_an_import(folder, reference, file):
    before = set(sys.modules)
    assert check_reference(reference, "here") == folder / file
    assert not (folder / "imported").exists() and not {name for name in set(sys.modules) - before if "own" in name}


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("ownpack.nets:plane", "unknown function 'plane'; did you mean 'plain'?"),
        ("ownpack.nets:inside", "unknown function 'inside'"),
        ("ownpack.nut:plain", "there is no module 'ownpack.nut'"),
        ("ownpack.nets.plain.deeper:x", "there is no module"),
        ("ownpack nets:plain", "is not of the form package.module:function"),
        ("ownbroken:net", r"ownbroken\.py, line 1: this is not valid Python \(invalid syntax\); correct this file"),
    ],
)
def test_what_is_certainly_not_there_is_one_sentence(folder, reference, message):
    with pytest.raises(NoisegridError, match=message):
        check_reference(reference, "here")
    assert not (folder / "imported").exists()


def test_a_module_in_the_working_folder_can_be_imported_from_any_command(folder, monkeypatch):
    """Python adds the working folder to sys.path for `python -m noisegrid`, but not for the command `noisegrid`."""
    (folder / "own_here.py").write_text("def net(): ...\n")
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place not in ("", str(folder))])
    assert imported("network", "own_here:net").__name__ == "net"


def test_a_star_import_of_an_installed_library_is_followed():
    assert check_reference("torchvision.models:resnet18", "here").name == "resnet.py"


def test_an_edit_of_the_defining_file_is_another_network(folder):
    before = reference_digest("ownpack:plain", "here")
    (folder / "ownpack/__init__.py").write_text(PACKAGE["ownpack/__init__.py"] + "# another comment\n")
    assert reference_digest("ownpack:plain", "here") == before == reference_digest("ownpack.nets:plain", "here")
    (folder / "ownpack/nets.py").write_text(PACKAGE["ownpack/nets.py"] + "# another comment\n")
    assert reference_digest("ownpack:plain", "here") != before


def test_a_dot_for_the_colon_gives_the_same_cell_and_a_note(folder):
    assert corrected("a.b:c") == "a.b:c" and corrected("a.b.c") == "a.b:c" and corrected("smallcnn") == "smallcnn"

    def written(network, read):
        tasks = {"x": {"like": "smallcnn-digits", "network": network, "dataset": "d"}}
        datasets = {"d": {"read": read, "classes": 2, "full_scale": 1}}
        return write_study(folder, study(cells("x", "algo"), tasks=tasks, datasets=datasets))

    path = written("ownpack.nets.plain", "ownpack.nets.plain")
    assert mistakes(str(path)) == []
    dotted, notes = load_study(str(path)), corrections(path)
    assert notes == [
        f"{path}: {key}: ownpack.nets.plain is read as ownpack.nets:plain; write it in this form"
        for key in ("tasks.x.network", "datasets.d.read")
    ]
    colons = load_study(str(written("ownpack.nets:plain", "ownpack.nets:plain")))
    assert dotted.cells[0].digest == colons.cells[0].digest and dotted.datasets["d"] == colons.datasets["d"]
    assert corrections(path) == []
