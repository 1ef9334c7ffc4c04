"""Which server an InfiniBand adapter sits in, as far as its node description says.

Linux describes an adapter as host name and device (`a08-p1-dgx-04-c10 mlx5_5`, `b08-p1-dgx-08-c01 HCA-6`); an adapter
that nobody named carries its model or an installer's host name, which tells nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_HOST_AND_DEVICE = re.compile(r"(?P<host>\S+)[ \t]+(?P<device>[A-Za-z][\w.-]*[0-9][\w.-]*)", re.ASCII)
_OWN_NAME = re.compile(r"nic-(?P<host>[0-9]+)-(?P<device>[0-9]+)")
_UNNAMED_HOSTS = {"localhost", "localhost.localdomain", "ubuntu", "debian", "centos", "rocky", "linux", "(none)"}

Natural = tuple[tuple[int, int, str], ...]


@dataclass(frozen=True)
class Adapter:
    """An adapter's place: its server's number (-1: not known) and its sort key within that server."""

    server: int
    key: Natural


def adapters(descriptions: Sequence[str]) -> list[Adapter]:
    """Each description's server, numbered in the natural order of the host names.

    A host name under which one device appears twice stands for several machines, so it names none.
    """
    matches = [_OWN_NAME.fullmatch(text) or _HOST_AND_DEVICE.fullmatch(text) for text in descriptions]
    pairs = [(match["host"], match["device"]) if match else None for match in matches]
    seen = Counter(pair for pair in pairs if pair)
    unclear = {host for (host, _), count in seen.items() if count > 1}
    unclear |= {host for host, _ in seen if host.lower() in _UNNAMED_HOSTS}
    hosts = sorted({host for host, _ in seen} - unclear, key=natural)
    number = {host: server for server, host in enumerate(hosts)}
    return [Adapter(number.get(pair[0], -1), natural(pair[1])) if pair else Adapter(-1, ()) for pair in pairs]


def natural(text: str) -> Natural:
    """A sort key in which `c2` comes before `C10`."""
    pieces = re.findall(r"([0-9]+)|([^0-9]+)", text.lower())
    return (*((0, int(digits), "") if digits else (1, 0, letters) for digits, letters in pieces), (2, 0, text))
