"""Options of `fabricsim collective` for several communicators at once, and for ranks that are late."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..fabric.errors import Fault, SpecError
from .output import Table

if TYPE_CHECKING:
    from ..fabric.graph import Fabric
    from ..sims.results import CollectiveResult

_HEEDED = ("op", "size", "algorithm", "skew", "experts", "groups", "stagger", "starts", "links_out")
_SEATS = ("ranks", "placement")


@dataclass(frozen=True)
class Together:
    """--groups, --stagger and --starts as they were given."""

    groups: str | None
    stagger: str | None
    starts: str | None

    @property
    def heeded(self) -> tuple[str, ...]:
        """Options that say something beside these: a file of groups says itself which ranks they are."""
        return _HEEDED if (self.groups or "").startswith("file:") else (*_HEEDED, *_SEATS)

    def run(self, fabric: Fabric, what: Mapping[str, Any], seed: int) -> CollectiveResult:
        """Raises SpecError for a stagger of a single group."""
        from ..fabric.units import duration_s
        from ..sims.collectives import collectives_at_once
        from ..sims.collectives.stragglers import late_s

        if self.stagger and not self.groups:
            raise SpecError(Fault("does nothing without groups", "give --groups, or --starts", field="--stagger"))
        late = late_s(fabric, self.starts, seed) if self.starts else None
        stagger_s = duration_s(self.stagger) if self.stagger else 0.0
        return collectives_at_once(fabric, self.groups or "all", **what, stagger_s=stagger_s, late_s=late)


def together_table(result: CollectiveResult) -> Table:
    """One line per group and size."""
    from ..sims.results import GroupRow

    rows = [row for row in result.rows if isinstance(row, GroupRow)]
    groups = dict.fromkeys(row.group for row in rows)
    columns = ("group", "ranks", "size (B)", "algorithm", "start (us)", "time (us)", "alone (us)", "straggler (us)")
    return Table(
        (*columns, "busbw (GB/s)", "bottleneck"),
        [
            (
                *(row.group, str(row.ranks), str(row.size_bytes), row.algorithm),
                *(f"{us:.2f}" for us in (row.start_us, row.time_us, row.alone_us, row.straggler_us)),
                *(f"{row.busbw_GBps:.2f}", row.bottleneck.name),
            )
            for row in rows
        ],
        f"{rows[0].op} in {len(groups)} {'groups' if len(groups) > 1 else 'group'} on {result.fabric}",
    )
