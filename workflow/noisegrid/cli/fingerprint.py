"""Hash the bits of every operator of training on this processor, so that two machines can be compared.

Each operator is computed under the switches of a replicate in which `impl` is held, on inputs that are the same on
every machine. It takes about ten seconds. With --against, only the operators that differ are printed.

The exit code is 0; with --against, it is 3 if any operator has other bits than in the other file.
"""

import argparse
from pathlib import Path

EXAMPLE = "noisegrid fingerprint --against docs/results/processors/amd_epyc_zen4.csv"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--hardware", default="cpu", help="a CPU in hardware.yaml, which has the switches")
    parser.add_argument("--output", metavar="FILE", type=Path, help="write the fingerprint to this CSV file")
    parser.add_argument("--against", metavar="FILE", type=Path, help="compare with the fingerprint in this file")


def run(options: argparse.Namespace) -> int:
    """Run the subcommand."""
    from noisegrid.common.errors import NoisegridError
    from noisegrid.fingerprint import printing, table
    from noisegrid.fingerprint.compare import check_comparable, compare
    from noisegrid.runtime.devices import check_present
    from noisegrid.runtime.hardware import entry
    from noisegrid.study.resolve import hardware_settings
    from noisegrid.study.settings import Hardware

    if entry(options.hardware, "--hardware").device != "cpu":
        raise NoisegridError(f"--hardware: {options.hardware} is no CPU; name one, such as cpu or cpu_sse41")
    check_present(options.hardware, entry(options.hardware))
    from noisegrid.fingerprint.probe import conditions, probe

    hardware = Hardware.of(hardware_settings(options.hardware, "--hardware"))
    other = table.read(options.against) if options.against else None
    if other:
        check_comparable(conditions(hardware), other, options.against)
    found = probe(hardware)
    if options.output:
        table.write(options.output, found)
    if not other:
        print(*printing.described(found), *printing.table(found), sep="\n")
        return 0
    difference = compare(found, other, options.against)
    print(*printing.differences(difference), sep="\n")
    return difference.exit_code
