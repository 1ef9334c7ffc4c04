"""The spec pattern: frozen models from YAML and `KEY=VALUE` overrides, all faults at once with file and line.

A spec is what the user wrote, loosely typed at the door and strict behind it: no unknown field passes, every quantity
carries its unit, and nothing behind a validated spec checks again.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from .errors import Fault, InputError, ParseError, SpecError


class Spec(BaseModel):
    """Base of every spec: frozen, and no field beyond those named."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def idle(self) -> dict[str, str]:
        """Fields that change nothing beside the values of the others, and why; none unless a spec says so."""
        return {}


_PROBLEMS = {
    "int_parsing": ("is no whole number", "give a whole number"),
    "int_from_float": ("is no whole number", "give a whole number"),
    "int_type": ("is no whole number", "give a whole number"),
    "float_parsing": ("is no number", "give a number"),
    "float_type": ("is no number", "give a number"),
    "bool_parsing": ("is neither true nor false", "give true or false"),
    "greater_than": ("is not above {gt:g}", "give more than {gt:g}"),
    "greater_than_equal": ("is below {ge:g}", "give at least {ge:g}"),
    "less_than_equal": ("is above {le:g}", "give at most {le:g}"),
    "literal_error": ("is not known", "one of {expected}"),
}
"""What is wrong and the cure, by pydantic's type of error; the names in braces are of its context."""

_FOLLOWS = "default_factory_not_called"
"""A default that rests on another field, which is refused by its own name."""

_MOST_VALUES = 100_000

S = TypeVar("S", bound=Spec)
Lines = Mapping[tuple[str, ...], int]


def validate(cls: type[S], values: Mapping[str, Any], file: str = "", lines: Lines | None = None) -> S:
    """`values` as a `cls`. Raises SpecError with one Fault per wrong field; `lines` says where each stands."""
    try:
        return cls.model_validate(dict(values))
    except ValidationError as error:
        raise SpecError(_faults(cls, error, file, lines or {})) from None


def _faults(cls: type[Spec], error: ValidationError, file: str, lines: Lines) -> Iterator[Fault]:
    for item in error.errors(include_url=False):
        if item["type"] == _FOLLOWS:
            continue
        place = tuple(str(part) for part in item["loc"])
        line = _line(lines, place)
        cause = item.get("ctx", {}).get("error")
        field = ".".join(place)
        if isinstance(cause, InputError):
            for fault in cause.faults:
                named = fault.field or field
                yield Fault(fault.message, fault.cure, file, line or _line(lines, tuple(named.split("."))), named)
        elif item["type"] == "extra_forbidden":
            yield Fault("unknown field", _known(cls, place[-1]), file, line, field)
        elif item["type"] == "missing":
            yield Fault("required field is missing", f"give {field}", file, line, field)
        else:
            yield Fault(*_problem(item), file, line, field)


def _problem(item: ErrorDetails) -> tuple[str, str]:
    """Message and cure of an error of pydantic's own."""
    value = _shown(item["input"])
    if item["type"] not in _PROBLEMS:
        return f"{value} is refused: {item['msg']}", "give another value"
    problem, cure = _PROBLEMS[item["type"]]
    context = item.get("ctx", {})
    return f"{value} {problem.format(**context)}", cure.format(**context)


def _line(lines: Lines, place: tuple[str, ...]) -> int | None:
    """Where `place` stands, or the nearest mapping around it."""
    return next((lines[place[:n]] for n in range(len(place), 0, -1) if place[:n] in lines), None)


def _known(cls: type[Spec], name: str) -> str:
    fields = sorted(cls.model_fields)
    near = difflib.get_close_matches(name, fields, n=2)
    return f"did you mean {' or '.join(near)}?" if near else f"known fields: {', '.join(fields)}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def read_yaml(path: str | Path) -> tuple[dict[str, Any], Lines]:
    """The mapping in a YAML file, and the line (from 1) of each of its keys. Raises ParseError."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        tree = YAML(typ="rt").load(text)
    except OSError as error:
        raise ParseError(Fault(error.strerror or "cannot be read", "check the path", str(path))) from None
    except UnicodeDecodeError:
        raise ParseError(Fault("is not UTF-8 text", "give a YAML file", str(path))) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark
        raise ParseError(
            Fault(f"not YAML: {error.problem}", "mend the syntax", str(path), mark.line + 1 if mark else None)
        ) from None
    except (YAMLError, RecursionError, ValueError) as error:
        raise ParseError(Fault(f"not YAML: {error}", "mend the syntax", str(path))) from None
    if not isinstance(tree, dict):
        raise ParseError(Fault("holds no mapping of fields", "write `field: value` lines", str(path), 1))
    if _expanded(tree, {}) > _MOST_VALUES:
        raise ParseError(Fault(f"holds more than {_MOST_VALUES:,} values, aliases written out", "use fewer", str(path)))
    return _plain(tree), dict(_key_lines(tree, ()))


def _expanded(node: Any, known: dict[int, int]) -> int:
    """How many values `node` holds once its aliases are written out."""
    if id(node) not in known:
        children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        known[id(node)] = 1 + sum(_expanded(child, known) for child in children)
    return known[id(node)]


def _key_lines(node: Any, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
    if not hasattr(node, "lc") or node.lc.data is None:
        return
    children = node.items() if isinstance(node, dict) else enumerate(node)
    for key, child in children:
        if key in node.lc.data:
            yield (*place, str(key)), node.lc.data[key][0] + 1
        yield from _key_lines(child, (*place, str(key)))


def _plain(node: Any) -> Any:
    if isinstance(node, dict):
        return {str(key): _plain(child) for key, child in node.items()}
    if isinstance(node, list):
        return [_plain(child) for child in node]
    if isinstance(node, bool) or node is None:
        return node
    for plain in (int, float, str):
        if isinstance(node, plain):
            return plain(node)
    return str(node)


def overrides(pairs: tuple[str, ...]) -> dict[str, str]:
    """`("k=16", "link=400Gbps")` -> `{"k": "16", "link": "400Gbps"}`. Raises SpecError listing every bad pair."""
    faults, values = [], {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        key = key.strip()
        if not equals or not key or not value.strip():
            faults.append(Fault(f"{pair!r} is no KEY=VALUE", "write for example nodes=16", "--set"))
        elif key in values:
            faults.append(Fault("given twice", "give it once", "--set", field=key))
        values[key] = value.strip()
    if faults:
        raise SpecError(faults)
    return values
