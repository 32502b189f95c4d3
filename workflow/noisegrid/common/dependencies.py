"""The code and the data that a command depends on, computed from the text of the package.

A product of the workflow is stale if the code that makes it has changed. The digests in this module cover all modules
that a command imports, directly or indirectly, and the catalogs and schemas that these modules read. They ignore
comments, docstrings and blank lines.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from noisegrid.common.files import short_digest
from noisegrid.common.schemas import PACKAGE, WORKFLOW

#: The functions of `common/schemas.py` that read a file. Each is mapped to two values: the position of the argument
#: that names the file, and the pattern of the file's path below the workflow folder.
READERS = {
    "catalog": (0, "catalog/{}.yaml"),
    "schema": (0, "schemas/{}.schema.yaml"),
    "check": (1, "schemas/{}.schema.yaml"),
    "problems": (1, "schemas/{}.schema.yaml"),
}
#: The form in which the registry of figures and tables names a function. The function's module is imported only when
#: the function is called.
LAZY = re.compile(r"([a-z_]+):[a-z_0-9]+")
DATA_SUFFIXES = (".csv", ".mplstyle", ".css", ".j2", ".js")


def command_digest(subcommand: str, *more: Path) -> str:
    """Return a short digest of the code of a subcommand, and of the catalogs, schemas and other files that it reads.

    Parameters
    ----------
    subcommand : str
        The name of the subcommand.
    more
        Paths of further files to include in the digest.
    """
    paths = sorted(files_of(subcommand) | set(more))
    parts = [f"{_name_of(path)}\n{_read(path).text}" for path in paths]
    return short_digest("\0".join(parts))


def _name_of(path: Path) -> str:
    """Return the path of a file below the workflow folder. It is the same in a working tree and in a wheel."""
    in_package = path.is_relative_to(PACKAGE) and not path.is_relative_to(PACKAGE / "share")
    return path.relative_to(PACKAGE.parent if in_package else WORKFLOW).as_posix()


def files_of(subcommand: str) -> set[Path]:
    """Return the paths of all files below the workflow folder that a subcommand depends on."""
    modules = modules_of(PACKAGE / "cli" / f"{subcommand.replace('-', '_')}.py")
    return modules | {path for module in modules for path in _read(module).data}


def modules_of(start: Path) -> set[Path]:
    """Return the paths of the module `start` and of all modules of this package that it imports, even indirectly."""
    found, waiting = set[Path](), [start]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _read(path).imports
    return found


def code_digest(paths: Iterable[Path]) -> str:
    """Return a short digest of the code in some modules, without comments and docstrings."""
    return short_digest("\0".join(_read(path).text for path in paths))


def function_digest(path: Path, name: str) -> str:
    """Return a short digest of a function and of all definitions in its module that it uses, directly or indirectly.

    Parameters
    ----------
    path : Path
        The path of the module.
    name : str
        The name of the function.
    """
    text = code_of(path.read_text())
    definitions = {name: node for node in ast.parse(text).body for name in _names_of(node)}
    used, waiting = set[str](), [name]
    while waiting:
        current = waiting.pop()
        if current in definitions and current not in used:
            used.add(current)
            nodes = ast.walk(definitions[current])
            waiting += [node.id for node in nodes if isinstance(node, ast.Name)]
    # a statement that defines several names is used only once
    statements = dict.fromkeys(node for name, node in definitions.items() if name in used)
    parts = [ast.get_source_segment(text, node) or "" for node in sorted(statements, key=lambda node: node.lineno)]
    return short_digest("\n".join(parts))


def code_of(text: str) -> str:
    """Return the text of a module without comments, docstrings, trailing white space and blank lines."""
    return _without_words(text, _nodes(ast.parse(text)))


def _without_words(text: str, nodes: Iterable[ast.AST]) -> str:
    """Return the code of a module of which all nodes are given."""
    lines = text.splitlines(keepends=True)
    for first, last in sorted(_docstrings(nodes), reverse=True):
        lines[first - 1 : last] = ["\n"] * (last - first + 1)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column] + "\n"
    return "".join(line.rstrip() + "\n" for line in lines if line.strip())


def _docstrings(nodes: Iterable[ast.AST]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last line of every docstring."""
    for node in nodes:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            # the body of a class or function needs at least one statement, so a docstring on its own stays
            removable = len(node.body) > 1 or isinstance(node, ast.Module)
            if removable and ast.get_docstring(node, clean=False) is not None:
                yield node.body[0].lineno, node.body[0].end_lineno or node.body[0].lineno


@dataclass(frozen=True)
class _Read:
    """What a file says about dependencies: `text` is what is digested; only Python modules have the rest."""

    text: str
    #: The modules of this package that the module imports itself.
    imports: tuple[Path, ...] = ()
    #: The catalogs, schemas and other data files that the module reads.
    data: tuple[Path, ...] = ()


@cache
def _read(path: Path) -> _Read:
    text = path.read_text()
    if path.suffix != ".py":
        return _Read(text)
    tree = ast.parse(text)
    imports, data = list[Path](), list[Path]()
    nodes = list(_nodes(tree))
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Constant | ast.Call):
            imports += _imports_of(node, path)
            data += _data_of(node, path)
    existing = (place for place in dict.fromkeys(data) if place.is_file())
    return _Read(_without_words(text, nodes), tuple(dict.fromkeys(imports)), tuple(existing))


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield all nodes of a tree that have content. This takes half of the time of `ast.walk`."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, list):
                waiting += [one for one in value if isinstance(one, ast.AST)]
            elif isinstance(value, ast.AST) and value._fields:
                waiting.append(value)


def _imports_of(node: ast.AST, path: Path) -> Iterator[Path]:
    """Yield the paths of the modules of this package that a node of the module at `path` imports."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.module:
        # `from package import name` imports the module package.name, if there is one
        names = [f"{node.module}.{alias.name}" for alias in node.names]
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and (lazy := LAZY.fullmatch(node.value)):
        names = []
        sibling = path.with_name(f"{lazy[1]}.py")
        if sibling.is_file():
            yield sibling
    else:
        return
    for name in names:
        yield from _module(name)


def _module(name: str) -> Iterator[Path]:
    """Yield the path of the module that a dotted name refers to, or that contains the object of this name."""
    parts = name.split(".")
    if parts[0] != PACKAGE.name:
        return
    for length in (len(parts), len(parts) - 1):
        place = PACKAGE.joinpath(*parts[1:length])
        for path in (place.with_suffix(".py"), place / "__init__.py"):
            if path.is_file() and path != PACKAGE.with_suffix(".py"):
                yield path
                return


def _data_of(node: ast.AST, path: Path) -> Iterator[Path]:
    """Yield the paths at which a data file may be that a node of the module at `path` reads."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in READERS:
        place, pattern = READERS[node.func.id]
        name = node.args[place] if len(node.args) > place else None
        if isinstance(name, ast.Constant):
            yield WORKFLOW / pattern.format(name.value)
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.endswith(DATA_SUFFIXES):
        yield from (place / node.value for place in (WORKFLOW / "catalog", WORKFLOW / "report", path.parent))


def _names_of(node: ast.stmt) -> list[str]:
    """Return the names that a statement at the top of a module defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [(alias.asname or alias.name).partition(".")[0] for alias in node.names]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
