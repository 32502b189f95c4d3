"""Print name, version and licence of every Python package that is installed where this script runs.

`make licences` calls it in the virtual environment. It needs only Python's standard library, so it also runs in an
image. The licences are what the packages declare in their metadata.
"""

import sys
from importlib.metadata import Distribution, distributions

LONGEST = 60  # some packages declare the whole text of their licence; of a text, the first line is shown


def licence_of(package: Distribution) -> str:
    """Return the licence that a package declares, or an empty string if it declares none."""
    found = package.metadata
    text = (found.get("License-Expression") or found.get("License") or "").strip()
    if text and text.upper() != "UNKNOWN" and "\n" not in text and len(text) <= LONGEST:
        return text
    classes = [line.split(" :: ")[-1] for line in found.get_all("Classifier") or [] if line.startswith("License ::")]
    first = "" if text.upper() == "UNKNOWN" else text.partition("\n")[0].strip()
    return " or ".join(classes) or first[:LONGEST]


def main() -> None:
    """Print the table, and name the packages without a declared licence on the standard error."""
    # of two packages with one name, Python imports the first
    packages = {package.name: package for package in reversed(list(distributions()))}
    rows = [(name, packages[name].version, licence_of(packages[name])) for name in sorted(packages, key=str.lower)]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for name, version, licence in rows:
        print(f"{name:{widths[0]}}  {version:{widths[1]}}  {licence or 'none declared'}")
    for name, version, _ in [row for row in rows if not row[2]]:
        files = packages[name].metadata.get_all("License-File") or []
        where = f"read its {', '.join(files)}" if files else "ask its authors"
        print(f"warning: {name} {version} declares no licence; {where}", file=sys.stderr)


if __name__ == "__main__":
    main()
