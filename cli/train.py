"""`fabricsim train`: one training step, and where its GPU-seconds go."""

from __future__ import annotations

from typing import Any

import click

from ..fabric.errors import Fault, SpecError
from .chakra import emit_traced, refuse_job
from .layout_search import emit_search, refuse_idle
from .options import Setup, compose, network_setup, output_options
from .output import emit
from .outputs import refuse_unwritable
from .progress import working
from .step_tables import step_tables
from .versus import emit_versus, rival_step

JOB_OPTIONS = (
    click.option("--seq-len", type=int, help="Tokens per sequence.  [default: the model's]"),
    click.option("--global-batch", type=int, help="Sequences per step.  [default: 4 micro-batches per pipeline stage]"),
    click.option("--micro-batch", type=int, help="Sequences per micro-batch.  [default: 1]"),
    click.option("--precision", help="bf16 or fp8.  [default: bf16]"),
    click.option("--schedule", help="auto, gpipe, 1f1b, interleaved or zero-bubble.  [default: auto]"),
    click.option("--recompute", help="none, selective, full, or auto: the least that fits.  [default: auto]"),
    click.option("--zero", type=int, help="What is sharded: 1 optimizer, 2 gradients, 3 parameters.  [default: 1]"),
    click.option("--shard", type=int, help="Ranks that share one copy of it (HSDP).  [default: all]"),
    click.option("--sp/--no-sp", default=None, help="Sequence parallelism.  [default: where tp > 1]"),
    click.option("--context", help="ring, all-gather or ulysses, beside cp.  [default: ring]"),
    click.option("--attention", help="flash or unfused.  [default: flash]"),
    click.option("--dropout", is_flag=True, default=None, help="Layers drop values at random, as models once did."),
    click.option("--kernels", help="fused or eager.  [default: fused]"),
    click.option("--reduce", help="Precision of gradients' sums, fp32 or bf16.  [default: fp32]"),
    click.option("--overlap/--no-overlap", default=None, help="Gradients and parameters travel beside computing."),
    click.option("--imbalance", type=float, help="Load of the busiest expert over the mean.  [default: 1]"),
    click.option("--capacity", type=float, help="Cap of the imbalance."),
    click.option("--jitter", type=float, help="Deviation of compute time between GPUs.  [default: 0]"),
    click.option(
        "--stalls", type=float, help="Share of time for which each host holds up all.  [default: 0; eager: fitted]"
    ),
    click.option(
        "--slowdown", type=float, help="Rate that computing loses beside communication.  [default: 0; eager: fitted]"
    ),
)


@click.command()
@click.option("--model", help="A preset like llama3-70b, or a YAML file.")
@click.option("--parallel", default="", help="Degrees, like tp=8,pp=4,cp=1,ep=1,vp=2; dp is what remains.")
@compose(*JOB_OPTIONS)
@click.option(
    "--versus",
    metavar="[FABRIC] [KEY=VALUE ...]",
    help="Run again on another fabric, or with these, like 'transport=roce nic=200Gbps', and compare.",
)
@click.option("--search", is_flag=True, help="Find the best legal layout for --global-batch instead, from --zero on.")
@click.option("--chakra", metavar="PREFIX", help="Run the execution traces PREFIX.RANK.et, or a folder's, instead.")
@click.option("--gpu-hour-usd", type=float, help="Rent of one GPU: adds dollars, kWh and tokens per joule.")
@click.option("--pue", type=float, default=1.0, show_default=True, help="Power at the meter over that of the GPUs.")
@click.option("--trace", metavar="FILE", help="Write the step in time, for Perfetto (JSON).")
@click.option(
    "--plot", metavar="FILE", help="Draw the ledger as a waterfall and the step in time (.png, .svg or .pdf)."
)
@network_setup
@output_options
def train(
    setup: Setup,
    model: str | None,
    parallel: str,
    versus: str | None,
    search: bool,
    chakra: str | None,
    gpu_hour_usd: float | None,
    pue: float,
    trace: str | None,
    plot: str | None,
    form: str,
    quiet: bool,
    **job: Any,
) -> None:
    """A training step on all GPUs: time, throughput, starvation."""
    if chakra is not None:
        refuse_job(
            model=model,
            parallel=parallel or None,
            versus=versus,
            search=search or None,
            gpu_hour_usd=gpu_hour_usd,
            pue=None if pue == 1 else pue,
            trace=trace,
            plot=plot,
            **job,
        )
        emit_traced(setup, chakra, form, quiet)
        return
    if model is None:
        raise click.UsageError("Missing option '--model'.")
    if search:
        refuse_idle(versus=versus, gpu_hour_usd=gpu_hour_usd, trace=trace, plot=plot)
        emit_search(setup, model, parallel, job, form, quiet)
        return
    from .plot import kind_of_picture

    refuse_unwritable({"--plot": (plot, kind_of_picture), "--trace": (trace, None)})
    with working("simulating", quiet):
        from ..sims.step_cost import Prices
        from ..sims.train import train as simulate

        if gpu_hour_usd is None and pue != 1:
            raise SpecError(Fault("does nothing without a price", "give --gpu-hour-usd too", field="pue"))
        prices = None if gpu_hour_usd is None else Prices(gpu_hour_usd, pue)
        given = {name: value for name, value in job.items() if value is not None}
        rival = None if versus is None else rival_step(setup, versus, model, parallel, prices, given)
        result = simulate(setup.fabric(), model, parallel, **setup.network(), prices=prices, trace=trace, **given)
    if plot is not None:
        from .step_plot import plot_step

        plot_step(result, plot)
    if rival:
        emit_versus(form, result, rival)
        return
    document = result.to_dict()
    emit(form, document, document["ledger"], step_tables(result))
