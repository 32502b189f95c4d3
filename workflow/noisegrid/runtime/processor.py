"""What is known of this machine's processor. Libraries choose kernels and block sizes by it, so it can decide bits.

Many virtual machines hide the model: every EPYC is then called `AMD EPYC`. Vendor, family, model number and the sizes
of the caches are usually still those of the real processor.
"""

import platform
from functools import cache
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
SUFFIXES = {"Data": "d", "Instruction": "i"}


@cache
def name() -> str:
    """Return the processor's model name, as Linux reports it."""
    return _fields().get("model name") or platform.processor() or platform.machine()


@cache
def identity() -> str:
    """Return what libraries choose their kernels by, as far as Linux reports it.

    This is the vendor, the family and the number of the model, and the sizes of the first two levels of data cache. An
    example is `AuthenticAMD family 25 model 17, L1d 32K, L2 1024K`. It is empty if nothing is known.
    """
    fields = _fields()
    numbers = [
        f"{label} {fields[key]}" for label, key in (("family", "cpu family"), ("model", "model")) if key in fields
    ]
    sizes = [f"{level} {size}" for level, size in caches().items() if level in ("L1d", "L2")]
    return ", ".join(filter(None, [" ".join([fields.get("vendor_id", ""), *numbers]).strip(), *sizes]))


@cache
def caches() -> dict[str, str]:
    """Return the size of each cache that one core uses: `L1d`, `L1i`, `L2` and `L3`, as far as Linux reports them."""
    found = {}
    for folder in sorted(CACHES.glob("index*")):
        level, kind, size = ((folder / name).read_text().strip() for name in ("level", "type", "size"))
        found[f"L{level}{SUFFIXES.get(kind, '')}"] = size
    return found


def _fields() -> dict[str, str]:
    """Return the fields of the first core in /proc/cpuinfo."""
    try:
        lines = CPUINFO.read_text().partition("\n\n")[0].splitlines()
    except OSError:
        return {}
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
