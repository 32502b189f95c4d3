"""The Python packages that are installed where a process runs, and a digest of them."""

import json
from functools import cache
from importlib.metadata import distributions

from noisegrid.common.files import short_digest

#: The name of the stack that is not pinned: the framework that is installed where a job runs.
HERE = "here"


@cache
def packages() -> dict[str, str]:
    """Return the version of every installed package, sorted by name. If a package is found twice, the first counts."""
    found: dict[str, str] = {}
    for one in distributions():
        if one.metadata["Name"]:
            found.setdefault(one.metadata["Name"], one.version)
    return dict(sorted(found.items()))


def environment_digest() -> str:
    """Return a short digest of the names and versions of all installed packages."""
    return short_digest(json.dumps(packages()))
