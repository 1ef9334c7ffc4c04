"""Published training steps (tests/data/training) beside ours, in seconds."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fabricsim.fabric.spec import overrides, read_yaml, validate
from fabricsim.sims.network import network_for
from fabricsim.sims.quick_step import quick_step_s
from fabricsim.sims.wires import NetworkWires
from fabricsim.sims.workloads.job import plan_job
from fabricsim.sims.workloads.machines import fabric_machines
from fabricsim.sims.workloads.memory import fitted as fitting
from fabricsim.sims.workloads.model import ModelSpec, load_model
from fabricsim.sims.workloads.options import JobOptions
from fabricsim.topologies import load

DATA = Path(__file__).parents[1] / "data" / "training"
STEPS = DATA / "steps.csv"
STRONG_SCALING = DATA / "strong_scaling.csv"


@dataclass(frozen=True)
class Step:
    """A published step: its table and name, whether the constants were fitted on it, and both times."""

    table: str
    row: str
    fitted: bool
    gpus: int
    flops: float
    measured_s: float
    simulated_s: float

    @property
    def error(self) -> float:
        """Of our rate (MFU, tokens per second) against the measured one, relative."""
        return self.measured_s / self.simulated_s - 1

    def rate(self, step_s: float) -> float:
        """FLOPs per second and GPU of the step in that time."""
        return self.flops / self.gpus / step_s


def published(path: Path) -> Iterator[tuple[dict[str, str], bool]]:
    """The rows of a table of steps; of each published table every second one, from the first on, is fitted on."""
    lines = path.read_text(encoding="utf-8").splitlines()
    seen: dict[str, int] = defaultdict(int)
    for row in csv.DictReader(line for line in lines if not line.startswith("#")):
        yield row, seen[row["table"]] % 2 == 0
        seen[row["table"]] += 1


def planned(row):
    """The job of a row, its machines and its network."""
    fabric, wires = network(row["preset"], row["fields"])
    said = JobOptions.of(row["parallel"], options(row["options"]))
    job = plan_job(model_of(row["model"]), fabric.ranks, said)
    machines = fabric_machines(fabric, job.precision, job.eager)
    return fitting(job, said, machines.capacity_bytes), machines, wires


def simulated(row, fitted) -> Step:
    job, machines, wires = planned(row)
    flops = job.model.flops(job.global_batch, job.seq_len)
    times = measured_s(row, job), quick_step_s(job, machines, wires)
    return Step(row["table"], row["row"], fitted, job.gpus, flops, *times)


def by_table(steps: Iterable[Step]) -> dict[str, list[Step]]:
    tables = defaultdict(list)
    for step in steps:
        tables[step.table].append(step)
    return tables


@dataclass(frozen=True)
class Scaled:
    """One model on the fewest GPUs of its table and on more, with as much work per GPU (weak scaling) or in all
    (strong)."""

    few: Step
    many: Step

    @property
    def measured(self) -> float:
        """Rate per GPU kept on more: MFU(N) / MFU(fewest)."""
        return self.many.rate(self.many.measured_s) / self.few.rate(self.few.measured_s)

    @property
    def simulated(self) -> float:
        return self.many.rate(self.many.simulated_s) / self.few.rate(self.few.simulated_s)

    @property
    def points(self) -> float:
        return 100 * (self.simulated - self.measured)


def weakly_scaled(steps: Iterable[Step]) -> list[Scaled]:
    return _scaled(steps, lambda step: step.flops / step.gpus)


def strongly_scaled(steps: Iterable[Step]) -> list[Scaled]:
    return _scaled(steps, lambda step: step.flops)


def _scaled(steps: Iterable[Step], work: Callable[[Step], float]) -> list[Scaled]:
    """Rows named `MODEL TOKENS on GPUS`, by model, sequence length and work."""
    found: dict[tuple[str, str, int], dict[int, Step]] = defaultdict(dict)
    for step in steps:
        what, on, _ = step.row.partition(" on ")
        if on:
            found[step.table, what, round(work(step) / 1e12)][step.gpus] = step
    ordered = [[sizes[gpus] for gpus in sorted(sizes)] for sizes in found.values()]
    return [Scaled(sizes[0], more) for sizes in ordered for more in sizes[1:]]


def options(text):
    words = (pair.split("=") for pair in text.split())
    plain = {"true": True, "false": False}
    return {key: plain[value] if value in plain else int(value) if value.isdigit() else value for key, value in words}


@cache
def network(preset, fields):
    fabric = load(preset, **overrides(tuple(fields.split())))
    return fabric, NetworkWires(network_for(fabric, "transport", "auto", "auto", 0, {}))


def model_of(name):
    known = read_yaml(DATA / "models.yaml")[0]
    return validate(ModelSpec, {"name": name, **known[name]}) if name in known else load_model(name)


def measured_s(row, job):
    """The published figure as seconds per step; each table has its own definition of FLOPs."""
    figure, tokens = float(row["published"]), job.global_batch * job.seq_len
    full = job.model.flops(job.global_batch, job.seq_len)
    head = 2 * job.model.vocab * job.model.hidden * tokens
    flops = {
        "tflops_full": full,
        "tflops_causal": job.model.flops(job.global_batch, job.seq_len, causal=True),
        "tflops_recomputed": full + full / 3 - head,
    }
    if row["unit"] == "step_s":
        return figure
    if row["unit"] in flops:
        return flops[row["unit"]] / (figure * 1e12 * job.gpus)
    return tokens / figure / (job.gpus if row["unit"] == "tokens_per_s_per_gpu" else 1)
