"""Types of fields that several families share."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema


def listed(value: Any) -> Any:
    """`"6x6"`, `"6,6"` and `6` as lists; what is no text and no number as it is."""
    if isinstance(value, str):
        return [part.strip() for part in value.strip(" []()").replace("x", ",").split(",")]
    return [value] if isinstance(value, int | float) and not isinstance(value, bool) else value


def list_schema(example: str, item: str) -> WithJsonSchema:
    """JSON Schema of a field that `listed` reads."""
    return WithJsonSchema(
        {"anyOf": [{"type": "array", "items": {"type": item}}, {"type": "string", "examples": [example]}]}
    )


MOST = 2**26
"""No fabric has more parts of one kind."""

Count = Annotated[int, Field(ge=1, le=MOST)]
"""A number of parts. A field with other bounds states both: bounds of a Field do not tighten those of its type."""

Numbers = Annotated[
    tuple[Count, ...], BeforeValidator(listed), list_schema("6x6", "integer"), Field(min_length=1, max_length=16)
]
"""Whole numbers from 1, `"6x6"` or `"6,6"` or a list."""
