"""What the commands answer: frozen, NumPy inside, and the keys of the JSON contract on the way out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..fabric.errors import InputError
from .tables import polars_module

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

Floats = npt.NDArray[np.float64]


_MOST_SHOWN = 60
"""Rows of a table in a notebook; of a longer one its beginning and end."""


class Tabular:
    """A result with a main table: as rows, or as columns by name."""

    def _table(self) -> list[dict[str, Any]] | dict[str, npt.NDArray[Any]]:
        raise NotImplementedError

    def to_pandas(self) -> pd.DataFrame:
        """The main table. Raises InputError where pandas is not installed."""
        return pandas_module().DataFrame(self._table())

    def to_polars(self) -> pl.DataFrame:
        """The main table. Raises InputError where polars is not installed."""
        return polars_module().DataFrame(self._table(), infer_schema_length=None)

    def _repr_html_(self) -> str | None:
        """The main table in a notebook; None, so that it shows text, where pandas is not installed."""
        try:
            return str(self.to_pandas().to_html(max_rows=_MOST_SHOWN))
        except InputError:
            return None


@dataclass(frozen=True)
class Bottleneck:
    """What limits a result: its kind (`network`, `nvlink`, `pcie`, `latency`, `none`), name, and the fraction of the
    time that it is busy."""

    kind: str
    name: str
    utilisation: float


NOTHING = Bottleneck("none", "nothing", 0.0)


@dataclass(frozen=True)
class CollectiveRow:
    """One line of nccl-tests: `size_bytes`, `algbw_GBps` and `busbw_GBps` as it defines them, out of place."""

    op: str
    size_bytes: int
    ranks: int
    algorithm: str
    protocol: str | None
    transport: str
    fidelity: str
    time_us: float
    algbw_GBps: float
    busbw_GBps: float
    bound_time_us: float
    bound_fraction: float
    bottleneck: Bottleneck


@dataclass(frozen=True)
class GroupRow(CollectiveRow):
    """The line of one of several groups: it starts at `start_us`, when its first rank does; of its time,
    `straggler_us` are due to ranks that start later, below 0 where those of other groups leave room. Alone and with all
    ranks in time it would take `alone_us`."""

    group: str
    start_us: float
    straggler_us: float
    alone_us: float


@dataclass(frozen=True)
class LinkLoad:
    """What a run puts on links: of each of its `parts`, a share of so many bytes on each directed link, as payload."""

    parts: tuple[tuple[Floats, int], ...]
    makespan_s: float

    @property
    def link_bytes(self) -> Floats:
        """Per directed link of the fabric."""
        return np.asarray(sum(share * size_bytes for share, size_bytes in self.parts))


@dataclass(frozen=True)
class CollectiveResult(Tabular):
    """A collective over a range of sizes; its table has one line per size. `loads` are what each line, or all lines of
    a size together, put on links."""

    fabric: str
    gpus: int
    rows: tuple[CollectiveRow, ...]
    assumptions: tuple[str, ...]
    loads: tuple[LinkLoad, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, without the links."""
        rows = [asdict(row) for row in self.rows]
        return {"fabric": self.fabric, "gpus": self.gpus, "rows": rows, "assumptions": list(self.assumptions)}

    def _table(self) -> list[dict[str, Any]]:
        return [asdict(row) for row in self.rows]


def pandas_module() -> Any:
    """pandas, or an InputError that says how to get it."""
    try:
        import pandas
    except ImportError:
        raise InputError("a frame needs pandas", "pip install 'fabricsim[data]'") from None
    return pandas
