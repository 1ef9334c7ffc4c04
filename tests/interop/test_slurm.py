"""Real slurmctld (22.05 and later) loads our topology.conf and places jobs by it. No authentication, no slurmd.

Nodes are `State=CLOUD`, so that jobs get nodes that nobody runs. Missing programs skip the tests, or fail them where
FABRICSIM_REQUIRE_INTEROP is set.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from fabricsim.fabric.formats import WRITERS
from fabricsim.fabric.formats.hostlist import hostlist
from fabricsim.fabric.formats.localities import localities
from fabricsim.fabric.formats.slurm_jobs import SlurmJob, ranks_on, squeue_jobs
from fabricsim.topologies import load

_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
_LIMIT_S = 60
_CONF = """\
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
SlurmctldPort={port}
SlurmdPort={slurmd_port}
AuthType=auth/none
CredType=cred/none
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdSpoolDir={folder}/spool
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
TopologyPlugin=topology/tree
SlurmdTimeout=0
MpiDefault=none
MailProg=/bin/true
NodeName={nodes} CPUs=8 NodeAddr=127.0.0.1 State=CLOUD
PartitionName=gpu Nodes=ALL Default=YES MaxTime=INFINITE State=UP
ResumeProgram=/bin/true
SuspendProgram=/bin/true
SuspendTime=3600
ResumeTimeout=3600
PrivateData=cloud
"""


def require(*programs: str) -> None:
    missing = [program for program in programs if shutil.which(program, path=_PATH) is None]
    if os.geteuid() != 0:
        missing.append("root")
    if missing:
        reason = f"needs {', '.join(missing)}: apt-get install slurmctld slurm-client"
        (pytest.fail if os.environ.get("FABRICSIM_REQUIRE_INTEROP") else pytest.skip)(reason)


@dataclass(frozen=True)
class Controller:
    """A running slurmctld."""

    folder: Path

    def ask(self, *command: str) -> str:
        environment = os.environ | {"SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": _PATH}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def slurm(tmp_path: Path) -> Callable[..., object]:
    """`with slurm(fabric) as controller`: slurmctld with the fabric's topology.conf."""
    require("slurmctld", "scontrol", "sbatch", "squeue")

    @contextmanager
    def run(fabric) -> Iterator[Controller]:
        WRITERS["slurm-tree"](fabric, tmp_path / "topology.conf")
        (tmp_path / "state").mkdir()
        nodes = hostlist(localities(fabric).nodes)
        conf = _CONF.format(port=_free_port(), slurmd_port=_free_port(), folder=tmp_path, nodes=nodes)
        (tmp_path / "slurm.conf").write_text(conf)
        command = ["slurmctld", "-D", "-c", "-vv", "-f", str(tmp_path / "slurm.conf")]
        with (tmp_path / "log").open("w") as log:
            environment = os.environ | {"SLURM_CONF": str(tmp_path / "slurm.conf"), "PATH": _PATH}
            server = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            controller = Controller(tmp_path)
            _wait(server, controller)
            yield controller
        finally:
            server.terminate()
            server.wait(timeout=_LIMIT_S)

    return run


def _wait(server: subprocess.Popen, controller: Controller) -> None:
    deadline = time.monotonic() + _LIMIT_S
    while time.monotonic() < deadline:
        assert server.poll() is None, controller.log()
        if "Running as primary controller" in controller.log():
            return
        time.sleep(0.05)
    pytest.fail(f"slurmctld did not start: {controller.log()[-2000:]}")


def _complaints(log: str) -> list[str]:
    """Lines of the log that find fault with the topology or its nodes, not those of a first start or a busy machine."""
    lines = (line for line in log.splitlines() if re.search(r"(?i)error|warning|fatal", line))
    return [
        line
        for line in lines
        if re.search("(?i)topo|switch|node", line) and not re.search("processing time|/state/", line)
    ]


def test_slurmctld_loads_8192_nodes_without_error_or_warning(slurm):
    fabric = load("hgx-h100", nodes=8192, su=32)
    with slurm(fabric) as controller:
        shown = controller.ask("scontrol", "show", "topology")
        assert _complaints(controller.log()) == []
    levels = re.findall(r"SwitchName=(\S+) Level=(\d+)", shown)
    assert sum(level == "0" for _, level in levels) == 8192 // 32
    top = len(localities(fabric).tiers) - 1
    assert max(int(level) for _, level in levels) == top
    root = next(line for line in shown.splitlines() if f"Level={top}" in line)
    assert "Nodes=server-[0-8191]" in root


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("gb200-nvl72", {"nodes": 4}),
        ("fat_tree", {"k": 4}),
        ("dragonfly", {"p": 2}),
        ("torus", {"dims": "4x4"}),
        ("rail_only", {"nodes": 8}),
    ],
)
def test_slurmctld_reads_every_kind_of_fabric(slurm, name, fields):
    fabric = load(name, **fields)
    with slurm(fabric) as controller:
        shown = controller.ask("scontrol", "show", "topology")
        assert _complaints(controller.log()) == []
    assert len(re.findall("SwitchName=", shown)) == sum(len(tier) for tier in localities(fabric).tiers)


def test_slurm_gives_a_job_of_one_leafs_size_one_leaf(slurm):
    """4 leaves of 4 servers: a job of 3 leaves its leaf no room for 4, so two jobs of 4 get whole leaves."""
    fabric = load("hgx-h100", nodes=16, su=4)
    with slurm(fabric) as controller:
        placed = _placed(controller, 3, 4, 4)
    leaves = {hostlist(localities(fabric).names(group)) for group in localities(fabric).tiers[0]}
    assert placed[1] != placed[2]
    assert {hostlist(job.nodes) for job in placed[1:]} <= leaves


def test_the_ranks_of_a_placed_job_are_those_of_its_leaf(slurm):
    """A job of a whole leaf is 32 accelerators in a row, and jobs share no rank."""
    fabric = load("hgx-h100", nodes=16, su=4)
    with slurm(fabric) as controller:
        first, *leaves = [ranks_on(fabric, job.nodes) for job in _placed(controller, 3, 4, 4)]
    assert len(first) == 3 * 8
    for ranks in leaves:
        assert ranks.tolist() == list(range(ranks[0], ranks[0] + 32))
        assert ranks[0] % 32 == 0
    assert len(np.unique(np.concatenate([first, *leaves]))) == 11 * 8


def _placed(controller: Controller, *sizes: int) -> tuple[SlurmJob, ...]:
    """Jobs of so many nodes, each submitted after the other, once all have their nodes."""
    for count in sizes:
        controller.ask("sbatch", "--exclusive", f"-N{count}", "--wrap", "sleep 99", "--output=/dev/null")
    deadline = time.monotonic() + _LIMIT_S
    while time.monotonic() < deadline:
        jobs = squeue_jobs(controller.ask("squeue", "-h", "-S", "i", "-o", "%i %T %D %N"))
        if len(jobs) == len(sizes) and all(job.nodes for job in jobs):
            return jobs
        time.sleep(0.2)
    pytest.fail(f"jobs were not placed: {jobs}")
