"""What one GPU has to do: work in FLOPs and bytes, never seconds, and the messages that it waits for or hides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

ACTIVATION_BYTES = 2
PARAMETER_BYTES = 2

TP, CP, EP, DATA, EXPERT_DATA, SHARD, REPLICAS, ENDS = (
    *("tp", "cp", "ep", "dp", "expert dp", "shard", "replicas", "ends"),
)
"""The kinds of groups of ranks that run collectives."""

DIMENSIONS = ("tp", "pp", "dp", "ep", "cp")
DIMENSION_OF = {EXPERT_DATA: "dp", SHARD: "dp", REPLICAS: "dp", ENDS: "pp"}
"""The parallel dimension that a kind of group is reported under, where it is not its own name."""


@dataclass(frozen=True)
class Product:
    """`count` matrix products, rows x inner by inner x columns; `exact` ones run in BF16 whatever the precision."""

    rows: float
    inner: float
    columns: int
    count: int = 1
    exact: bool = False

    @property
    def flops(self) -> float:
        return 2 * self.rows * self.inner * self.columns * self.count


@dataclass(frozen=True)
class Work:
    """Matrix products with weights, FLOPs of attention's core, bytes of memory traffic around them."""

    products: tuple[Product, ...] = ()
    attention_flops: float = 0.0
    memory_bytes: float = 0.0

    def __add__(self, other: Work) -> Work:
        return Work(
            self.products + other.products,
            self.attention_flops + other.attention_flops,
            self.memory_bytes + other.memory_bytes,
        )

    @property
    def matrix_flops(self) -> float:
        return sum(product.flops for product in self.products)


@dataclass(frozen=True, order=True)
class Message:
    """One collective in every group of a kind; the size as nccl-tests counts it."""

    op: str
    groups: str
    size_bytes: int

    @property
    def kind(self) -> tuple[str, str]:
        """Operation and kind of group."""
        return self.op, self.groups

    @property
    def dimension(self) -> str:
        return DIMENSION_OF.get(self.groups, self.groups)


@dataclass(frozen=True)
class Stretch:
    """Work on the compute stream: messages `before` have to be through when it begins, those `beside` it when the
    next stretch begins. `weights` marks the weight gradients, which nothing but the optimizer waits for."""

    work: Work = Work()
    before: tuple[Message, ...] = ()
    beside: tuple[Message, ...] = ()
    weights: bool = False


Stretches = tuple[Stretch, ...]


@dataclass(frozen=True)
class Unit:
    """A piece of the model on one GPU: parameters of its own and of its experts, a micro-batch's work, and the bytes
    that forward saves for backward."""

    parameters: int
    expert_parameters: int
    forward: Stretches
    backward: Stretches
    saved_bytes: float

    @property
    def messages(self) -> tuple[Message, ...]:
        """Every message of a micro-batch, as often as it is sent."""
        stretches = (*self.forward, *self.backward)
        return tuple(message for stretch in stretches for message in (*stretch.before, *stretch.beside))


def total(stretches: Iterable[Stretch]) -> Work:
    """All work of some stretches."""
    return sum((stretch.work for stretch in stretches), start=Work())
