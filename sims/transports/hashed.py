"""What can be set of connections whose paths switches choose by a hash of the header."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from ...fabric.errors import Fault, SpecError
from ...fabric.routing import Hashing
from .packets import PacketParameters


def listed(value: Any) -> Any:
    """`"src,dst"` as a tuple."""
    return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value


HeaderFields = Annotated[
    tuple[Literal["src", "dst", "sport"], ...],
    BeforeValidator(listed),
    Field(min_length=1),
    WithJsonSchema({"type": "string", "examples": ["src,dst"]}),
]


MOST_QPS = 128
"""What NCCL takes of NCCL_IB_QPS_PER_CONNECTION (MAX_QPS, transport/net_ib)."""


class HashedParameters(PacketParameters):
    """Those of its packets; `qps`: queue pairs (sockets) per connection, each with its own source port; `entropy`:
    header fields that switches hash, of src, dst and sport; `hash`: each switch with a seed of its own, or all the
    same."""

    qps: int = Field(default=1, ge=1, le=MOST_QPS)
    entropy: HeaderFields = ("src", "dst", "sport")
    hash: Literal["per-switch", "same"] = "per-switch"

    @model_validator(mode="after")
    def _seen(self) -> HashedParameters:
        if self.qps > 1 and "sport" not in self.entropy:
            fault = f"does nothing where switches hash {','.join(self.entropy)}: all queue pairs of a pair look alike"
            raise SpecError(Fault(fault, "add sport to transport.entropy", field="transport.qps"))
        return self

    @property
    def hashing(self) -> Hashing:
        return Hashing(self.entropy, self.hash == "same")
