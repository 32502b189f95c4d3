"""What is known of the processor, from files as Linux writes them."""

from pathlib import Path

import pytest

from noisegrid.runtime import processor

CPUINFO = """\
processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 106
model name\t: Intel(R) Xeon(R) Processor
stepping\t: 6

processor\t: 1
model name\t: another core
"""


@pytest.fixture
def machine(monkeypatch, tmp_path: Path) -> Path:
    """Return the folder of a machine whose files are written by the test. Nothing is remembered from this machine."""
    monkeypatch.setattr(processor, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(processor, "CACHES", tmp_path / "cache")
    remembered = (processor.name, processor.identity, processor.caches)
    for function in remembered:
        function.cache_clear()
    yield tmp_path
    for function in remembered:
        function.cache_clear()


def add_cache(machine: Path, number: int, level: int, kind: str, size: str) -> None:
    folder = machine / f"cache/index{number}"
    folder.mkdir(parents=True)
    for name, value in (("level", level), ("type", kind), ("size", size)):
        (folder / name).write_text(f"{value}\n")


def test_the_identity_is_what_kernels_are_chosen_by(machine):
    (machine / "cpuinfo").write_text(CPUINFO)
    for number, (level, kind, size) in enumerate(
        [(1, "Data", "48K"), (1, "Instruction", "32K"), (2, "Unified", "1280K"), (3, "Unified", "54M")]
    ):
        add_cache(machine, number, level, kind, size)
    assert processor.name() == "Intel(R) Xeon(R) Processor"
    assert processor.identity() == "GenuineIntel family 6 model 106, L1d 48K, L2 1280K"
    assert processor.caches() == {"L1d": "48K", "L1i": "32K", "L2": "1280K", "L3": "54M"}


def test_a_virtual_machine_may_hide_the_caches(machine):
    (machine / "cpuinfo").write_text(CPUINFO)
    assert processor.identity() == "GenuineIntel family 6 model 106"


def test_a_machine_without_these_files_has_a_name_and_no_identity(machine):
    assert processor.name() and processor.identity() == "" and processor.caches() == {}
