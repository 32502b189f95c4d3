"""The command `fingerprint`: the whole probe on this machine, its file, and the comparison of two files."""

import re

import pytest
from conftest import ROOT, noisegrid

from noisegrid.fingerprint import table
from noisegrid.fingerprint.compare import compare
from noisegrid.runtime import processor

PROCESSORS = ROOT / "docs/results/processors"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Write the fingerprint of this machine."""
    file = tmp_path_factory.mktemp("fingerprint") / "here.csv"
    done = noisegrid("fingerprint", "--output", file)
    assert done.returncode == 0, done.stdout
    assert re.search(r"^operator +shapes +forward +backward$", done.stdout, re.MULTILINE)
    assert re.search(r"^exp +4099 +[0-9a-f]{8} +[0-9a-f]{8}$", done.stdout, re.MULTILINE)
    return file


def test_a_second_run_has_the_same_bits(path):
    done = noisegrid("fingerprint", "--against", path)
    assert done.returncode == 0 and re.fullmatch(r"all \d+ operators have the same bits\n", done.stdout), done.stdout


def test_an_operator_with_other_bits_is_named(path, tmp_path):
    held = table.read(path)
    assert held.machine["MKL's branch"] in {"AUTO", "AVX2"} and held.conditions.switch["mkl"] == "AVX2"
    exp = next(each for each in held.bits if (each.name, each.direction) == ("exp", "forward"))
    moved = tuple(table.Bits(*exp.what[::2], exp.shape, "0" * 16) if each == exp else each for each in held.bits)
    table.write(tmp_path / "moved.csv", table.Fingerprint(held.machine, held.conditions, moved))
    done = noisegrid("fingerprint", "--against", tmp_path / "moved.csv")
    assert done.returncode == 3 and done.stdout.endswith(" operators differ: exp\n"), done.stdout
    assert re.search(rf"^exp +4099 +forward +00000000 +{exp.value[:8]}$", done.stdout, re.MULTILINE)


def test_other_switches_are_refused_before_anything_is_computed(path):
    done = noisegrid("fingerprint", "--hardware", "cpu_sse41", "--against", path)
    assert done.returncode == 1
    assert done.stdout == (
        f"noisegrid: {path} cannot be compared: its aten is avx2, and here it is default; choose the same --hardware\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--hardware", "h100"], "noisegrid: --hardware: h100 is no CPU; name one, such as cpu or cpu_sse41\n"),
        (["--hardware", "cpuu"], "noisegrid: --hardware: unknown hardware 'cpuu'; did you mean 'cpu'?\n"),
        (["--against", "none.csv"], "noisegrid: cannot read none.csv: No such file or directory; name a file that "),
    ],
)
def test_mistakes_are_one_sentence(words, message):
    done = noisegrid("fingerprint", *words)
    assert done.returncode == 1 and done.stdout.startswith(message) and done.stdout.count("\n") == 1, done.stdout


def test_committed_fingerprints_are_of_the_present_operators(path):
    """On a processor whose fingerprint is committed, the bits must be those of the file."""
    here = table.read(path)
    files = sorted(PROCESSORS.glob("*.csv"))
    assert files
    for file in files:
        there = table.read(file)
        assert [each.what for each in there.bits] == [each.what for each in here.bits], file
        same = (there.machine["model"], there.conditions) == (processor.identity(), here.conditions)
        assert not same or there.bits == here.bits, file


def test_what_the_results_say_of_two_real_processors():
    """docs/results/processors/README.md and docs/found.md name these 14 of 84 operators."""
    xeon, epyc = (table.read(PROCESSORS / name) for name in ("intel_xeon_cascade_lake.csv", "amd_epyc_zen4.csv"))
    found = compare(xeon, epyc, "amd_epyc_zen4.csv")
    networks = ", ".join(f"3 steps of {name}-digits" for name in ("smallcnn", "smallcnn_bn", "pyramid", "resnet18"))
    assert str(found) == (
        "14 of 84 operators differ: convolution 1x1, dense layer (4 shapes), matrix product, attention, exp, log, "
        f"square root, {networks}"
    )
    assert not [here.name for here, _ in found.pairs if here.name.startswith("initial")]
