"""k-ary n-cube and its kin (Dally and Towles, "Principles and Practices of Interconnection Networks", chapter 5).

Torus: every dimension closes to a ring. N = prod d_i switches, N cables per dimension longer than 2 (N/2 where it is
2: both ways round are one cable), diameter sum floor(d_i/2), bisection 2N/max d_i cables where max d_i is even and
above 2.

`wrap` leaves some dimensions open. `twist` = t turns the ring closure of every dimension shorter than the longest
ones by t steps along each longest one: with t = n, n x 2n is the rectangular twisted torus, n x n x 2n and n x 2n x
2n are the lattices FCC and BCC (Camara et al., "Twisted torus topologies for enhanced interconnection networks", IEEE
TPDS 2010; general knowledge, not opened), as slices of TPU v4 use them (Jouppi et al., ISCA 2023).
"""

from __future__ import annotations

from math import prod
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator, Field, model_validator

from ...fabric.builder import numbered
from ...fabric.errors import Fault, SpecError
from ...fabric.graph import Fabric
from ..direct import DirectSpec, Layout, build_direct
from ..fields import Count, Numbers, list_schema, listed
from ..grid import coordinate_columns, coordinates, grid_name, refuse_bad_dims
from ..wiring import refuse_too_large

Integers = npt.NDArray[np.int64]
Flags = Annotated[tuple[bool, ...], BeforeValidator(listed), list_schema("1,1,0", "boolean"), Field(min_length=1)]


class Mesh(DirectSpec):
    """A grid of switches, each joined to its neighbours."""

    dims: Numbers = Field(description="switches along each of 1 to 4 dimensions, like 4x4x8")
    hosts: Count = Field(1, description="hosts per switch")

    @model_validator(mode="after")
    def _possible(self) -> Mesh:
        refuse_bad_dims(self.dims)
        refuse_too_large(prod(self.dims) * (self.hosts + len(self.dims)), "dims")
        self.refuse_bad_radix()
        self.refuse_part_servers(self.hosts, prod(self.dims), "hosts")
        return self

    @property
    def ports_used(self) -> int:
        return self.hosts + 2 * len(self.dims)


class Torus(Mesh):
    """A grid of switches, each joined to its neighbours, that closes to a ring along each dimension."""

    wrap: Flags | None = Field(None, description="which dimensions close to rings, like 1,1,0; default: all")
    twist: int = Field(0, ge=0, description="steps along the longest dimensions by which the shorter ones close askew")

    @model_validator(mode="after")
    def _closes(self) -> Torus:
        if self.wrap is not None and len(self.wrap) != len(self.dims):
            message = f"{len(self.wrap)} flags for {len(self.dims)} dimensions"
            raise SpecError(Fault(message, f"wrap={','.join('1' * len(self.dims))}", field="wrap"))
        if self.twist and not all(self.rings):
            raise SpecError(Fault("a twisted torus closes along every dimension", "leave wrap out", field="wrap"))
        longest = max(self.dims)
        if self.twist and min(self.dims) == longest:
            wider = "x".join(map(str, (*self.dims[:-1], 2 * longest)))
            message = "no dimension is shorter than another, so there is none to twist"
            raise SpecError(Fault(message, f"twist=0 or dims={wider}", field="twist"))
        if self.twist >= longest:
            message = f"a ring of {longest} switches is turned by less than {longest} steps"
            raise SpecError(Fault(message, f"twist={self.twist % longest}", field="twist"))
        return self

    @property
    def rings(self) -> tuple[bool, ...]:
        return self.wrap or (True,) * len(self.dims)


def build_torus(spec: Torus) -> Fabric:
    """The fabric of a spec."""
    return _build("torus", spec, spec.rings, spec.twist)


def build_mesh(spec: Mesh) -> Fabric:
    """The fabric of a spec: a torus without ring closures."""
    return _build("mesh", spec, (False,) * len(spec.dims), 0)


def _build(family: str, spec: Mesh, rings: tuple[bool, ...], twist: int) -> Fabric:
    """Ports run over the hosts, then per dimension forth and back: the same on every switch, whether cabled or not."""
    every = np.arange(prod(spec.dims))
    one, other, axes = [], [], []
    for axis, ring in enumerate(rings):
        target, crosses = _step(spec.dims, axis, twist)
        cabled = ~crosses | (ring & (_new_cable(spec.dims, axis, twist)))
        one.append(every[cabled])
        other.append(target[cabled])
        axes.append(np.full(cabled.sum(), spec.hosts + 2 * axis + 1))
    forth, columns = np.concatenate(axes), coordinate_columns(spec.dims)
    layout = Layout(
        names=numbered(grid_name(spec.dims), *columns.values()),
        hosts=spec.hosts,
        one=np.concatenate(one),
        other=np.concatenate(other),
        columns=columns,
        ports=(forth, forth + 1),
    )
    return build_direct(family, f"{family} {'x'.join(map(str, spec.dims))}", spec, layout)


def _step(dims: tuple[int, ...], axis: int, twist: int) -> tuple[Integers, npt.NDArray[np.bool_]]:
    """The switch one step further along `axis` from each switch, and whether the step closes the ring."""
    place, longest = coordinates(dims), max(dims)
    place[axis] = (place[axis] + 1) % dims[axis]
    crosses = place[axis] == 0
    for along, size in enumerate(dims):
        if size == longest > dims[axis]:
            place[along] = np.where(crosses, (place[along] + twist) % size, place[along])
    return np.ravel_multi_index(tuple(place), dims), crosses


def _new_cable(dims: tuple[int, ...], axis: int, twist: int) -> bool:
    """Whether closing the ring adds cables: between two switches there is one already, unless it is turned."""
    return dims[axis] > 2 or (twist > 0 and dims[axis] < max(dims))
