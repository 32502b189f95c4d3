"""The metadata of a crate (ro-crate-metadata.json), which follow RO-Crate 1.1 and the profile Workflow Run Crate 0.5.

Every date comes from a record, so the same results always give the same text. Large parts of the crate (replicates,
code) are described as whole folders; checksums.sha256 lists the files in these folders. The specifications are
w3id.org/ro/crate/1.1 and w3id.org/ro/wfrun/workflow/0.5.
"""

import json
import mimetypes
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from rocrate.model.entity import Entity
from rocrate.rocrate import ROCrate

from noisegrid import __version__
from noisegrid.common.errors import NoisegridError
from noisegrid.common.files import sha256
from noisegrid.crate.crate import ABOUT, METADATA
from noisegrid.crate.limits import CITATION_BYTES, CITATION_DEPTH, check_size
from noisegrid.study.study import Cell

PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
LICENCE = "https://spdx.org/licenses/Apache-2.0"
#: Folder -> description of the folder in the metadata.
FOLDERS = {
    "code/": "the workflow that wrote this crate: rules, catalogs, pinned versions, container definitions, pages",
    "containers/": "the contents of every container image that replicates ran in, as inspected from inside",
    "chunks/": "the replicates of each training job, with their weight hashes",
    "cells/": "the metrics of each cell",
    "across/": "comparisons of the same replicates on several kinds of hardware",
    "overhead/": "every timed block of every network",
    "inference/": "what changes the logits of a replicate: batch size, neighbours, threads, instruction set, precision",
}


@dataclass(frozen=True)
class Contents:
    """The parts of a crate that are described in the metadata.

    Attributes
    ----------
    about : mapping
        The design of the crate (the content of noisegrid.json).
    files : mapping of str to Path
        Name in the crate -> path of the file on disk.
    records : mapping of Cell to list of dict
        Cell -> records of the finished replicates of that cell.
    """

    about: Mapping[str, Any]
    files: Mapping[str, Path]
    records: Mapping[Cell, list[dict[str, Any]]]

    @property
    def results(self) -> str:
        """The path of the study's results folder inside the crate, with a slash at the end."""
        return f"results/{self.about['study']}/"


def metadata(contents: Contents) -> str:
    """Return the text of ro-crate-metadata.json."""
    crate = ROCrate(version="1.1")
    _root(crate, contents)
    workflow = crate.add_workflow(
        None, "code/Snakefile", main=True, lang="snakemake", properties=_about(contents, "code/Snakefile")
    )
    workflow["name"], workflow["license"], workflow["version"] = "noisegrid", {"@id": LICENCE}, __version__
    workflow["conformsTo"] = {"@id": "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"}
    _profiles(crate)
    inputs = [
        _file(crate, contents, "study/study.yaml", "the study: cells and their replicates"),
        _file(crate, contents, "study/config.json", "the configuration that the workflow ran with"),
    ]
    outputs = [_file(crate, contents, name, words) for name, words in _outputs(contents)]
    for slot, entities in (("input", inputs), ("output", outputs)):
        for entity in entities:
            workflow.append_to(slot, _parameter(crate, entity))
    cells = [_cell(crate, contents, cell, records) for cell, records in contents.records.items() if records]
    for prefix, words in _folders(contents):
        crate.add_directory(None, prefix, properties={"name": prefix.rstrip("/"), "description": words})
    for name in (ABOUT, "code/LICENSE", "code/CITATION.cff"):
        _file(crate, contents, name, "")
    _file(crate, contents, "README.md", "how to check this crate")["about"] = crate.root_dataset
    _run(crate, contents, workflow, inputs, [*outputs, *cells])
    crate.metadata.extra_contexts.append("https://w3id.org/ro/terms/workflow-run/context")
    document = crate.metadata.generate()
    document["@graph"] = sorted(document["@graph"], key=lambda entity: (entity["@id"] != METADATA, entity["@id"]))
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def _root(crate: ROCrate, contents: Contents) -> None:
    stated = cited_authors(contents.files["code/CITATION.cff"])
    root = crate.root_dataset
    root["name"] = f"noisegrid: results of the study {contents.about['study']}"
    words = (
        contents.about["description"]
        or "Training runs that are repeated while chosen sources of randomness are left free."
    )
    state = "" if contents.about["finished"] else " The study is partly finished."
    root["description"] = f"{words}{state} Check the crate with: noisegrid verify"
    root["datePublished"] = max(_times(contents))[:10]
    root["license"] = crate.add_jsonld({"@id": LICENCE, "@type": "CreativeWork", "name": "Apache License 2.0"})
    authors = [_author(crate, number, author) for number, author in enumerate(stated, start=1)]
    root["author"] = authors if len(authors) > 1 else authors[0]
    if bodies := [author for author in authors if author.type == "Organization"]:
        root["publisher"] = bodies[0]


def cited_authors(path: Path) -> list[dict[str, str]]:
    """Return the authors in a CITATION.cff, which may be that of a stranger's crate.

    An alias of YAML repeats a part of the file, so that a small file can fill the memory. Therefore, aliases are
    refused before anything is built.

    Raises
    ------
    NoisegridError
        If the file is too large, has an alias, is nested too deeply, or lists no authors with names.
    """
    name = path.name
    check_size(name, path.stat().st_size, CITATION_BYTES)
    depth = 0
    try:
        text = path.read_text()
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent) or depth > CITATION_DEPTH:
                raise NoisegridError(
                    f"{name} has an alias or more than {CITATION_DEPTH} levels, which a crate must not have"
                )
        authors = yaml.safe_load(text)["authors"]
        named = [author.get("name") or author["family-names"] for author in authors]
        texts = [value for author in authors for value in author.values()]
    except (yaml.YAMLError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoisegridError(f"{name} does not list authors with names, as CFF 1.2.0 requires") from error
    if not named or not all(isinstance(value, str) for value in texts):
        raise NoisegridError(f"{name} does not list authors with names, as CFF 1.2.0 requires")
    return list(authors)


def _author(crate: ROCrate, number: int, author: dict[str, str]) -> Entity:
    """Add an author from CITATION.cff, a person or an organization; `number` identifies an author without an ORCID."""
    name = author.get("name") or f"{author.get('given-names', '')} {author['family-names']}".strip()
    kind = "Organization" if "name" in author else "Person"
    return crate.add_jsonld({"@id": author.get("orcid", f"#author-{number}"), "@type": kind, "name": name})


def _profiles(crate: ROCrate) -> None:
    for entity in list(crate.contextual_entities):
        if entity.id.startswith("https://w3id.org/workflowhub/workflow-ro-crate/"):
            crate.delete(entity)
    crate.root_dataset["conformsTo"] = [
        crate.add_jsonld({"@id": address, "@type": "CreativeWork", "name": name, "version": version})
        for address, (name, version) in PROFILES.items()
    ]


def _about(contents: Contents, name: str) -> dict[str, Any]:
    path = contents.files[name]
    kind = mimetypes.guess_type(name)[0] or "text/plain"
    return {"contentSize": str(path.stat().st_size), "sha256": sha256(path), "encodingFormat": kind}


def _file(crate: ROCrate, contents: Contents, name: str, words: str) -> Entity:
    properties = {"name": Path(name).name, **_about(contents, name)} | ({"description": words} if words else {})
    return crate.add_file(None, name, properties=properties)


def _outputs(contents: Contents) -> Iterable[tuple[str, str]]:
    """Yield the name and the description of each result that is meant for human readers."""
    for name, words in (
        ("versus.csv", "comparisons of two methods"),
        ("metrics.csv", "every number: metric, unit, interval, n, device, versions"),
        ("overhead.csv", "every timed block: the overhead of determinism"),
        ("findings.md", "the findings of the study, in sentences"),
        ("report.html", "verdict, findings, figures, tables and all numbers of every cell on one page"),
        ("provenance.html", "Snakemake's report: code, duration and software of every step"),
    ):
        if contents.results + name in contents.files:
            yield contents.results + name, words
    for folder, suffix in (("tables", ".csv"), ("figures", ".png")):
        for name in sorted(contents.files):
            if name.startswith(f"{contents.results}{folder}/") and name.endswith(suffix):
                yield name, ""


def _parameter(crate: ROCrate, entity: Entity) -> Entity:
    """Add a formal parameter to the workflow, with the given file as an example of its value."""
    parameter = crate.add_formal_parameter(
        Path(entity.id).name, "File", identifier=f"#slot-{entity.id.replace('/', '-')}"
    )
    parameter["workExample"] = entity
    entity["exampleOfWork"] = parameter
    return parameter


def _cell(crate: ROCrate, contents: Contents, cell: Cell, records: list[dict[str, Any]]) -> Entity:
    """Add the folder of a cell's replicates, with a description of their number, devices and versions."""
    properties = {
        "name": cell.path,
        "description": f"{len(records)} of {cell.replicates} replicates; noise {cell.noise}",
        "additionalProperty": [
            _property(crate, "device", sorted({record["device"]["model"] for record in records})),
            _property(crate, "operating system", sorted({record["software"]["os"] for record in records})),
            *(
                _property(crate, name, sorted({str(record["software"].get(name)) for record in records}))
                for name in ("python", "torch", "torchvision", "numpy", "cuda", "cudnn")
            ),
            _property(crate, "git commit", sorted({str(record["code"]["git_commit"]) for record in records})),
        ],
    }
    return crate.add_directory(None, f"{contents.results}replicates/{cell.path}/", properties=properties)


def _property(crate: ROCrate, name: str, values: list[str]) -> Entity:
    value = "; ".join(values)
    identifier = f"#{name}={value}".replace(" ", "_")
    return crate.get(identifier) or crate.add_jsonld(
        {"@id": identifier, "@type": "PropertyValue", "name": name, "value": value}
    )


def _folders(contents: Contents) -> Iterable[tuple[str, str]]:
    for folder, words in FOLDERS.items():
        prefix = folder if folder in ("code/", "containers/") else contents.results + folder
        if any(name.startswith(prefix) for name in contents.files):
            yield prefix, words


def _run(crate: ROCrate, contents: Contents, workflow: Entity, inputs: list[Entity], results: list[Entity]) -> None:
    times = _times(contents)
    authors = crate.root_dataset["author"]
    properties = {
        "agent": authors[0] if isinstance(authors, list) else authors,
        "name": f"snakemake, study {contents.about['study']}",
        "description": "From prepared datasets to figures. Its times are the first start and last end of a replicate.",
        "startTime": min(times),
        "endTime": max(times),
    }
    if contents.about["finished"]:
        properties["actionStatus"] = "http://schema.org/CompletedActionStatus"
    action = crate.add_action(workflow, "#run", inputs, results, properties)
    if images := _images(crate, contents):
        action["containerImage"] = images
    crate.root_dataset["mentions"] = action


def _images(crate: ROCrate, contents: Contents) -> list[Entity]:
    """Add the container images in which the replicates were trained."""
    found = {
        record["container"]["image_sha256"]: record["container"]
        for records in contents.records.values()
        for record in records
        if (record["container"] or {}).get("image_sha256")
    }
    return [
        crate.add_jsonld(
            {
                "@id": f"#image-{about['stack']}-{digest[:16]}",
                "@type": "ContainerImage",
                "additionalType": {"@id": "https://w3id.org/ro/terms/workflow-run#SIFImage"},
                "name": about["stack"],
                "sha256": digest,
            }
        )
        for digest, about in sorted(found.items())
    ]


def _times(contents: Contents) -> list[str]:
    """Return the start and end times of all replicates in ISO 8601 format."""
    times = []
    for records in contents.records.values():
        for record in records:
            seconds = record["timings"].get("total_s", 0.0)
            try:
                started = datetime.fromisoformat(record["started"])
                ended = started + timedelta(seconds=round(seconds))
            except (ValueError, OverflowError) as error:
                raise NoisegridError(
                    f"a record says that its replicate started at {record['started']} and took {seconds} seconds, "
                    "which no calendar has; set it aside and train it again"
                ) from error
            times += [started.isoformat(), ended.isoformat()]
    return times
