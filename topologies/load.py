"""From what a user names - a saved file, a spec, a preset, a family - to a Fabric."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..fabric.catalogue import refuse_unspecified, server_kind
from ..fabric.errors import Fault, InputError, ParseError, SpecError, UnknownNameError
from ..fabric.graph import Fabric
from ..fabric.spec import Lines, Spec, read_yaml, validate
from .families import FAMILIES
from .imported import add_servers

VERSION = 1
_LARGEST_SPEC_BYTES = 1 << 22  # a larger file is no spec, and reading it as YAML would take minutes
_ARCHIVE_STARTS = b"PK\x03\x04"
_PRESETS_FOLDER = Path(__file__).parent / "presets"

PRESETS: Mapping[str, Path] = {path.stem: path for path in sorted(_PRESETS_FOLDER.glob("*.yaml"))}
"""Named specs that come with the package: name -> spec file."""


@dataclass(frozen=True)
class Description:
    """A fabric as written down: the family and the fields given for it, and where they stand."""

    family: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    preset: str | None = None
    file: str = ""
    lines: Lines = field(default_factory=dict)
    assumed: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


def load(name_or_path: str | Path, /, **overrides: Any) -> Fabric:
    """The fabric that a saved file, a spec file, a preset or a family describes; `overrides` replace its fields.

    `load("hgx-h100", nodes=16)`, `load("fat_tree", k="8", link="200Gbps")`, `load("cluster.yaml")`, `load("x.fabric")`.
    Raises UnknownNameError, SpecError with every wrong field, or ParseError.
    """
    if not isinstance(name_or_path, str | Path):
        raise InputError(f"{name_or_path!r} names no fabric", "give a name or a path as text")
    path = Path(name_or_path)
    if str(name_or_path) not in _names() and os.path.isfile(path) and _looks_saved(path):
        return _saved(path, overrides)
    return generate(describe(name_or_path), overrides)


def _looks_saved(path: Path) -> bool:
    """Whether the file is an archive, whole or cut short."""
    try:
        with path.open("rb") as file:
            return file.read(len(_ARCHIVE_STARTS)) == _ARCHIVE_STARTS or zipfile.is_zipfile(path)
    except OSError:
        return False


def generate(described: Description, overrides: Mapping[str, Any]) -> Fabric:
    """The fabric of a description with some fields replaced. Raises SpecError."""
    family = FAMILIES[described.family]
    lines = {place: line for place, line in described.lines.items() if place[0] not in overrides}
    try:
        spec = validate(family.spec, {**described.fields, **overrides}, described.file, lines)
    except SpecError as error:
        raise SpecError([_placed(fault, overrides) for fault in error.faults]) from None
    given = {place[0]: lines[place] for place in lines if len(place) == 1} | dict.fromkeys(overrides)
    _refuse_idle(spec, given, described.file)
    return _told(family.build(spec), replace(described, text="") if overrides else described)


def _refuse_idle(spec: Spec, given: Mapping[str, int | None], file: str) -> None:
    """Raise SpecError for fields that the user gave, on these lines of `file` if not None, and that cannot act; a
    preset's own fields, and defaults written out, may idle."""
    faults = [
        Fault(f"changes nothing: {why}", "leave it out", file if given[name] else "", given[name], name)
        for name, why in spec.idle().items()
        if name in given and getattr(spec, name) != type(spec).model_fields[name].default
    ]
    if faults:
        raise SpecError(faults)


def _told(fabric: Fabric, described: Description) -> Fabric:
    """The fabric with what its description says of itself: what it is, its preset, what is assumed, where the rest was
    read."""
    assumed, sources = described.assumed, described.sources
    said = [*(f"assumed: {line}" for line in assumed), *(f"source: {line}" for line in sources)]
    told: dict[str, Any] = {"assumptions": [*fabric.meta.get("assumptions", []), *said]} if said else {}
    if described.preset:
        told["preset"] = described.preset
    if described.preset and described.text and not described.file:
        told["description"] = described.text
    return replace(fabric, meta={**fabric.meta, **told}) if told else fabric


def _placed(fault: Fault, overrides: Mapping[str, Any]) -> Fault:
    """A fault of an override does not stand in the file."""
    return replace(fault, file="", line=None) if fault.field.split(".")[0] in overrides else fault


def describe(name_or_path: str | Path) -> Description:
    """The description that a preset, a family or a spec file holds. Raises UnknownNameError, SpecError, ParseError."""
    name = str(name_or_path)
    if name in PRESETS:
        return replace(read_spec(PRESETS[name]), preset=name, file="", lines={})
    if name in FAMILIES:
        return Description(name)
    path = Path(name_or_path)
    if os.path.exists(path) or path.suffix or len(path.parts) > 1:
        return read_spec(path)
    refuse_unspecified(name)
    raise UnknownNameError.of("fabric", name, _names())


def read_spec(path: Path) -> Description:
    """A spec file: `version: 1`, `family:` or `preset:`, fields; and in words a `description`, what is `assumed`, and
    `sources` of the rest. Raises ParseError, or SpecError with every fault."""
    if os.path.isfile(path) and path.stat().st_size > _LARGEST_SPEC_BYTES:
        raise ParseError(
            Fault(f"is over {_LARGEST_SPEC_BYTES} bytes, no spec", "give a spec or a saved fabric", str(path))
        )
    content, lines = read_yaml(path)
    faults = list(_head_faults(content, lines, str(path)))
    head = {key: str(content.pop(key, "")) for key in ("version", "family", "preset", "description")}
    said = {key: _sentences(content.pop(key, ())) for key in ("assumed", "sources")}
    if head["preset"] in PRESETS:
        base = describe(head["preset"])
        assumed, sources = (*base.assumed, *said["assumed"]), (*base.sources, *said["sources"])
        fields = {**base.fields, **content}
        described = replace(base, fields=fields, file=str(path), lines=lines, assumed=assumed, sources=sources)
    elif head["family"] in FAMILIES:
        described = Description(head["family"], content, head["description"], None, str(path), lines, **said)
    else:
        raise SpecError(faults)
    if faults:
        raise SpecError([*faults, *_field_faults(described)])
    return described


def _sentences(given: Any) -> tuple[str, ...]:
    """One sentence or a list of them."""
    return tuple(map(str, given)) if isinstance(given, list | tuple) else (str(given),)


def _head_faults(content: Mapping[str, Any], lines: Lines, file: str) -> Iterator[Fault]:
    if content.get("version") != VERSION:
        wrong = f"is {content['version']!r}" if "version" in content else "is missing"
        yield Fault(wrong, f"write version: {VERSION}", file, lines.get(("version",)), "version")
    given = [key for key in ("family", "preset") if key in content]
    if len(given) != 1:
        yield Fault(f"names {' and '.join(given) or 'neither family nor preset'}", "name one", file, 1)
    for key, known in (("family", FAMILIES), ("preset", PRESETS)):
        if key in content and str(content[key]) not in known:
            unknown = UnknownNameError.of(key, str(content[key]), known).faults[0]
            yield replace(unknown, file=file, line=lines.get((key,)), field=key)


def _field_faults(described: Description) -> tuple[Fault, ...]:
    try:
        validate(FAMILIES[described.family].spec, described.fields, described.file, described.lines)
    except SpecError as error:
        return error.faults
    return ()


def _saved(path: Path, overrides: Mapping[str, Any]) -> Fabric:
    fabric = Fabric.load(path)
    if fabric.meta.get("family") == "imported" and overrides.keys() == {"server"}:
        return add_servers(fabric, server_kind(str(overrides["server"])))
    if overrides:
        faults = [
            Fault("a saved fabric has no fields to set", "set them where it is generated", field=key)
            for key in overrides
        ]
        raise InputError(faults)
    return fabric


def _names() -> list[str]:
    return sorted([*PRESETS, *FAMILIES])


def schemas() -> dict[str, dict[str, Any]]:
    """JSON Schema of a spec file, by family."""
    return {name: _file_schema(name) for name in FAMILIES}


def _file_schema(family: str) -> dict[str, Any]:
    schema = FAMILIES[family].spec.model_json_schema()
    for name, default in FAMILIES[family].spec.model_construct().model_dump(mode="json").items():
        schema["properties"][name]["default"] = default
    presets = [name for name in PRESETS if describe(name).family == family]
    words = {"type": "array", "items": {"type": "string"}}
    head = {"version": {"const": VERSION}, "family": {"const": family}, "description": {"type": "string"}}
    head |= {"assumed": words, "sources": words}
    if presets:
        head["preset"] = {"enum": presets}
    schema["properties"] = head | schema["properties"]
    schema["required"] = ["version", *schema.get("required", [])]
    schema["oneOf"] = [{"required": [start]} for start in ("family", "preset") if start in head]
    return schema
