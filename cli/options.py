"""Options that several commands share, and what --set says to whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..fabric.errors import Fault, SpecError

if TYPE_CHECKING:
    from ..fabric.graph import Fabric

Body = TypeVar("Body", bound=Callable[..., Any])

_TRANSPORT = "transport."


def compose(*decorators: Callable[[Any], Any]) -> Callable[[Body], Body]:
    """Several options as one decorator, in the order in which --help shows them."""

    def decorate(body: Body) -> Body:
        for decorator in reversed(decorators):
            body = decorator(body)
        return body

    return decorate


set_option = click.option(
    "--set", "pairs", multiple=True, metavar="KEY=VALUE", help="Set a field of the fabric's spec; repeatable."
)
fabric_argument = compose(click.argument("source", metavar="FABRIC"), set_option)
quiet_option = click.option("-q", "--quiet", is_flag=True, help="No notes and no progress on stderr.")
output_options = compose(
    click.option(
        "--format",
        "form",
        type=click.Choice(["table", "json", "csv"]),
        default="table",
        show_default=True,
        help="How the result is written to stdout.",
    ),
    quiet_option,
)
network_options = compose(
    click.option("--transport", default="auto", show_default=True, help="auto, infiniband, roce or ideal."),
    click.option("--routing", help="auto, ecmp or d-mod-k.  [default: auto]"),
    click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of every choice made."),
)
fidelity_option = click.option(
    "--fidelity", default="transport", show_default=True, help="bound, fluid or transport: how much the network knows."
)


@dataclass(frozen=True)
class Settings:
    """The pairs of --set by whom they concern: the fabric's spec, the transport, the choice of paths."""

    spec: Mapping[str, str]
    transport: Mapping[str, str]
    routing: str | None

    @classmethod
    def of(cls, pairs: tuple[str, ...]) -> Settings:
        """Raises SpecError listing every pair that is no KEY=VALUE or is given twice."""
        from ..fabric.spec import overrides

        given = overrides(pairs)
        return cls(
            spec={key: value for key, value in given.items() if not key.startswith(_TRANSPORT) and key != "routing"},
            transport={
                key.removeprefix(_TRANSPORT): value for key, value in given.items() if key.startswith(_TRANSPORT)
            },
            routing=given.get("routing"),
        )

    def choose_routing(self, option: str | None) -> str:
        """The rule that --routing or --set routing= names; they must not disagree."""
        if option and self.routing and option != self.routing:
            raise SpecError(Fault(f"--routing says {option}, --set says {self.routing}", "give one", field="routing"))
        return option or self.routing or "auto"


def load_fabric(source: str, settings: Settings) -> Fabric:
    """The fabric that FABRIC and --set describe."""
    from ..topologies import load

    return load(source, **settings.spec)


def load_wiring(source: str, pairs: tuple[str, ...]) -> Fabric:
    """The same for commands that move no traffic: there a setting of transport or routing would do nothing."""
    settings = Settings.of(pairs)
    idle = [_TRANSPORT + key for key in settings.transport] + (["routing"] if settings.routing else [])
    if idle:
        raise SpecError(
            Fault("does nothing here", "give it to collective, traffic or train", field=key) for key in idle
        )
    return load_fabric(source, settings)
