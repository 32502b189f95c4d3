"""Faults at random moments and places, with the tiny study's data: what is lost, and what is not noticed.

    python tests/fault_campaign.py kills|snakemake-kills|disks|flips|packages|together [--count N] [--seed S] [--mutate]

This is no test of the suite, because it takes long. Each part prints one row: faults tried, results lost, wrong numbers
that nobody noticed, commands executed. The exit code is 0 only if the last three are zero. With `--mutate`, a check of
the package that the part depends on is switched off (see MUTATIONS), and the part must fail: this shows that it can.
`disks` needs root, because it mounts a small tmpfs.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from unittest import mock

import conftest
from conftest import ROOT, UNTIMED, clone, noisegrid, snakemake
from factories import cells, packed, study, write_study

from noisegrid.common import files
from noisegrid.common.errors import NoisegridError
from noisegrid.crate import archive, check_contents
from noisegrid.crate.crate import open_crate
from noisegrid.data import prepared
from noisegrid.records import chunk_file, record
from noisegrid.records.damage import damage_of

TASKS = {"tiny-digits": {"like": "smallcnn-digits", "epochs": 2, "schedule": [[1, 0.1]]}}
STUDY = study(cells("tiny-digits", "algo", "control", replicates=3), name="faulty", tasks=TASKS)
TABLES = [f"results/faulty/{name}" for name in UNTIMED]


@dataclass
class Tally:
    """What a part of the campaign found."""

    tried: int = 0
    lost: int = 0
    unnoticed: int = 0
    executed: int = 0
    note: str = ""

    def row(self, part: str) -> str:
        """Return the row of the table."""
        return f"| {part} | {self.tried} | {self.lost} | {self.unnoticed} | {self.executed} | {self.note} |"


def undisturbed(place: Path) -> Path:
    """Run the study without faults, and return its folder."""
    place.mkdir()
    done = snakemake(place, study=write_study(place, STUDY).name)
    assert done.returncode == 0, done.stdout
    return place


def hashes(folder: Path) -> dict[str, str]:
    """Return the weight hash of every replicate in a results folder."""
    found = folder.glob("faulty/replicates/*/*/*/[0-9]*/record.json")
    return {str(path.parent.relative_to(folder)): json.loads(path.read_text())["weight_hash"] for path in found}


def same_tables(folder: Path, calm: Path) -> bool:
    """Return whether a folder has the same tables as the undisturbed run, to the last byte."""
    pairs = [(folder / name, calm / name) for name in TABLES]
    return all(mine.is_file() and mine.read_bytes() == theirs.read_bytes() for mine, theirs in pairs)


def leftovers(folder: Path) -> list[str]:
    """Return the temporary files and folders in a results folder."""
    return [str(path) for path in folder.rglob(".*") if path.suffix != ".lock" and "snakemake" not in str(path)]


# --- kills -----------------------------------------------------------------------------------------------------------


def kills(count: int, rng: random.Random, calm: Path, place: Path) -> Tally:
    """Kill a training job at a random moment, then call it plainly, and compare all weights with the calm run's."""
    tally, expected = Tally(), hashes(calm / "results")
    for number in range(count):
        folder = place / str(number)
        delay = rng.uniform(2.0, 7.0)
        process = _train(calm, folder)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(delay)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        again = _train(calm, folder)
        output, _ = again.communicate()
        tally.tried += 1
        if again.returncode or hashes(folder) != expected or leftovers(folder):
            tally.lost += 1
            print(f"kill after {delay:.2f} s: {output[-300:]} {leftovers(folder)}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
    return tally


def _train(calm: Path, results: Path) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "noisegrid",
        "train",
        calm / "faulty.yaml",
        "--hardware",
        "cpu",
        "--replicates",
        "0-2",
    ]
    command += ["--cores", "2", "--datasets", calm / "resources/datasets", "--results", results]
    command += ["--output", results / "faulty/chunks/cpu/0-2.json"]
    return subprocess.Popen(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def snakemake_kills(count: int, rng: random.Random, calm: Path, place: Path) -> Tally:
    """Kill Snakemake at a random moment, call it again (after --unlock if it says so), and compare the tables."""
    tally = Tally()
    for number in range(count):
        folder = place / str(number)
        folder.mkdir(parents=True)
        path = write_study(folder, STUDY)
        command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", folder]
        command += ["--workflow-profile", ROOT / "profiles/default", "--config", f"study={path.name}"]
        log = (folder / "log.txt").open("w")
        process = subprocess.Popen(list(map(str, command)), stdout=log, stderr=log, start_new_session=True)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(rng.uniform(1.0, 30.0))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        done = snakemake(folder, study=path.name)
        if done.returncode and "--unlock" in done.stdout:
            snakemake(folder, "--unlock", study=path.name)
            done = snakemake(folder, study=path.name)
        tally.tried += 1
        if done.returncode or not same_tables(folder, calm):
            tally.lost += 1
            print(done.stdout[-2000:], file=sys.stderr)
        shutil.rmtree(folder)
    return tally


# --- full disks ------------------------------------------------------------------------------------------------------

#: What is written when the disk is full: the target that Snakemake is asked for, the files that must be missing before,
#: and the free bytes that are left.
POINTS = {
    "dataset": ("resources/datasets/digits/manifest.json", "resources/datasets", 4096),
    "predictions": ("results/faulty/chunks/cpu/0-2.json", "results/faulty/{chunks,replicates}", 20_000),
    "weights": ("results/faulty/chunks/cpu/0-2.json", "results/faulty/{chunks,replicates}", 90_000),
    "checkpoint": ("results/faulty/chunks/cpu/0-2.json", "results/faulty/{chunks,replicates}", 45_000),
    "cell": ("results/faulty/cells/cpu/tiny-digits.csv", "results/faulty/cells", 0),
    "metrics": ("results/faulty/metrics.csv", "results/faulty/metrics.csv*", 0),
    "figure": ("results/faulty/figures/figure_1.png", "results/faulty/figures", 8192),
    "report": ("results/faulty/report.html", "results/faulty/report.html", 8192),
    "package": ("package", "results/faulty/faulty.crate.zip", 8192),
    "log": ("results/faulty/findings.md", "results/faulty/{findings.md,tables,logs}", 0),
}


def disks(count: int, rng: random.Random, calm: Path, place: Path) -> Tally:
    """Fill a small disk at a point of the study, run into it, make space, run again, and compare the tables."""
    tally = Tally()
    names = []
    for name, (target, missing, free) in list(POINTS.items())[:count]:
        with tmpfs(place / name, "64m") as disk:
            work = place / f"{name}.work"
            shutil.copytree(calm, work, symlinks=True)
            for top in ("results", "resources"):
                shutil.move(work / top, disk / top)
                (work / top).symlink_to(disk / top)
            subprocess.run(["bash", "-c", f"rm -rf {work}/{missing}"], check=True)
            config = {"checkpoint_minutes": 0.001} if name == "checkpoint" else {}
            fill(disk, free)
            done = snakemake(work, target, study="faulty.yaml", **config)
            said = "is full" in done.stdout or "No space left" in done.stdout
            (disk / "filler").unlink(missing_ok=True)
            again = snakemake(work, study="faulty.yaml")
            tally.tried += 1
            if done.returncode == 0 or not said or "Traceback" in done.stdout:
                tally.unnoticed += 1
                print(f"{name}: {done.returncode} {done.stdout[-3000:]}", file=sys.stderr)
            if again.returncode or not same_tables(work, calm):
                tally.lost += 1
                print(f"{name}, after space was made: {again.stdout[-3000:]}", file=sys.stderr)
            names.append(name)
    tally.note = ", ".join(names)
    return tally


@contextlib.contextmanager
def tmpfs(place: Path, size: str) -> Iterator[Path]:
    """Mount a small file system in memory."""
    place.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk: Path, free: int) -> None:
    """Fill a file system until `free` bytes are left."""
    left = shutil.disk_usage(disk).free - free
    with (disk / "filler").open("wb") as file:
        file.write(b"\0" * left)


# --- flipped bytes ---------------------------------------------------------------------------------------------------


def flips(count: int, rng: random.Random, calm: Path, place: Path) -> Tally:
    """Flip one byte of a file that a number depends on, and see whether it is noticed before a number is made of it."""
    copy = place / "copy"
    shutil.copytree(calm, copy, symlinks=True)
    results, datasets = copy / "results/faulty", copy / "resources/datasets/digits"
    crate = packed_crate(place)
    kinds: dict[str, tuple[list[Path], Callable[[Path], object]]] = {
        "replicates": (
            [path for path in (results / "replicates").rglob("*") if path.is_file() and path.name[0] != "."],
            lambda path: _notice(damage_of(path.parent, deep=True)),
        ),
        "datasets": (
            [path for path in datasets.iterdir() if path.suffix != ".log"],
            lambda path: prepared.open_prepared(datasets),
        ),
        "metrics": (
            [results / "metrics.csv", *(results / "cells").rglob("*.csv")],
            files.check_unedited,
        ),
        "chunks": (list((results / "chunks").rglob("*.json")), chunk_file.read),
        "package": ([crate], _check_crate),
    }
    tally, share = Tally(), -(-count // len(kinds))
    for paths, check in kinds.values():
        for _ in range(min(share, count - tally.tried)):
            path = rng.choice(paths)
            content = path.read_bytes()
            flipped = bytearray(content)
            flipped[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
            path.write_bytes(flipped)
            tally.tried += 1
            try:
                check(path)
                tally.unnoticed += 1
                print(f"not noticed: {path}", file=sys.stderr)
            except (NoisegridError, AssertionError):
                pass
            finally:
                path.write_bytes(content)
    tally.note = ", ".join(kinds)
    return tally


def _notice(why: str) -> None:
    if why:
        raise NoisegridError(why)


def packed_crate(place: Path) -> Path:
    """Package the study PAIR, and return the path of the package."""
    folder = place / "packed"
    folder.mkdir(parents=True)
    return packed(folder)


def _check_crate(path: Path) -> None:
    """Open a package and check its archive and checksums. Raise an error if either has a problem."""
    with tempfile.TemporaryDirectory() as folder:
        crate = open_crate(path, Path(folder))
        for check in (check_contents.archive, check_contents.checksums):
            assert not list(check(crate)[1])


# --- hostile packages ------------------------------------------------------------------------------------------------

#: Texts that would do something in a shell, a terminal, a page or a spreadsheet.
TEXTS = [
    "$(touch PWNED)", "`touch PWNED`", "x;touch PWNED;#", "\x1b[2J\x1b]0;x\x07", "<script>alert(1)</script>",
    r"\input{/etc/passwd}", "=cmd|' /C touch PWNED'!A0", "{threads}", "../../PWNED", "a\nb\r", "\u202egnp",
    "__import__('os').system('touch PWNED')",
]  # fmt: skip


def packages(count: int, rng: random.Random, calm: Path, place: Path) -> Tally:
    """Verify packages whose records, design, tables and names hold hostile texts: nothing runs, nothing is the same."""
    crate, tally = packed_crate(place), Tally()
    for number in range(count):
        folder = place / f"forged{number}"
        folder.mkdir()
        archive.unpack(crate, folder / "crate")
        _poison(folder / "crate", rng)
        names = {str(p.relative_to(folder / "crate")): p for p in sorted((folder / "crate").rglob("*")) if p.is_file()}
        archive.write(names, folder / "forged.zip")
        done = noisegrid("verify", folder / "forged.zip", cwd=folder)
        tally.tried += 1
        tally.unnoticed += done.returncode == 0
        tally.executed += bool(list(place.rglob("PWNED"))) or "\x1b" in done.stdout or "\u202e" in done.stdout
        if "Traceback" in done.stdout:
            tally.lost += 1
            print(done.stdout[-1500:], file=sys.stderr)
        shutil.rmtree(folder)
    return tally


def _poison(folder: Path, rng: random.Random) -> None:
    """Put a hostile text into a random text file of a package, or into the name of a new file."""
    text = rng.choice(TEXTS)
    kinds = (
        "record.json",
        "noisegrid.json",
        "metrics.csv",
        "ro-crate-metadata.json",
        "findings.md",
        "checksums.sha256",
    )
    kind = rng.choice([*kinds, "name"])
    if kind == "name":
        safe = text.replace("/", "_").replace("\n", "_").replace("\r", "_")
        (folder / "results/pair" / safe).write_text(text)
        return
    path = rng.choice(sorted(folder.rglob(kind)))
    content = path.read_text()
    quoted = json.dumps(text)[1:-1] if path.suffix == ".json" else text
    words = [word for word in ("cpu", "short-digits", "algo", "pair", "percent") if word in content]
    path.write_text(content.replace(rng.choice(words), quoted, 1) if words else content + quoted)


# --- at once ---------------------------------------------------------------------------------------------------------


def together(count: int, rng: random.Random, calm: Path, place: Path) -> Tally:
    """Call Snakemake twice at once on one study, and on two studies in one folder; compare the tables."""
    tally = Tally()
    for number in range(count):
        folder = place / str(number)
        folder.mkdir(parents=True)
        first = write_study(folder, STUDY).name
        second = write_study(folder, STUDY | {"name": "other"}).name if number % 2 else first
        calls = [[sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", folder]] * 2
        rest = ["--workflow-profile", ROOT / "profiles/default", "--config"]
        processes = []
        for call, name in zip(calls, (first, second), strict=True):
            words = [str(word) for word in [*call, *rest, f"study={name}"]]
            processes.append(subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
            time.sleep(rng.uniform(0, 12))
        outputs = [process.communicate()[0] for process in processes]
        tally.tried += 1
        for process, output in zip(processes, outputs, strict=True):
            if process.returncode and "--unlock" not in output and "lock" not in output:
                tally.unnoticed += 1
                print(output[-1500:], file=sys.stderr)
        for name in {first, second}:
            done = snakemake(folder, study=name)
            if done.returncode:
                tally.lost += 1
                print(done.stdout[-1500:], file=sys.stderr)
        if not same_tables(folder, calm):
            tally.lost += 1
        shutil.rmtree(folder)
    return tally


# --- mutations -------------------------------------------------------------------------------------------------------

#: Files are written in place, and half of the bytes come a moment later.
IN_PLACE = """
import time
from noisegrid.common import files

def in_place(path, write):
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.with_name(f'.{path.stem}.{os.getpid()}{path.suffix}')
    write(whole)
    content = whole.read_bytes()
    whole.unlink()
    with path.open('wb') as file:
        for part in (content[: len(content) // 2], content[len(content) // 2 :]):
            file.write(part)
            file.flush()
            time.sleep(0.5)

files.write_atomically = in_place
"""
#: Snakemake keeps no marks of unfinished outputs, and no lock of the folder.
NO_MARKS = """
if any(word.endswith('snakemake') for word in sys.orig_argv):
    from snakemake.persistence import PersistenceBase

    async def incomplete(self, job):
        return []

    PersistenceBase.incomplete, PersistenceBase.locked = incomplete, False
"""
#: A lock is a file that exists, so it outlives a process that is killed.
LOCKS_STAY = """
from noisegrid.common import errors, locks

@contextlib.contextmanager
def one_writer(folder):
    path = locks.lock_file(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.touch(exist_ok=False)
    except FileExistsError as error:
        raise errors.NoisegridError(f'{path} exists') from error
    yield
    path.unlink()

locks.one_writer = one_writer
"""
NO_LOCKS = """
from noisegrid.common import locks
locks.one_writer = lambda folder: contextlib.nullcontext()
"""
#: Part -> what is switched off in all processes that it starts. `flips` starts none: see `checksums_off`.
MUTATIONS = {
    "kills": LOCKS_STAY,
    "snakemake-kills": IN_PLACE + NO_MARKS + LOCKS_STAY,
    "disks": "from noisegrid.common import files\nfiles.reason = lambda error, path: 'it did not work'\n",
    "packages": "if 'verify' in sys.orig_argv:\n    from noisegrid.crate import verify\n    verify.CHECKS = {}\n",
    "together": IN_PLACE + NO_MARKS + NO_LOCKS,
}


@contextlib.contextmanager
def checksums_off() -> Iterator[None]:
    """Let no checksum differ in this process: a file is compared with what it should be."""
    with (
        mock.patch.object(files, "sha256", lambda path: path.with_name(path.name + ".sha256").read_text()[:64]),
        mock.patch.object(record, "_fingerprint", lambda path: None),
    ):
        yield


@contextlib.contextmanager
def mutated_tree(code: str, tree: Path) -> Iterator[None]:
    """Use a copy of the working tree in which every Python process runs some code first: its sitecustomize.py."""
    clone(tree)
    (tree / "workflow/sitecustomize.py").write_text(f"import contextlib, os, sys\n{code}")
    path = str(tree / "workflow")
    with (
        mock.patch.dict(os.environ, PYTHONPATH=path),
        mock.patch.object(conftest, "run", partial(conftest.run, PYTHONPATH=path)),
        mock.patch.dict(globals(), ROOT=tree, snakemake=partial(snakemake, root=tree)),
    ):
        yield


PARTS = {
    "kills": (kills, 100),
    "snakemake-kills": (snakemake_kills, 20),
    "disks": (disks, 10),
    "flips": (flips, 400),
    "packages": (packages, 60),
    "together": (together, 4),
}


def main() -> int:
    """Run one part of the campaign."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--count", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mutate", action="store_true", help="switch off the check; the part must then fail")
    options = parser.parse_args()
    run, count = PARTS[options.part]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        calm = undisturbed(place / "calm")
        off = checksums_off() if options.part == "flips" else mutated_tree(MUTATIONS[options.part], place / "tree")
        with off if options.mutate else contextlib.nullcontext():
            tally = run(options.count or count, random.Random(options.seed), calm, place / "work")
    print(tally.row(options.part + (", mutated" if options.mutate else "")))
    return int(bool(tally.lost or tally.unnoticed or tally.executed))


if __name__ == "__main__":
    sys.exit(main())
