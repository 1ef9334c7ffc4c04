"""The hall that racks stand in: its limits and measures, by default the catalogue's."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf, sqrt

import numpy as np
import numpy.typing as npt

from ..fabric.catalogue import catalogue
from ..fabric.errors import Fault, SpecError
from .machines import Model


@dataclass(frozen=True)
class Hall:
    """Limits of a rack, and distances between racks. `pue`: facility power over IT power."""

    rack_units: int
    network_rack_units: int
    air_w: float
    liquid_w: float
    rack_pitch_m: float
    row_pitch_m: float
    rack_unit_m: float
    tray_m: float
    slack_in_rack_m: float
    slack_between_racks_m: float
    pue: float

    @classmethod
    def of(cls, rack_w: float | None = None, rack_units: int | None = None, pue: float | None = None) -> Hall:
        """The catalogue's hall with some limits replaced. Raises SpecError."""
        fact = {name: point.figure.value for name, point in catalogue().facility.items()}
        faults = []
        if pue is not None and not 1 <= pue < inf:
            faults.append(
                Fault(f"{pue:g} is no factor from 1", "facility power is at least that of the machines", field="pue")
            )
        if rack_w is not None and not 0 < rack_w < inf:
            faults.append(Fault("a rack draws some power", "give what it may draw, like 40kW", field="rack power"))
        if faults:
            raise SpecError(faults)
        return cls(
            rack_units=rack_units or int(fact["rack_units"]),
            network_rack_units=min(int(fact["network_rack_units"]), rack_units or int(fact["rack_units"])),
            air_w=rack_w or fact["air_cooled_rack_kw"] * 1e3,
            liquid_w=rack_w or fact["liquid_cooled_rack_kw"] * 1e3,
            rack_pitch_m=fact["rack_pitch_m"],
            row_pitch_m=fact["row_pitch_m"],
            rack_unit_m=fact["rack_unit_height_m"],
            tray_m=fact["cable_tray_height_m"],
            slack_in_rack_m=fact["slack_in_rack_m"],
            slack_between_racks_m=fact["slack_between_racks_m"],
            pue=pue or catalogue().reference_points["power_overhead_pue"].figure.value,
        )

    def limit_w(self, model: Model) -> float:
        """What a rack of such machines may draw."""
        return self.liquid_w if model.liquid else self.air_w

    def per_rack(self, model: Model) -> int:
        """Machines of a model that fit a rack; 1 where not even one does."""
        units = self.network_rack_units if model.switch else self.rack_units
        by_power = int(self.limit_w(model) / model.power_w) if model.power_w else units
        return max(1, min(units // model.units, by_power))

    def row_length(self, racks: int) -> int:
        """Racks in a row of a square hall."""
        return max(1, ceil(sqrt(racks * self.row_pitch_m / self.rack_pitch_m)))

    def positions_m(self, racks: int) -> npt.NDArray[np.float64]:
        """Where each rack stands, [racks, 2]: along its row and across rows, which run to and fro."""
        row, column = np.divmod(np.arange(racks), self.row_length(racks))
        along = np.where(row % 2, self.row_length(racks) - 1 - column, column)
        return np.column_stack((along * self.rack_pitch_m, row * self.row_pitch_m))
