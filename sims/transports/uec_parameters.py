"""What of Ultra Ethernet can be set, and what it must be to act."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from ...fabric.errors import Fault, SpecError
from ...fabric.units import Size
from .packets import PacketParameters


class UecParameters(PacketParameters):
    """Those of its packets; `entropies`: values of the header field by which switches choose among paths; `cc`: none,
    by the sender (nscc) or by the receiver's credit (rccc); `trimming`: whether switches cut packets that their buffers
    do not hold, to `trim_size` bytes, or drop them; `buffer`: bytes of a port's queue."""

    entropies: int = Field(default=128, ge=1)
    cc: Literal["none", "nscc", "rccc"] = "rccc"
    trimming: bool = True
    trim_size: Size | None = None
    buffer: Size | None = None

    @model_validator(mode="after")
    def _act(self) -> UecParameters:
        if self.trim_size is not None and not self.trimming:
            fault = Fault(
                "does nothing where switches drop", "set transport.trimming=true", field="transport.trim_size"
            )
            raise SpecError(fault)
        return self
