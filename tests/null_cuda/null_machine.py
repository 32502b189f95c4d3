"""A machine with a CUDA runtime and no GPU: the runtime is compiled, and processes run on it."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest
from filelock import FileLock

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SOURCES = sorted((HERE / "runtime").iterdir())


def compiled() -> Path:
    """Return the folder of the compiled runtime, named by its digest. The first process that asks compiles it."""
    text = b"".join(source.read_bytes() for source in (*SOURCES, Path(__file__))) + version("torch").encode()
    name = f"noisegrid-null-cuda-{os.getuid()}-{hashlib.sha256(text).hexdigest()[:16]}"
    folder = Path(tempfile.gettempdir()) / name
    with FileLock(f"{folder}.lock"):
        if not (folder / "done").exists():
            if not (shutil.which("g++") and shutil.which("gcc")):
                pytest.skip("the null CUDA runtime needs g++ and gcc; install the package g++")
            folder.mkdir(exist_ok=True)
            _compile(folder)
            (folder / "done").touch()
    return folder


def _compile(folder: Path) -> None:
    site = Path(sysconfig.get_path("purelib")) / "nvidia"
    headers = ["-I", site / "cu13/include", "-I", site / "cudnn/include"]
    options = ["-O1", "-w", "-shared", "-fPIC"]
    runtime = [path for path in SOURCES if path.suffix == ".cpp"]
    commands: list[list[object]] = [
        ["g++", *options, "-fvisibility=hidden", *headers, *runtime, "-o", folder / "libnullcuda.so"]
    ]
    for source, name in (("driver.c", "libcuda.so.1"), ("nvml.c", "libnvidia-ml.so.1")):
        commands.append(["gcc", *options, f"-Wl,-soname,{name}", HERE / "runtime" / source, "-o", folder / name])
    for command in commands:
        subprocess.run([str(word) for word in command], check=True)


@dataclass(frozen=True)
class NullMachine:
    """A machine with equal devices, on which commands run in processes of their own.

    `driver` is the version of the driver, or `none`. `mig` is the profile of the two slices into which each card is
    divided, such as 3g.40gb; empty for whole cards. `busy` is the number of the card on which a process of another user
    computes; empty if there is none.
    """

    name: str = "NVIDIA H100 80GB HBM3"
    memory_gb: float = 80
    devices: int = 1
    capability: str = "9.0"
    driver: str = "580.95.05"
    mig: str = ""
    busy: str = ""

    @property
    def variables(self) -> dict[str, str]:
        """The variables from which the null runtime takes the properties of this machine."""
        return {
            "NULLCUDA_NAME": self.name,
            "NULLCUDA_GB": str(self.memory_gb),
            "NULLCUDA_DEVICES": str(self.devices),
            "NULLCUDA_CC": self.capability,
            "NULLCUDA_DRIVER": self.driver,
            "NULLCUDA_MIG": self.mig,
            "NULLCUDA_BUSY": self.busy,
        }

    def start(self, *arguments: object, package: Path | None = None, **more: str) -> subprocess.Popen[str]:
        """Start Python in a process group of its own. `package` has noisegrid, by default that of the repository."""
        folder = compiled()
        runtime = {
            "LD_PRELOAD": str(folder / "libnullcuda.so"),
            "LD_LIBRARY_PATH": str(folder),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": str(package or ROOT / "workflow"),
            "OMP_NUM_THREADS": "1",
        }
        return subprocess.Popen(
            [sys.executable, *(str(argument) for argument in arguments)],
            env=os.environ | self.variables | runtime | more,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        )

    def run(self, *arguments: object, package: Path | None = None, **more: str) -> subprocess.CompletedProcess[str]:
        """Run Python with these arguments to its end; stdout and stderr together in `stdout`."""
        process = self.start(*arguments, package=package, **more)
        try:
            output, _ = process.communicate()
        except BaseException:  # such as Ctrl-C, which does not reach another process group
            os.killpg(process.pid, signal.SIGKILL)
            raise
        return subprocess.CompletedProcess(process.args, process.returncode, output)

    def counts(
        self, *tasks: str, hardware: str = "h100", resident_bytes: int = 4 * 1024**3, package: Path | None = None
    ) -> dict[str, dict[str, float]]:
        """Train some steps of each task; return what a step launches, copies and waits for, and the peak memory."""
        return self.counts_on((hardware,), *tasks, resident_bytes=resident_bytes, package=package)[hardware]

    def counts_on(
        self, hardware: Sequence[str], *tasks: str, resident_bytes: int = 4 * 1024**3, package: Path | None = None
    ) -> dict[str, dict[str, dict[str, float]]]:
        """Return the counts of each task on each hardware entry. Each is counted in a process of its own."""
        done = self.run(HERE / "count_steps.py", ",".join(hardware), resident_bytes, *tasks, package=package)
        assert done.returncode == 0, done.stdout
        found: dict[str, dict[str, dict[str, float]]] = json.loads(done.stdout.splitlines()[-1])
        return found


@dataclass(frozen=True)
class Command:
    """A command of noisegrid, the machine that it runs on, and further variables."""

    machine: NullMachine
    arguments: list[object]
    variables: dict[str, str]


def run_all(
    commands: list[Command], folder: Path, package: Path | None = None
) -> list[subprocess.CompletedProcess[str]]:
    """Run commands one after the other, in processes that are forked from one that has imported PyTorch.

    Files for their output are written into `folder`. This takes a fraction of the time of `NullMachine.run`.
    """
    outputs = [folder / f"output{number}" for number in range(len(commands))]
    asked = [
        [command.machine.variables | command.variables, [str(word) for word in command.arguments], str(output)]
        for command, output in zip(commands, outputs, strict=True)
    ]
    before = {"PYTORCH_NVML_BASED_CUDA_CHECK": "1"}  # as `noisegrid train` sets it before it imports PyTorch
    done = NullMachine().run(HERE / "commands.py", json.dumps(asked), package=package, **before)
    assert done.returncode == 0, done.stdout
    codes = json.loads(done.stdout.splitlines()[-1])
    return [
        subprocess.CompletedProcess(command.arguments, code, output.read_text())
        for command, code, output in zip(commands, codes, outputs, strict=True)
    ]


def copied(folder: Path) -> Path:
    """Copy the working tree's package and what it reads; return the folder to import it from."""
    for name in ("workflow", "envs", "containers"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "Snakefile").touch()  # by which the package recognises a working tree
    return folder / "workflow"


def mutated(folder: Path, module: str, old: str, new: str) -> Path:
    """Copy the working tree's package with one text of a module replaced; return the folder to import it from."""
    package = copied(folder)
    path = package / "noisegrid" / module
    text = path.read_text()
    assert text.count(old) == 1, f"{module} has no such text any more: {old}"
    path.write_text(text.replace(old, new))
    return package
