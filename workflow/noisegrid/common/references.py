"""References to a user's functions, as package.module:function.

Reading a study imports none of the user's code. A module is found by looking into the folders of sys.path, and only its
text is read. Jobs import it, and so does the trial of a network (planning/trial.py).
"""

import ast
import re
import symtable
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import decode_source
from pathlib import Path
from typing import Any

from noisegrid.common.errors import NoisegridError, unknown
from noisegrid.common.files import sha256

FORM = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*")


def is_reference(name: str) -> bool:
    """Return whether a name is that of a user's function, as package.module:function, instead of a catalog's entry."""
    return ":" in name or "." in name


def corrected(reference: str) -> str:
    """Return a reference as package.module:function. The form package.module.function is accepted too."""
    module, dot, function = reference.rpartition(".")
    return f"{module}:{function}" if dot and ":" not in reference else reference


def imported(kind: str, reference: str) -> Any:
    """Import a function.

    Parameters
    ----------
    kind : str
        What the function provides (`network` or `dataset`). The error message begins with this word.
    reference : str
        The function, as package.module:function.

    Raises
    ------
    NoisegridError
        If the function cannot be imported, or cannot be called.
    """
    module, _, function = corrected(reference).partition(":")
    if (here := str(Path.cwd())) not in sys.path:  # `python -m` adds this folder, the command `noisegrid` does not
        sys.path.insert(0, here)
    try:
        found = getattr(import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise NoisegridError(f"{kind} {reference}: cannot be imported as package.module:function ({error})") from error
    if not callable(found):
        raise NoisegridError(
            f"{kind} {reference}: this is of type {type(found).__name__}, which cannot be called; name a function"
        )
    return found


def check_reference(reference: str, where: str) -> Path:
    """Check that package.module:function exists, and return the path of the file that defines the function.

    No module is imported, because a module may need libraries or devices that this machine lacks. Imports of the form
    `from module import name` or `from module import *` are followed, so that the file of a function that a package
    exports is the file with its definition. If the text does not tell where the function is defined, the result is
    the file of the module that the reference names.

    Parameters
    ----------
    reference : str
        The reference, as package.module:function.
    where : str
        The file and key that contain the reference, for the error message.

    Raises
    ------
    NoisegridError
        If the reference has the wrong form, if the module does not exist or is not valid Python, or if the module
        certainly has no such function.
    """
    reference = corrected(reference)
    if FORM.fullmatch(reference) is None:
        raise NoisegridError(f"{where}: {reference!r} is not of the form package.module:function")
    module, _, function = reference.partition(":")
    path = file_of(module)
    if path is None:
        raise NoisegridError(
            f"{where}: there is no module {module!r} (searched {Path.cwd()} and the installed packages); "
            "correct the name, or call noisegrid in the folder of the module"
        )
    try:
        found = _definition(module, path, function, set())
        if found is None and path.suffix == ".py" and not (outline := _outline_of(path)).open:
            raise NoisegridError(f"{where}: {path}: {unknown('function', function, outline.names)}")
    except SyntaxError as error:
        place = f"{error.filename or path}, line {error.lineno}"
        raise NoisegridError(f"{where}: {place}: this is not valid Python ({error.msg}); correct this file") from error
    return found or path


def reference_digest(reference: str, where: str) -> str:
    """Check package.module:function as `check_reference` does, and return a short digest of the defining file."""
    return sha256(check_reference(reference, where))[:16]


def file_of(module: str) -> Path | None:
    """Return the path of a module's file, or None if there is none. Neither the module nor its parents are imported."""
    parts = module.split(".")
    # a job runs with `python -m`, which adds the current folder
    spec = PathFinder.find_spec(parts[0], [str(Path.cwd()), *sys.path])
    if spec is None:  # an editable installation may have a finder of its own
        specs = (finder.find_spec(parts[0], None) for finder in sys.meta_path)
        spec = next((found for found in specs if found is not None), None)
    for part in parts[1:]:
        if spec is None or spec.submodule_search_locations is None:
            return None
        spec = PathFinder.find_spec(part, list(spec.submodule_search_locations))
    return Path(spec.origin) if spec is not None and spec.has_location and spec.origin else None


@dataclass(frozen=True)
class _Outline:
    """What the text of a module says about its names.

    Attributes
    ----------
    names : frozenset of str
        The names that statements outside functions and classes define or import.
    imports : dict
        For each name that `from module import name` defines: the number of leading dots, the module and the name there.
    stars : tuple of (int, str)
        The number of leading dots and the module of each `from module import *`.
    """

    names: frozenset[str]
    imports: dict[str, tuple[int, str, str]]
    stars: tuple[tuple[int, str], ...]

    @property
    def open(self) -> bool:
        """Whether the module may have names that its text does not list."""
        return bool(self.stars) or "__getattr__" in self.names


def _outline_of(path: Path) -> _Outline:
    stat = path.stat()
    return _read_outline(path, stat.st_mtime_ns, stat.st_size)


@cache
def _read_outline(path: Path, modified: int, size: int) -> _Outline:
    """Read the outline of a file. A file that was edited has another time or size, so it is read again."""
    content = path.read_bytes()
    froms = [node for node in _outside_functions(ast.parse(content, path)) if isinstance(node, ast.ImportFrom)]
    imports = {
        alias.asname or alias.name: (node.level, node.module or "", alias.name)
        for node in froms
        for alias in node.names
        if alias.name != "*"
    }
    stars = tuple((node.level, node.module or "") for node in froms if node.names[0].name == "*")
    symbols = symtable.symtable(decode_source(content), str(path), "exec").get_symbols()
    names = frozenset(symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_imported())
    return _Outline(names, imports, stars)


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield child
            yield from _outside_functions(child)


def _definition(module: str, path: Path, name: str, seen: set[tuple[Path, str]]) -> Path | None:
    """Return the path of the file that defines a name of a module, or None if the text of the modules names none."""
    if (path, name) in seen or path.suffix != ".py":
        return None
    seen.add((path, name))
    outline = _outline_of(path)
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    if name in outline.imports:
        level, source, original = outline.imports[name]
        return _imported_from(package, level, source, original, seen) or path
    if name in outline.names:
        return path
    found = (_imported_from(package, level, source, name, seen) for level, source in reversed(outline.stars))
    return next((file for file in found if file is not None), None)


def _imported_from(package: list[str], level: int, source: str, name: str, seen: set[tuple[Path, str]]) -> Path | None:
    base = package[: len(package) - level + 1] if level else []
    module = ".".join([*base, *([source] if source else [])])
    path = file_of(module) if module else None
    return path and _definition(module, path, name, seen)
