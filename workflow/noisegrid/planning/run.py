"""Call Snakemake with the workflow of this installation."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterable

from noisegrid.common.errors import NoisegridError
from noisegrid.common.schemas import ROOT, catalog, read_yaml
from noisegrid.runtime.environment import HERE, packages
from noisegrid.runtime.hardware import entry, has_kernels, stack, stack_of
from noisegrid.study.resolve import load_study

#: The options with which Snakemake runs jobs in containers.
CONTAINERS = {"--sdm", "--software-deployment-method", "--use-apptainer", "--use-singularity"}


def command(study: str | None, options: list[str]) -> list[str]:
    """Return the command that runs a study.

    Parameters
    ----------
    study : str or None
        The name or path of the study; None for the study in the config.
    options : list of str
        The options and targets of Snakemake. A profile that noisegrid has, such as `slurm`, may be given by its name.
    """
    words = list(options)
    for place, word in enumerate(words):
        if words[max(0, place - 1)] == "--profile" and _is_profile(word):
            words[place] = str(ROOT / word)
    settings = [*([f"study={study}"] if study else []), *_stack_setting(study, words)]
    for name in ("--config", "-C"):
        if name in words:  # Snakemake counts only the last --config
            place = words.index(name) + 1
            words[place:place] = settings
            settings = []
    fixed = ["--snakefile", str(ROOT / "Snakefile"), "--workflow-profile", str(ROOT / "profiles" / "default")]
    return [sys.executable, "-m", "snakemake", *words, *fixed, *(["--config", *settings] if settings else [])]


def run_workflow(study: str | None, options: list[str]) -> int:
    """Run Snakemake in the current folder, and return its exit code. See `command` for the parameters.

    Raises
    ------
    ModuleNotFoundError
        If Snakemake is not installed.
    """
    if importlib.util.find_spec("snakemake") is None:
        raise ModuleNotFoundError("Snakemake is not installed", name="snakemake")
    process = subprocess.Popen(command(study, options))
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # Snakemake receives Ctrl-C as well, and ends when its jobs have
            continue


def _stack_setting(study: str | None, options: list[str]) -> list[str]:
    """Return the setting `stack=here` if jobs run in this environment, and its PyTorch is not that of the study."""
    installed = packages().get("torch", "").partition("+")[0]
    in_containers = any(word in CONTAINERS for word in options)
    if not installed or in_containers or any(word.startswith("stack=") for word in options):
        return []
    try:
        hardware = load_study(study or str(read_yaml(ROOT / "config.yaml")["study"])).hardware
    except NoisegridError:
        return []  # Snakemake will report the mistake
    pinned = {stack(stack_of(name)).packages.get("torch") for name in hardware if "@" not in name}
    if pinned <= {installed}:
        return []
    _check_kernels(installed, hardware)
    note = f"PyTorch {installed} is installed, which is not the pinned one, so the study runs with stack={HERE}"
    print(f"noisegrid: {note}", file=sys.stderr)
    return [f"stack={HERE}"]


def _check_kernels(installed: str, names: Iterable[str]) -> None:
    """Raise NoisegridError if the installed PyTorch is that of a stack which has no kernels for a device."""
    same = [name for name in catalog("stacks") if stack(name).packages.get("torch") == installed]
    for name in names:
        found = entry(name)
        if found.is_cuda and same and not has_kernels(stack(same[0]).arch, found.compute_capability):
            raise NoisegridError(
                f"hardware {name}: PyTorch {installed} is installed, which has no kernels for compute capability "
                f"{found.compute_capability}; install the stack {found.stack} (make STACK={found.stack} VENV=.venv-gpu "
                ".venv-gpu/.installed) and call noisegrid from there, or add --sdm apptainer"
            )


def _is_profile(name: str) -> bool:
    return "/" not in name and (ROOT / name / "config.yaml").is_file()
