"""Real OpenSM on a simulated InfiniBand (ibsim), and the checker ibdmchk; all of it over sockets of this machine.

Programs that are missing skip the tests, or fail them where FABRICSIM_REQUIRE_INTEROP is set.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from fabricsim.fabric.formats.ibnetdiscover import ibnetdiscover_text
from fabricsim.fabric.graph import Fabric

UMAD = Path("/usr/lib/x86_64-linux-gnu/umad2sim/libumad2sim.so")
_SBIN = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
_LIMIT_S = 60


def require(*programs: str) -> None:
    """Skip, or fail where they must be there, unless all programs are installed."""
    missing = [program for program in programs if shutil.which(program, path=_SBIN) is None]
    if "opensm" in programs and not UMAD.exists():
        missing.append(str(UMAD))
    if missing:
        reason = f"needs {', '.join(missing)}: apt-get install ibsim-utils libumad2sim0 opensm infiniband-diags ibutils"
        (pytest.fail if os.environ.get("FABRICSIM_REQUIRE_INTEROP") else pytest.skip)(reason)


@dataclass(frozen=True)
class Subnet:
    """What OpenSM left behind after it brought a fabric up."""

    folder: Path

    def read(self, name: str) -> str:
        return (self.folder / name).read_text(errors="replace")

    @property
    def log(self) -> str:
        return self.read("osm.log")

    def tables(self) -> dict[str, dict[str, int]]:
        """Switch GUID -> port GUID -> port, of the tables that OpenSM programmed, by its own dump."""
        return lft_by_guid(self.read("opensm-lfts.dump"))

    def checked(self) -> str:
        """What ibdmchk says of the programmed tables. It dies after its report (SIGSEGV), so only the text counts."""
        require("ibdmchk")
        names = ("-s", "opensm-subnet.lst", "-f", "opensm.fdbs", "-m", "opensm.mcfdbs")
        return _run(["ibdmchk", *names], self.folder, {}).stdout


def lft_by_guid(text: str) -> dict[str, dict[str, int]]:
    """Switch GUID -> port GUID -> port, read from a dump by two patterns and nothing else."""
    tables: dict[str, dict[str, int]] = {}
    for line in text.splitlines():
        if head := re.match(r"Unicast lids .* guid (0x[0-9a-f]{16}) ", line):
            table = tables.setdefault(head[1], {})
        elif entry := re.match(r"0x[0-9a-f]{4} ([0-9]{3}) # .*portguid (0x[0-9a-f]{16}):", line):
            table[entry[2]] = int(entry[1])
    return tables


@pytest.fixture
def bring_up(tmp_path: Path) -> Callable[..., Subnet]:
    """`bring_up(fabric, lft=None)`: the fabric under real OpenSM, with our tables or its own up/down routing."""
    require("ibsim", "opensm", "ibnetdiscover")

    def run(fabric: Fabric, lft: str | None = None) -> Subnet:
        (tmp_path / "cache").mkdir()
        (tmp_path / "fabric.net").write_text(ibnetdiscover_text(fabric))
        engine = ["-R", "updn"]
        if lft is not None:
            (tmp_path / "ours.lfts").write_text(lft)
            engine = ["-R", "file", "-U", "ours.lfts"]
        with _ibsim(tmp_path) as client:
            command = ["opensm", *engine, "-o", "-s", "0", "-n", "64", "-d", "2", "-D", "0x43", "-f", "osm.log"]
            _run([*command, "--dump_files_dir", "."], tmp_path, client)
            (tmp_path / "discovered.net").write_text(_run(["ibnetdiscover"], tmp_path, client).stdout)
        return Subnet(tmp_path)

    return run


@contextmanager
def _ibsim(folder: Path) -> Iterator[dict[str, str]]:
    """A simulated network from `fabric.net`; the environment in which programs see it."""
    socket = {"IBSIM_SOCKNAME": f"sim-{os.getpid()}-{time.monotonic_ns()}"}
    sizes = ["-N", "20000", "-S", "4000", "-P", "200000", "-L", "49151"]
    with (folder / "ibsim.log").open("wb") as log:
        simulator = subprocess.Popen(
            ["ibsim", "-s", "-n", *sizes, "fabric.net"], cwd=folder, env=_environment(socket), stdout=log, stderr=log
        )  # fmt: skip
    try:
        _wait_for("Network simulator ready", folder / "ibsim.log")
        yield {
            **socket,
            "LD_PRELOAD": str(UMAD),
            "OSM_CACHE_DIR": str(folder / "cache"),
            "OSM_TMP_DIR": str(folder),
        }
    finally:
        simulator.terminate()
        simulator.wait(_LIMIT_S)


def _wait_for(words: str, log: Path) -> None:
    deadline = time.monotonic() + _LIMIT_S
    while words not in log.read_text(errors="replace"):
        assert time.monotonic() < deadline, f"no {words!r} in {log.read_text(errors='replace')[-2000:]}"
        time.sleep(0.02)


def _run(command: list[str], folder: Path, extra: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=_environment(extra), capture_output=True, text=True, timeout=_LIMIT_S, check=False
    )  # fmt: skip


def _environment(extra: dict[str, str]) -> dict[str, str]:
    return {**os.environ, "PATH": _SBIN, **extra}
