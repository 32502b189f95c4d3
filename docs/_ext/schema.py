"""The reference of a document: the keys that its JSON schema describes."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from _ext.markdown import code, item, prose
from noisegrid.common.schemas import schema

Schema = Mapping[str, Any]
#: What limits a value, and how it is written.
LIMITS = {"minimum": "≥ {}", "exclusiveMinimum": "> {}", "maximum": "≤ {}", "exclusiveMaximum": "< {}"}


def markdown(name: str) -> str:
    """Return the description and the keys of workflow/schemas/NAME.schema.yaml."""
    whole = schema(name)
    parts = [f"{_sentence(whole)}\n", _keys(whole, whole)]
    for key, part in whole.get("$defs", {}).items():
        if rows := _keys(part, whole):
            parts += [f"\n*{code(key)}*: {_sentence(part)}\n", rows]
    return "\n".join(parts)


def _sentence(part: Schema) -> str:
    text = prose(str(part.get("description", ""))).strip()
    return f"{text[:1].upper()}{text[1:]}." if text and not text.endswith(".") else text


def _keys(part: Schema, whole: Schema) -> str:
    return "\n".join(_entries(part, whole, ""))


def _entries(part: Schema, whole: Schema, before: str) -> Iterator[str]:
    """Yield an entry for each key, and for each key below it; a dot leads to a key, [] to the entries of a list."""
    for key, value in part.get("properties", {}).items():
        required = ", required" if key in part.get("required", []) else ""
        yield from _entry(f"{before}{key}", value, whole, required)
    if isinstance(more := part.get("additionalProperties"), Mapping) and more:
        yield from _entry(f"{before}NAME", more, whole)


def _entry(place: str, value: Schema, whole: Schema, required: str = "") -> Iterator[str]:
    yield item(f"{code(place)} {_kind(value, whole)}{required}", _described(value, whole))
    yield from _entries(value, whole, f"{place}.")
    for branch in (value, *value.get("oneOf", []), *value.get("anyOf", [])):
        yield from _entries(branch.get("items", {}), whole, f"{place}[].")


def _described(value: Schema, whole: Schema) -> str:
    return prose(str(value.get("description") or _resolved(value, whole).get("description", "")))


def _resolved(value: Schema, whole: Schema) -> Schema:
    for step in value.get("$ref", "#").split("/")[1:]:
        whole = whole[step]
    return whole if "$ref" in value else value


def _kind(value: Schema, whole: Schema) -> str:
    """Return what a value may be, in few words."""
    if branches := (*value.get("oneOf", []), *value.get("anyOf", [])):
        return " or ".join(dict.fromkeys(_kind(branch, whole) for branch in branches))
    if "const" in value:
        return code(json.dumps(value["const"]))
    if "enum" in value:
        return ", ".join(code(json.dumps(entry).strip('"')) for entry in value["enum"])
    if "$ref" in value:
        resolved = _resolved(value, whole)
        return code(value["$ref"].rpartition("/")[2]) if "properties" in resolved else _kind(resolved, whole)
    kinds = value.get("type", "any")
    words = " or ".join(kinds if isinstance(kinds, list) else [kinds])
    if kinds == "array" and (items := value.get("items")):
        words = f"list of {_kind(items, whole)}"
    limits = [sign.format(value[name]) for name, sign in LIMITS.items() if name in value]
    return ", ".join([words, *limits]).replace("<", r"\<")
