"""The accelerators that a fabric's ranks are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...fabric.catalogue import catalogue
from ...fabric.errors import Fault, WorkloadError
from ...fabric.graph import Fabric
from .job import Job, Precision
from .roofline import Roofline, roofline
from .units import Units
from .work import total


@dataclass(frozen=True)
class Machines:
    """Rooflines of the kinds of accelerators, and which kind each rank is."""

    kinds: tuple[Roofline, ...]
    of_rank: npt.NDArray[np.int64]

    @property
    def peak_flops_per_s(self) -> float:
        """Dense BF16 peak of the mean rank."""
        return float(np.array([kind.peak_flops_per_s for kind in self.kinds])[self.of_rank].mean())

    @property
    def capacity_bytes(self) -> float:
        """Memory of the rank with the least."""
        return min(self.kinds[kind].capacity_bytes for kind in np.unique(self.of_rank))

    @property
    def assumptions(self) -> tuple[str, ...]:
        sentences = [sentence for kind in self.kinds for sentence in kind.assumptions]
        if len(self.kinds) > 1:
            sentences.append("The slowest accelerator of a tensor, context or expert group governs it.")
        return tuple(sentences)

    def fastest(self, units: Units) -> Roofline:
        """The kind that is through with a layer first."""
        return self.kinds[int(np.argmin(self._layer_s(units)))]

    def pace(self, job: Job, units: Units) -> npt.NDArray[np.float64]:
        """Time of each stage of each replica over that of the fastest kind, float64[dp, pp]."""
        return governed(job, self.rank_pace(job, units))

    def rank_pace(self, job: Job, units: Units) -> npt.NDArray[np.float64]:
        """The same of each rank by itself, float64[gpus]."""
        layer_s = self._layer_s(units)
        return np.asarray((layer_s / layer_s.min())[self.of_rank[: job.gpus]])

    def _layer_s(self, units: Units) -> npt.NDArray[np.float64]:
        layer = units.dense if units.dense.parameters else units.moe
        work = total((*layer.forward, *layer.backward))
        return np.array([kind.seconds(work) for kind in self.kinds])


def governed(job: Job, per_rank: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The largest value of those that compute in step, float64[dp, pp]: of a tensor and context group, and of the
    replicas that share their experts."""
    slowest = per_rank.reshape(job.ranks.shape).max(axis=(2, 3)).T
    joined = max(1, job.ep // job.cp) if job.ep > 1 else 1
    rounds = slowest.reshape(job.dp // joined, joined, job.pp).max(axis=1)
    return np.repeat(rounds, joined, axis=0)


def fabric_machines(fabric: Fabric, precision: Precision, eager: bool = False) -> Machines:
    """Raises WorkloadError when a rank is no accelerator of the catalogue."""
    devices = fabric.column("device")[fabric.endpoints]
    found, of_rank = np.unique(devices, return_inverse=True)
    names = [fabric.meta["devices"][device] if device >= 0 else "" for device in found]
    if any(name not in catalogue().accelerators for name in names):
        problem = "the fabric's endpoints are not all accelerators"
        raise WorkloadError(Fault(problem, "give it servers, for example --set server=hgx-h100"))
    return Machines(tuple(roofline(name, precision, eager) for name in names), of_rank)
