"""Run a command with the numerical libraries of another processor model, on this one.

    python benchmarks/another_processor/run.py icelake -- noisegrid fingerprint --against here.csv

ATen, oneDNN and MKL ask the instruction `cpuid` for vendor, model and caches, and choose kernels and block sizes by
the answer. They are all in libtorch_cpu.so. A copy of PyTorch is made, in which `ud2` replaces every `cpuid` of this
library. cpuid.c answers instead, from a table in this folder. The kernels run on the real processor. So the choice is
shown, and not the arithmetic: the approximate instructions (rcpps, rsqrtps) differ between vendors. NumPy is left as
it is.

The model `real` changes no answer and must change no bit. The copy (500 MB) is kept in --copy for later calls. It needs
gcc and objdump, and a few minutes the first time.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
CPUID, UD2 = b"\x0f\xa2", b"\x0f\x0b"
LIBRARY = Path("lib/libtorch_cpu.so")


def copy_of_torch(place: Path) -> None:
    """Make a copy of the installed PyTorch without `cpuid`. Files that stay as they are become symbolic links."""
    installed = Path(torch.__file__).parent
    shutil.copytree(installed, place / "torch", copy_function=os.symlink)
    library = place / "torch" / LIBRARY
    library.unlink()
    content = bytearray((installed / LIBRARY).read_bytes())
    for address in _addresses(installed / LIBRARY):
        assert content[address : address + 2] == CPUID, f"no cpuid at {address:x}: code and file offsets differ"
        content[address : address + 2] = UD2
    library.write_bytes(content)
    subprocess.run(["gcc", "-O2", "-fPIC", "-shared", "-o", place / "cpuid.so", HERE / "cpuid.c"], check=True)


def _addresses(library: Path) -> list[int]:
    """Return the address of every `cpuid` of a library."""
    command = ["objdump", "-d", "--no-show-raw-insn", library]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = [match[1] for line in process.stdout if (match := re.match(r" *([0-9a-f]+):\s+cpuid\b", line))]
    return [int(address, 16) for address in found]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=["real", *sorted(path.stem for path in HERE.glob("*.txt"))])
    parser.add_argument("--copy", type=Path, default=Path("another_processor"), help="folder of the copy of PyTorch")
    parser.add_argument("command", nargs="+", help="what to run, after --")
    options = parser.parse_args()
    place = options.copy.absolute()
    if not (place / "cpuid.so").exists():
        shutil.rmtree(place, ignore_errors=True)
        copy_of_torch(place)
    environment = {**os.environ, "LD_PRELOAD": str(place / "cpuid.so"), "CPUID_TABLE": ""}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(place), os.environ.get("PYTHONPATH")]))
    if options.model != "real":
        environment["CPUID_TABLE"] = str(HERE / f"{options.model}.txt")
    return subprocess.run(options.command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
