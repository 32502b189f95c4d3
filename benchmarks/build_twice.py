"""What differs between two images of one stack: every file that only one has, or whose bytes differ.

python benchmarks/build_twice.py FIRST.sif SECOND.sif     (each is listed from inside; a minute per 3 GB)
"""

import subprocess
import sys
from pathlib import Path

NOT_THE_IMAGES = " -o ".join(f"-path {path}" for path in ("/proc", "/sys", "/dev", "/tmp", "/var/tmp"))
LIST = f"find / -xdev \\( {NOT_THE_IMAGES} \\) -prune -o -type f -print0"


def files(image: str) -> dict[str, str]:
    """Path -> SHA-256 of every regular file of an image."""
    command = ["apptainer", "exec", "--containall", "--no-mount", "home,tmp,cwd,bind-paths,hostfs", image]
    done = subprocess.run(
        [*command, "sh", "-c", f"{LIST} | sort -z | xargs -0 sha256sum"], capture_output=True, text=True, check=False
    )
    lines = [line.split("  ", 1) for line in done.stdout.splitlines()]
    return {path: digest for digest, path in lines}


def main(first: str, second: str) -> None:
    listings = files(first), files(second)
    both = listings[0].keys() & listings[1].keys()
    differing = sorted(path for path in both if listings[0][path] != listings[1][path])
    only = [sorted(mine.keys() - both) for mine in listings]
    sizes = [Path(image).stat().st_size for image in (first, second)]
    print(f"{len(listings[0]):,} and {len(listings[1]):,} files, {sizes[0]:,} and {sizes[1]:,} bytes")
    print(f"{len(differing)} differ, {len(only[0])} only in the first, {len(only[1])} only in the second")
    for path in [*differing, *only[0], *only[1]][:200]:
        print(f"  {path}")


if __name__ == "__main__":
    main(*sys.argv[1:])
