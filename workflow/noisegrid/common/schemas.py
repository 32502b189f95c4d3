"""Functions that read YAML documents (config, study, catalog) and validate them with the schemas in workflow/schemas.

A document becomes a plain dictionary. A mistake in it raises a NoisegridError that states the file, the key and the
remedy.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match

from noisegrid.common.errors import NoisegridError, unknown

# networks.py and study/arms.py import these two from here

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
    document: dict[str, Any] = yaml.safe_load((WORKFLOW / "schemas" / f"{name}.schema.yaml").read_text())
    return document


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


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file. Raise NoisegridError if the file cannot be read or contains no mapping."""
    try:
        document = yaml.safe_load(path.read_text())
    except OSError as error:
        raise NoisegridError(f"cannot read {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise NoisegridError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(document, dict):
        raise NoisegridError(f"{path} must contain a mapping of keys to values")
    return document


def problems(document: dict[str, Any], schema_name: str, where: str) -> list[str]:
    """Return one sentence for each way in which a document violates a schema. Each sentence begins with `where`."""
    errors = Draft202012Validator(schema(schema_name)).iter_errors(document)
    return [f"{where}: {_sentence(error)}" for error in sorted(errors, key=lambda error: list(map(str, error.path)))]


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
        raise NoisegridError(f"{where}: {_sentence(error)}")


def _sentence(error: ValidationError) -> str:
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path).lstrip(".")
    prefix = f"{key}: " if key else ""
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        extra = next(name for name in error.instance if name not in known)
        return prefix + unknown("key", extra, known)
    if error.validator == "enum":
        return prefix + unknown("value", error.instance, map(str, error.validator_value))
    if error.validator == "required":
        missing = next(name for name in error.validator_value if error.message.startswith(repr(name)))
        return f"{prefix}the key {missing!r} is missing"
    if error.validator == "type":
        hint = _type_hint(error.instance, error.validator_value)
        wanted = error.validator_value if isinstance(error.validator_value, str) else " or ".join(error.validator_value)
        return f"{prefix}{error.instance!r} is not of type {wanted}{hint}"
    if error.validator == "pattern" and (form := _description(error)):
        return f"{prefix}{error.instance!r} is not of the right form{form}"
    return prefix + str(error.message) + _description(error)


def _type_hint(value: object, wanted: object) -> str:
    """Return a hint on how to write a number that YAML 1.1 reads as text (such as 1e-3), else an empty string."""
    if wanted != "number" or not isinstance(value, str):
        return ""
    try:
        mantissa, _, exponent = f"{float(value):e}".partition("e")
    except ValueError:
        return ""
    return f"; write it as {float(mantissa)}e{exponent} (YAML reads {value} as text)"


def _description(error: ValidationError) -> str:
    text = error.schema.get("description") if isinstance(error.schema, dict) else None
    return f" ({text})" if text else ""
