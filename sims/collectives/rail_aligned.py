"""Rail-aligned all-to-all (PXN, "PCI x NVLink": NVIDIA's developer blog on NCCL 2.12, 2022): a message goes over NVLink
to the rank of its host on the destination's rail, whose NIC sends it, with all others of the host for the same
destination in one.

    T = a1 + a2 + max((G - 1)/G S / B1, (N - 1)/N S / B2)

for G ranks per domain on ports B1, N domains on ports B2 per rank, all in flight. With R ranks per host, R^2 messages
from one host to another become R, and no spine is crossed where rails have switches of their own. A host is a server,
or one compute tray of a rack.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...fabric.catalogue import server_kind, server_with
from ..network import Network
from .communicator import Communicator
from .demand import Call
from .schedule import Moves, Phase, Schedule, rounds

OPS = ("all-to-all",)

MOST_MESSAGES = 2**22
"""With more, all trays of a rack count as one host, whose messages are fewer and larger."""


def rail_aligned(network: Network, comm: Communicator, call: Call) -> tuple[Schedule, ...]:
    """The messages inside every domain and those along the rails at once, each block first inside, then outside."""
    domains, local = comm.grid.shape
    host = ranks_per_host(network, comm)
    if comm.size * (domains - 1) * (local // host) > MOST_MESSAGES:
        host = local
    inside, between = _inward(comm, host), _outward(comm, host)

    def moves(_: int) -> Moves:
        later = between.moves(0)
        later = replace(later, transfer=later.transfer + len(inside.src), stage=np.ones_like(later.stage))
        return Moves.joined((inside.moves(0), later))

    phase = rounds(
        np.concatenate((inside.src, between.src)),
        np.concatenate((inside.dst, between.dst)),
        np.concatenate((inside.fraction, between.fraction)),
        moves,
        steps=(domains > 1) + (local > 1),
    )
    return ((phase,),)


def ranks_per_host(network: Network, comm: Communicator) -> int:
    """Ranks that share a host: those of a domain, or in racks of those of a compute tray, if all of it takes part."""
    local = comm.grid.shape[1]
    server = server_with(comm.accelerator or None, str(network.fabric.meta.get("server", "")))
    if server is None or server_kind(server).unit != "rack":
        return local
    tray, domain = server_kind(server).rails, network.domains
    first = np.full(int(domain.max(initial=0)) + 1, len(domain))
    np.minimum.at(first, domain, np.arange(len(domain)))
    place = comm.grid - first[domain[comm.grid]]
    whole = local % tray == 0 and bool((place % tray == np.arange(local) % tray).all())
    return tray if whole else local


def _inward(comm: Communicator, host: int) -> Phase:
    """Every rank to all others of its domain, and to those of its host also what it has for their rails elsewhere."""
    n, local = comm.size, comm.grid.shape[1]
    source = np.arange(n)[:, None]
    target = source // local * local + (source + np.arange(1, local)) % local
    relays = source // host == target // host

    def moves(_: int) -> Moves:
        transfer, sender = (
            np.broadcast_to(each, target.shape) for each in (np.arange(target.size).reshape(n, -1), source)
        )
        final = target[relays][:, None] % host + np.arange(0, n, host)
        far = final // local != target[relays][:, None] // local
        which, there = np.nonzero(far)
        passed = sender[relays][which] * n + final[which, there]
        own = Moves.of(transfer, source * n + target, 1 / n)
        return Moves.joined((own, Moves.of(transfer[relays][which], passed, 1 / n)))

    src = np.broadcast_to(comm.ranks[:, None], target.shape)
    return rounds(src, comm.ranks[target], np.where(relays, 1 + (n - local) // host, 1) / n, moves)


def _outward(comm: Communicator, host: int) -> Phase:
    """Every rank to those of its place in all hosts of the other domains: what its own host has for them."""
    n, (domains, local) = comm.size, comm.grid.shape
    source = np.arange(n)[:, None]
    step, tray = np.divmod(np.arange((domains - 1) * local // host), local // host)
    target = (source // local + 1 + step) % domains * local + tray * host + source % host

    def moves(_: int) -> Moves:
        transfer = np.arange(target.size).reshape(*target.shape, 1)
        origin = (source // host * host)[:, :, None] + np.arange(host)
        return Moves.of(transfer, origin * n + target[:, :, None], 1 / n)

    src = np.broadcast_to(comm.ranks[:, None], target.shape)
    return rounds(src, comm.ranks[target], host / n, moves)
