"""`fabricsim demo`: one real cluster, from its wiring to its starved GPU-seconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from .collective import BANDWIDTH_COLUMNS, bandwidth_rows
from .options import output_options
from .output import Table, emit, note
from .progress import working
from .step_tables import causes, figures

if TYPE_CHECKING:
    from ..fabric.metrics import Summary
    from ..sims.results import CollectiveResult
    from ..sims.train_result import TrainResult

CLUSTER = {"nodes": 16}
MODEL, PARALLEL = "llama3-70b", "tp=8,pp=4"
RATIOS = (1, 4)


@dataclass(frozen=True)
class Measurement:
    """Bus bandwidth of an all-reduce of 8 GiB that somebody published (nccl-tests, out of place), and on what."""

    what: str
    preset: str
    fields: Mapping[str, Any]
    algorithm: str
    busbw_GBps: float
    source: str


A100_PAIR = {"nodes": 2, "nic": "200Gbps", "network": "roce"}
H100_PAIR = {"nodes": 2, "network": "roce"}
PUBLISHED = (
    Measurement("8 H100, NVLink", "hgx-h100", {"nodes": 1}, "auto", 480.16, "NVIDIA/dgxc-benchmarking@841f546"),
    Measurement("16 H100, RoCE", "hgx-h100", H100_PAIR, "auto", 469.84, "oracle-quickstart/oci-hpc@b5285a6"),
    Measurement("96 H100, InfiniBand", "hgx-h100", {"nodes": 12}, "auto", 386.56, "coreweave/nccl-tests@cb86553"),
    Measurement("16 A100, RoCE", "hgx-a100", A100_PAIR, "ring", 189.60, "oracle-quickstart/oci-hpc-oke@61d210a"),
    Measurement("16 A100, RoCE", "hgx-a100", A100_PAIR, "tree", 237.94, "oracle-quickstart/oci-hpc-oke@185aceb"),
)


@dataclass(frozen=True)
class Demonstration:
    """All that the demo shows."""

    cluster: Summary
    all_reduces: tuple[CollectiveResult, ...]
    repeated: tuple[tuple[Measurement, CollectiveResult], ...]
    steps: Mapping[str, TrainResult]

    def to_dict(self) -> dict[str, Any]:
        return {
            "cluster": self.cluster.to_dict(),
            "collectives": [result.to_dict() for result in self.all_reduces],
            "published": [_beside(measured, result) for measured, result in self.repeated],
            "train": {ratio: step.to_dict() for ratio, step in self.steps.items()},
            "assumptions": list(
                dict.fromkeys(sentence for result in self._results() for sentence in result.assumptions)
            ),
        }

    def _results(self) -> Iterator[Summary | CollectiveResult | TrainResult]:
        yield self.cluster
        yield from self.all_reduces
        yield from self.steps.values()


def _beside(measured: Measurement, result: CollectiveResult) -> dict[str, Any]:
    (row,) = result.rows
    return {
        "what": measured.what,
        "algorithm": row.algorithm,
        "size_bytes": row.size_bytes,
        "measured_busbw_GBps": measured.busbw_GBps,
        "simulated_busbw_GBps": row.busbw_GBps,
        "deviation": row.busbw_GBps / measured.busbw_GBps - 1,
        "source": measured.source,
    }


@click.command()
@output_options
def demo(form: str, quiet: bool) -> None:
    """One cluster, from wiring to starved GPU-seconds.

    128 H100: their network, an all-reduce on it, published measurements repeated, and a training step.
    """
    with working("simulating", quiet):
        shown = _demonstrate()
    document = shown.to_dict()
    emit(form, document, document["published"], _tables(shown))
    note("\nTry: fabricsim collective hgx-h100 --set nodes=16 --size 8B:16GiB", quiet)


def _demonstrate() -> Demonstration:
    from ..fabric.metrics import summary
    from ..sims.collectives import collective
    from ..sims.train import train
    from ..topologies import load

    return Demonstration(
        cluster=summary(load("hgx-h100", **CLUSTER)),
        all_reduces=tuple(
            collective(load("hgx-h100", **CLUSTER, network=network), size="1GiB") for network in ("infiniband", "roce")
        ),
        repeated=tuple(
            (measured, collective(load(measured.preset, **measured.fields), size="8GiB", algorithm=measured.algorithm))
            for measured in PUBLISHED
        ),
        steps={
            f"{ratio}:1": train(load("hgx-h100", **CLUSTER, oversubscription=ratio), MODEL, PARALLEL)
            for ratio in RATIOS
        },
    )


def _in_words(cluster: Summary) -> str:
    from ..fabric.units import format_si

    tiers = " and ".join(f"{tier.switches} {tier.kind}" for tier in cluster.tiers)
    servers = f"{cluster.gpus} GPUs and {cluster.nvswitches} NVSwitches in {CLUSTER['nodes']} servers"
    half = format_si(cluster.bisection_bps, "bit/s")
    return f"{cluster.fabric}: {servers}, {tiers} switches, {cluster.cables} cables; {half} between halves"


def _tables(shown: Demonstration) -> Iterator[Table]:
    yield Table(
        ("network", *BANDWIDTH_COLUMNS),
        [(result.rows[0].transport, *bandwidth_rows(result)[0]) for result in shown.all_reduces],
        title=f"{_in_words(shown.cluster)}\n\nAn all-reduce of 1 GiB over all GPUs",
    )
    yield Table(
        ("cluster", "algorithm", "measured (GB/s)", "simulated (GB/s)", "off by", "measured by (github.com)"),
        [
            (
                row["what"],
                row["algorithm"],
                f"{row['measured_busbw_GBps']:.2f}",
                f"{row['simulated_busbw_GBps']:.2f}",
                f"{row['deviation']:+.1%}",
                row["source"],
            )
            for row in (_beside(measured, result) for measured, result in shown.repeated)
        ],
        title="Published measurements repeated: bus bandwidth of an all-reduce of 8 GiB",
    )
    ratios = tuple(shown.steps)
    job = f"A training step of {MODEL} on all GPUs ({PARALLEL}), spine at"
    yield Table(("", *ratios), figures(shown.steps), title=f"{job} {' and at '.join(ratios)}")
    yield Table(
        ("cause", *(cell for ratio in ratios for cell in (f"GPU-seconds at {ratio}", "share"))),
        [row for row in causes(shown.steps) if any(cell.strip("-0.%") for cell in row[1:])],
        title="Where its GPU-seconds go",
    )
