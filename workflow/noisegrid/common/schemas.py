"""Functions that read YAML documents (config, study, catalog) and validate them with the schemas in workflow/schemas.

A document becomes a plain dictionary. A mistake in it raises a NoisegridError that states the file, the key and the
remedy.
"""

import re
from collections.abc import Hashable
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match

from noisegrid.common.errors import NoisegridError, unknown
from noisegrid.common.escape import terminal

#: The loader in C, ten times as fast, where PyYAML was built with it.
FAST_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: The folder of this package.
PACKAGE = Path(__file__).resolve().parent.parent
#: Whether the package is that of a working tree. Otherwise it was installed from a wheel.
IN_WORKING_TREE = (PACKAGE.parent.parent / "Snakefile").is_file()
#: The folder of the Snakefile, the config, the profiles and the pins. A wheel has a copy of these files.
ROOT = PACKAGE.parent.parent if IN_WORKING_TREE else PACKAGE / "share"
#: The folder of the rules, catalogs, schemas and studies.
WORKFLOW = ROOT / "workflow"


@cache
def schema(name: str) -> dict[str, Any]:
    """Return the content of workflow/schemas/<name>.schema.yaml."""
    return read_yaml(WORKFLOW / "schemas" / f"{name}.schema.yaml")


@cache
def catalog(name: str) -> dict[str, Any]:
    """Return the entries of workflow/catalog/<name>.yaml.

    The keys of the entries become file names and arguments of commands. Therefore raise NoisegridError if a key
    contains characters other than letters, digits, `_`, `-` and `.`, or does not begin with a letter or a digit.
    """
    path = WORKFLOW / "catalog" / f"{name}.yaml"
    entries = read_yaml(path)
    for key in entries:
        if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", str(key)) is None:
            raise NoisegridError(
                f"{path}: the name {key!r} must start with a letter or a digit, and may contain only letters, digits, "
                "'_', '-' and '.'"
            )
    return entries


class _UniqueKeys:
    """A loader that refuses a mapping in which a key occurs twice; by default, YAML keeps the last value in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return the mapping of a node. Raise NoisegridError if a key occurs twice."""
        lines: dict[Any, int] = {}
        for key, _ in node.value:
            name, line = key.value, key.start_mark.line + 1
            if isinstance(name, str) and lines.setdefault(name, line) != line:
                raise NoisegridError(
                    f"line {line}: the key {name!r} is already in line {lines[name]}; remove one of them"
                )
        return super().construct_mapping(node, deep)  # type: ignore[misc]


class _Fast(_UniqueKeys, FAST_LOADER):
    """The loader of documents without mistakes."""


class _Explaining(_UniqueKeys, yaml.SafeLoader):
    """The loader of documents with mistakes: its messages name the character that is wrong."""


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file.

    Raises
    ------
    NoisegridError
        If the file cannot be read, is not valid YAML, contains no mapping, or contains a key twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
        try:
            document = _Fast(text).get_single_data()
        except yaml.YAMLError:
            document = _Explaining(text).get_single_data()
    except NoisegridError as error:
        raise NoisegridError(f"{path}, {error}") from error
    except OSError as error:
        raise NoisegridError(f"cannot read {path}: {error.strerror}; check the path and its permissions") from error
    except UnicodeDecodeError as error:
        raise NoisegridError(f"{path} is not a text file in UTF-8; save it in this encoding") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2024-13-99
        raise NoisegridError(f"{path} is not valid YAML: {_yaml_problem(error)}") from error
    except RecursionError as error:
        raise NoisegridError(f"{path} has too many levels of keys or brackets; write it with fewer") from error
    if document is None:
        raise NoisegridError(f"{path} is empty; write keys and values into it, or delete it")
    if not isinstance(document, dict):
        kind = "a list" if isinstance(document, list) else "text"
        raise NoisegridError(f"{path} contains {kind} instead of keys and values; begin its first lines with `key:`")
    return document


def _yaml_problem(error: Exception) -> str:
    """Return the line in which a file is not valid YAML, and what to do."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    line = f"line {mark.line + 1}: " if mark else ""
    if r"'\t'" in problem:
        return f"{line}a tab is not allowed there; replace every tab with spaces"
    if problem.startswith("mapping values"):
        return f"{line}a colon follows a value; put the value in quotes, or correct the indentation"
    return f"{line}{problem}; correct the indentation, colon, bracket or quotation mark there or in the line before"


def problems(document: dict[str, Any], schema_name: str, where: str) -> list[str]:
    """Return one sentence for each way in which a document violates a schema. Each sentence begins with `where`."""
    errors = Draft202012Validator(schema(schema_name)).iter_errors(document)
    errors = sorted(errors, key=lambda error: list(map(str, error.path)))
    return [f"{where}: {sentence}" for error in errors for sentence in _sentences(error)]


def check(document: dict[str, Any], schema_name: str, where: str) -> None:
    """Validate a document with a schema.

    Parameters
    ----------
    document : dict
        The document.
    schema_name : str
        The name of the schema; the file is workflow/schemas/<name>.schema.yaml.
    where : str
        The file and key of the document, with which the error message begins.

    Raises
    ------
    NoisegridError
        If the document violates the schema. The message is one sentence about the most relevant violation.
    """
    error = best_match(Draft202012Validator(schema(schema_name)).iter_errors(document))
    if error is not None:
        first, *more = (f"{where}: {sentence}" for sentence in _sentences(error))
        raised = NoisegridError(first)
        raised.more = tuple(more)
        raise raised


def _sentences(error: ValidationError) -> list[str]:
    """Return one sentence about a violation: the key, what is wrong, and how to write it; one for each unknown key.

    Keys and values of a document are of unknown origin, so the sentences are escaped for a terminal.
    """
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path).lstrip(".")
    prefix = f"{key}: " if key else ""
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        return [terminal(prefix + unknown("key", name, known)) for name in error.instance if name not in known]
    return [terminal(_sentence(error, prefix))]


def _sentence(error: ValidationError, prefix: str) -> str:
    if error.validator == "enum":
        return prefix + unknown("value", error.instance, map(str, error.validator_value)) + _description(error)
    if error.validator == "required":
        missing = next(name for name in error.validator_value if error.message.startswith(repr(name)))
        about = error.schema.get("properties", {}).get(missing, {}).get("description", "")
        return f"{prefix}the key {missing!r} is missing; add it{f' ({about})' if about else ''}"
    if error.validator == "type":
        return prefix + _wrong_type(error)
    return prefix + _plain(error) + _description(error)


#: Violations that jsonschema describes in words of programmers, and what is said instead.
WORDS = {
    "exclusiveMinimum": "{value!r} must be greater than {limit}",
    "exclusiveMaximum": "{value!r} must be less than {limit}",
    "uniqueItems": "an item occurs twice; remove one of them",
}


def _plain(error: ValidationError) -> str:
    """Return what is wrong about a value that breaks a rule of the schema; no regular expression is shown."""
    if error.validator == "minItems" and not error.instance:
        return "the list is empty; add at least one item"
    if error.validator in ("pattern", "anyOf") and _description(error):
        return f"{error.instance!r} is not of the right form"
    words = WORDS.get(str(error.validator))
    return words.format(value=error.instance, limit=error.validator_value) if words else str(error.message)


#: What each type of the schemas is called in messages.
TYPES = {
    "array": "a list",
    "object": "a mapping of keys to values",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


def _wrong_type(error: ValidationError) -> str:
    """Return what is wrong about a value of another type, and how to write it."""
    value = error.instance
    wanted = [error.validator_value] if isinstance(error.validator_value, str) else error.validator_value
    kind = " or ".join(TYPES[name] for name in wanted)
    if value is None:
        return f"there is no value after the colon; write {kind}{_description(error)}"
    message = f"{_shown(value)} is not {kind}"
    if "string" in wanted and isinstance(value, bool):
        return f"{message}, because YAML reads yes, no, on and off as true and false; write the word in quotes"
    if "string" in wanted and not isinstance(value, list | dict):
        return f'{message}; write it in quotes: "{value}"'
    if "array" in wanted and isinstance(value, str | int | float) and _takes(error, value):
        return f"{message}; write [{value}]"
    if wanted == ["array"] and isinstance(value, dict):
        return f"{message}; begin each of its items with a dash{_description(error)}"
    if isinstance(value, str) and (number := _number(value, wanted)):
        return f"{message}; write {number}"
    return message + _description(error)


def _shown(value: object) -> str:
    """Return a value as a person writes it in YAML; a list or a mapping is only named."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a mapping"
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, str) else str(value)


def _takes(error: ValidationError, value: object) -> bool:
    """Return whether a list of this value alone would be valid."""
    return bool(Draft202012Validator(error.schema).is_valid([value]))


def _number(text: str, wanted: list[str]) -> str:
    """Return how to write a number that YAML 1.1 reads as text (such as 1e-3 or "10"), else an empty string."""
    if "integer" in wanted and re.fullmatch(r"-?[0-9]+", text):
        return f"{text} without quotes"
    if "number" not in wanted:
        return ""
    try:
        value = float(text)
    except ValueError:
        return ""
    if "e" not in text.lower():
        return f"{text} without quotes"
    mantissa, _, exponent = f"{value:e}".partition("e")
    return f"it as {float(mantissa)}e{exponent} (YAML reads {text} as text)"


def _description(error: ValidationError) -> str:
    text = error.schema.get("description") if isinstance(error.schema, dict) else None
    return f" ({text})" if text else ""
