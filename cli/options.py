"""Options that several commands share, and what --set says to whom."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from ..fabric.errors import Fault, SpecError

if TYPE_CHECKING:
    from ..fabric.graph import Fabric

Body = Callable[..., Any]

_TRANSPORT = "transport."
_ALWAYS_HEEDED = ("source", "pairs", "transport", "routing", "fidelity", "seed", "form", "quiet")


def compose(*decorators: Callable[[Body], Body]) -> Callable[[Body], Body]:
    """Several options as one decorator, in the order in which --help shows them."""

    def decorate(body: Body) -> Body:
        for decorator in reversed(decorators):
            body = decorator(body)
        return body

    return decorate


fabric_argument = compose(
    click.argument("source", metavar="FABRIC"),
    click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="Set a field of FABRIC; repeatable."),
)
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
        routing = given.pop("routing", None)
        transport = {key.removeprefix(_TRANSPORT): given.pop(key) for key in list(given) if key.startswith(_TRANSPORT)}
        return cls(given, transport, routing)


@dataclass(frozen=True)
class Setup:
    """What runs on which network: FABRIC with --set, and the options of the network."""

    source: str
    settings: Settings
    transport: str
    routing: str
    seed: int
    fidelity: str

    def fabric(self) -> Fabric:
        from ..topologies import load

        return load(self.source, **self.settings.spec)

    def network(self) -> dict[str, Any]:
        """The keywords by which every simulation takes the network's options."""
        return {
            "transport": self.transport,
            "routing": self.routing,
            "seed": self.seed,
            "fidelity": self.fidelity,
            "parameters": self.settings.transport,
        }


def network_setup(body: Body) -> Body:
    """FABRIC, --set and the network's options, handed to `body` as one Setup."""

    @fabric_argument
    @click.option(
        "--transport",
        default="auto",
        show_default=True,
        help="auto (the fabric's own), infiniband, roce, uec, tcp, ideal.",
    )
    @click.option(
        "--routing",
        help="auto, ecmp, wcmp, d-mod-k, s-mod-k, updn, minimal, valiant, dor or table:FILE; by load adaptive, ugal or "
        "spray, where the transport has them.  [default: auto]",
    )
    @click.option(
        "--fidelity",
        default="transport",
        show_default=True,
        help="How much the network knows: bound, fluid, transport.",
    )
    @click.option(
        "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of every random choice."
    )
    @functools.wraps(body)
    def command(
        source: str, pairs: tuple[str, ...], transport: str, routing: str | None, fidelity: str, seed: int, **rest: Any
    ) -> Any:
        settings = Settings.of(pairs)
        if routing and settings.routing and routing != settings.routing:
            raise SpecError(
                Fault(f"--routing says {routing}, --set says {settings.routing}", "give one", field="routing")
            )
        rule = routing or settings.routing or "auto"
        return body(Setup(source, settings, transport, rule, seed, fidelity), **rest)

    return command


def refuse_given(where: str, but: Collection[str]) -> None:
    """Refuse options of the command that were given and are none of `but` or of the network's. Raises SpecError."""
    context = click.get_current_context()
    known = {*but, *_ALWAYS_HEEDED}
    idle = [
        option.opts[0]
        for option in context.command.params
        if option.name not in known
        and option.name is not None
        and context.get_parameter_source(option.name) == click.core.ParameterSource.COMMANDLINE
    ]
    if idle:
        raise SpecError(Fault(f"does nothing {where}", "leave it out", field=option) for option in idle)


def load_wiring(source: str, pairs: tuple[str, ...]) -> Fabric:
    """FABRIC for commands that move no traffic: there a setting of transport or routing would do nothing."""
    from ..topologies import load

    settings = Settings.of(pairs)
    idle = [_TRANSPORT + key for key in settings.transport] + (["routing"] if settings.routing else [])
    if idle:
        raise SpecError(
            Fault("does nothing here", "give it to collective, traffic or train", field=key) for key in idle
        )
    return load(source, **settings.spec)
