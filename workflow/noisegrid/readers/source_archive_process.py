"""The process that fetches a source archive: `python -m noisegrid.readers.source_archive_process PACKAGE ARCHIVE PATH`.

`pip download` would also run the setup.py of the archive, to learn its dependencies (pip's issue 1884). Therefore this
module uses the parts of pip that search the configured indexes and connect to them, with the user's certificates,
proxies and credentials, and nothing else. pip does not promise that these parts stay as they are. pip-tools uses them
in the same way.
"""

import sys
from pathlib import Path
from typing import Any


def main(package: str, archive: str, path: Path) -> None:
    """Write the archive to a path. Exit with one line on standard error if this is impossible."""
    try:
        import pip
        from pip._internal.commands import create_command
    except ImportError:
        sys.exit(f"{sys.executable} has no pip")
    try:
        command: Any = create_command("download")
        options, _ = command.parse_args(["--no-binary", package])
        with command.main_context():
            session = command._build_session(options)
            links = {
                candidate.link.filename: candidate.link.url_without_fragment
                for candidate in command._build_package_finder(options, session).find_all_candidates(package)
            }
            if archive not in links:
                sys.exit(f"pip finds no {archive} on the index that it is configured for, or cannot reach it")
            # without this header, a server may pack the archive once more
            answer = session.get(links[archive], headers={"Accept-Encoding": "identity"})
            answer.raise_for_status()
            path.write_bytes(answer.content)
    except Exception as error:
        sys.exit(f"pip {pip.__version__}: {type(error).__name__}: {' '.join(str(error).split())}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
