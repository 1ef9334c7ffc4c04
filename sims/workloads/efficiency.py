"""What accelerators reach in a training job, beside the catalogue's rates: the data of efficiency.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ...fabric.catalogue.records import Accelerator
from ...fabric.spec import read_yaml

FILE = Path(__file__).with_name("efficiency.yaml")


@dataclass(frozen=True)
class Generation:
    """`attention` is a share of the BF16 peak, `matrix` per precision one of the catalogue's achieved rate."""

    name: str = ""
    attention: float | None = None
    matrix: Mapping[str, float] = field(default_factory=dict)
    basis: str = ""


@dataclass(frozen=True)
class EagerSet:
    """Eager kernels: elementwise `traffic` over that of fused ones, `attention` as a share of the matrix rate, the
    `slowdown` of computing beside communication, and the share of its time for which each host `stalls`."""

    traffic: float
    attention: float
    slowdown: float
    stalls: float


@cache
def _read() -> dict[str, Any]:
    return read_yaml(FILE)[0]


def generation_of(device: Accelerator) -> Generation:
    """An unknown generation reaches its rates."""
    if device.compute_capability is not None:
        for name, data in _read()["generations"].items():
            if device.compute_capability.value in data["capability"]:
                return Generation(name, data["attention"], data["matrix"], data["basis"])
    return Generation()


def eager_set() -> EagerSet:
    return EagerSet(**_read()["eager"])


def multiprocessors(accelerator: str) -> int:
    """0 where the number is not known."""
    return int(_read()["multiprocessors"].get(accelerator, 0))
