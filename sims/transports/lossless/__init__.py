"""Networks that never drop a packet: full buffers push back, and what waits in them holds up what stands behind."""

from .buffers import Buffers, Credits
from .run import carry_lossless

__all__ = ["Buffers", "Credits", "carry_lossless"]
