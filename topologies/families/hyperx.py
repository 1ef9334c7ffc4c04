"""HyperX (Ahn, Binkert, Davis, McLaren, Schreiber, SC 2009, section 2.1).

Switches on a grid S_1 x ... x S_L, each with a cable to every switch that differs in one coordinate, and T hosts:
prod S_i switches, T * prod S_i hosts, radix T + sum (S_i - 1), prod S_i * sum (S_i - 1) / 2 cables between switches,
diameter L. One dimension is the full mesh, all dimensions of 2 the hypercube.
"""

from __future__ import annotations

from math import prod

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from ...fabric.builder import numbered
from ...fabric.graph import Fabric
from ..direct import DirectSpec, Layout, build_direct
from ..fields import Count, Numbers
from ..grid import coordinate_columns, grid_name, refuse_bad_dims
from ..wiring import refuse_too_large


class HyperX(DirectSpec):
    """A grid of switches, all joined along each dimension."""

    dims: Numbers = Field(description="switches along each of 1 to 4 dimensions, like 8x8")
    hosts: Count | None = Field(None, description="hosts per switch; default: the smallest of dims")

    @model_validator(mode="after")
    def _possible(self) -> HyperX:
        refuse_bad_dims(self.dims)
        switches = prod(self.dims)
        refuse_too_large(switches * (self.hosts_used + sum(self.dims) // 2), "dims")
        self.refuse_bad_radix()
        self.refuse_part_servers(self.hosts_used, switches, "hosts")
        return self

    @property
    def hosts_used(self) -> int:
        return self.hosts or min(self.dims)

    @property
    def ports_used(self) -> int:
        return self.hosts_used + sum(size - 1 for size in self.dims)


def build(spec: HyperX) -> Fabric:
    """The fabric of a spec. Ports run over the hosts, then per dimension over the peers by ascending coordinate."""
    grid = np.arange(prod(spec.dims)).reshape(spec.dims)
    one, other = zip(*(_lines(np.moveaxis(grid, axis, -1)) for axis in range(grid.ndim)), strict=True)
    columns = coordinate_columns(spec.dims)
    layout = Layout(
        names=numbered(grid_name(spec.dims), *columns.values()),
        hosts=spec.hosts_used,
        one=np.concatenate(one),
        other=np.concatenate(other),
        columns=columns,
        parameters={"hosts": spec.hosts_used},
    )
    return build_direct("hyperx", f"hyperx {'x'.join(map(str, spec.dims))}", spec, layout)


def _lines(rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """All pairs along the last axis."""
    near, far = np.triu_indices(rows.shape[-1], 1)
    return rows[..., near].ravel(), rows[..., far].ravel()
