"""Reading the catalogue: one YAML file per section, read when first asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from ..spec import Spec, validate
from . import records

_HERE = Path(__file__).parent
S = TypeVar("S", bound=Spec)


@dataclass(frozen=True)
class Catalogue:
    """Facts about hardware by name, each a Value that names its source. A field that is None is unknown."""

    @cached_property
    def accelerators(self) -> Mapping[str, records.Accelerator]:
        return _section("accelerators", records.Accelerator)

    @cached_property
    def unspecified(self) -> Mapping[str, records.Unspecified]:
        return _section("unspecified", records.Unspecified)

    @cached_property
    def nics(self) -> Mapping[str, records.Nic]:
        return _section("nics", records.Nic)

    @cached_property
    def cpus(self) -> Mapping[str, records.Cpu]:
        return _section("cpus", records.Cpu)

    @cached_property
    def switches(self) -> Mapping[str, records.Switch]:
        return _section("switches", records.Switch)

    @cached_property
    def cables(self) -> Mapping[str, records.Cable]:
        return _section("cables", records.Cable)

    @cached_property
    def buses(self) -> Mapping[str, records.Bus]:
        return _section("buses", records.Bus)

    @cached_property
    def networks(self) -> Mapping[str, records.Network]:
        return _section("networks", records.Network)

    @cached_property
    def servers(self) -> Mapping[str, records.Server]:
        return _section("servers", records.Server)

    @cached_property
    def nodes(self) -> Mapping[str, records.Machine]:
        return _section("nodes", records.Machine)

    @cached_property
    def prices(self) -> Mapping[str, records.Price]:
        return _section("prices", records.Price)

    @cached_property
    def facility(self) -> Mapping[str, records.Point]:
        return _section("facility", records.Point)

    @cached_property
    def reference_points(self) -> Mapping[str, records.Point]:
        return _section("reference_points", records.Point)

    @cached_property
    def sources(self) -> Mapping[str, str]:
        """What each source key stands for."""
        return MappingProxyType(_read("sources"))


@cache
def catalogue() -> Catalogue:
    """The one catalogue."""
    return Catalogue()


def _section(name: str, cls: type[S]) -> Mapping[str, S]:
    entries = {key: validate(cls, _fields(record), f"{name}.yaml: {key}") for key, record in _read(name).items()}
    return MappingProxyType(entries)


def _fields(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record as its file groups it, `from: {source: {field: value}}`, as one Value per field."""
    fields = {key: value for key, value in record.items() if key not in ("from", "notes")}
    notes = record.get("notes", {})
    for source, values in record["from"].items():
        for field, value in values.items():
            fields[field] = {"value": value, "source": source, "note": notes.get(field, "")}
    return fields


def _read(name: str) -> dict[str, Any]:
    from ruamel.yaml import YAML

    return YAML(typ="safe", pure=True).load((_HERE / f"{name}.yaml").read_text(encoding="utf-8"))
