"""Run a function of the user in a process that starts anew, so that no state of this one can reach it.

The process is `python -m noisegrid.testing.fresh`, with the request as JSON on standard input.
"""

import json
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Any

from noisegrid.common.commands import python_environment
from noisegrid.common.errors import NoisegridError, UsageError
from noisegrid.common.schemas import PACKAGE
from noisegrid.testing import run
from noisegrid.testing.run import Run
from noisegrid.testing.running import name_of, run_here

#: The variables that set the number of threads of libraries.
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True)
class Address:
    """Where another process finds a function.

    Attributes
    ----------
    module, path, function : str
        The name of the module, its file, and the name of the function in it.
    """

    module: str
    path: str
    function: str

    @classmethod
    def of(cls, function: Callable[..., Any]) -> "Address":
        """Return the address of a function.

        Raises
        ------
        UsageError
            If it is not found under its name in its module, as a lambda or a function inside another one.
        """
        module = sys.modules.get(function.__module__)
        path = getattr(module, "__file__", None)
        name = getattr(function, "__qualname__", "")
        try:
            found = attrgetter(name)(module) if name and path else None
        except AttributeError:
            found = None
        if found is not function:
            raise UsageError(
                f"a fresh process cannot import {name_of(function)}; define it with def outside of any other "
                "function, or pass fresh_process=False"
            )
        return cls(function.__module__, str(path), name)

    def load(self) -> Callable[..., Any]:
        """Import the module, and return the function. The module may be in no folder of sys.path."""
        try:
            module = import_module(self.module)
        except ModuleNotFoundError as error:
            if not self.module.startswith(str(error.name)):
                raise
            module = None
        if module is None or Path(module.__file__ or "").resolve() != Path(self.path).resolve():
            spec = spec_from_file_location(self.module, self.path)
            assert spec is not None and spec.loader is not None
            module = sys.modules[self.module] = module_from_spec(spec)
            spec.loader.exec_module(module)
        found: Callable[..., Any] = attrgetter(self.function)(module)
        return found


def is_importable(function: Callable[..., Any]) -> bool:
    """Return whether a fresh process can import a function."""
    try:
        Address.of(function)
    except UsageError:
        return False
    return True


def run_fresh(function: Callable[..., Any], steps: int, threads: int | None = None) -> Run:
    """Run a function in a fresh process; the arguments are those of `run_here`.

    Raises
    ------
    NoisegridError
        If the process fails. The message has what it wrote to standard error.
    """
    __tracebackhide__ = True
    request = {"address": asdict(Address.of(function)), "steps": steps, "threads": threads, "paths": sys.path}
    variables = dict.fromkeys(THREADS, str(threads)) if threads else {}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "noisegrid.testing.fresh"],
            input=json.dumps(request | {"folder": folder}),
            env=python_environment(**variables),
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode or not any(Path(folder).iterdir()):  # a function may call sys.exit(0)
            said = done.stderr.strip() or f"the process ended with status {done.returncode}"
            what = f"{name_of(function)} failed in a fresh process: {said.splitlines()[-1]}"
            raise NoisegridError(f"{what}\n\n{said}" if "\n" in said else what)
        return run.read(Path(folder))


def main() -> int:
    """Run what standard input asks for; return the exit status."""
    request = json.load(sys.stdin)
    sys.path[:] = request["paths"]
    try:
        found = run_here(Address(**request["address"]).load(), request["steps"], request["threads"])
    except NoisegridError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except Exception as error:
        traceback.print_exception(type(error), error, _of_the_user(error))
        return NoisegridError.exit_code
    run.write(Path(request["folder"]), found)
    return 0


def _of_the_user(error: Exception) -> TracebackType | None:
    """Return the traceback of an error from the first frame that is not of this package; all of it if there is none."""
    place = error.__traceback__
    while place and Path(place.tb_frame.f_code.co_filename).is_relative_to(PACKAGE):
        place = place.tb_next
    return place or error.__traceback__


if __name__ == "__main__":
    sys.exit(main())
