"""Transfers that operations of a job have in common, run once."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b

from ..network import Detail, Floats, Network, TransferResult, transfer_at_each
from ..transports.subflows import Ranks


@dataclass(frozen=True)
class Runs:
    """What was run, by detail of the network and by what was sent. Of `networks`, the details that are asked for, those
    on which traffic takes the same links are run together."""

    networks: dict[Detail, Network] = field(default_factory=dict)
    known: dict[tuple[Detail, bytes], TransferResult] = field(default_factory=dict)

    def transfer(self, network: Network, src: Ranks, dst: Ranks, size_bytes: Floats, certify: bool) -> TransferResult:
        sent = blake2b(b"".join(each.tobytes() for each in (src, dst, size_bytes))).digest()
        if (network.detail, sent) not in self.known:
            likewise = [each for each in self.networks.values() if each.splits_evenly == network.splits_evenly]
            together = {each.detail: each for each in (network, *likewise) if (each.detail, sent) not in self.known}
            ran = transfer_at_each([*together.values()], src, dst, size_bytes, certify)
            self.known.update({(detail, sent): each for detail, each in zip(together, ran, strict=True)})
        return self.known[network.detail, sent]
