"""Kernels compiled by numba, and where they are kept between runs.

numba compares a compiled kernel with its own source file, not with the files of the kernels it calls, so after an
upgrade it could run old code. The folder of compiled kernels is therefore named after what all kernel files say.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core import config as numba_config

PACKAGE = Path(__file__).parents[1]
config: Any = numba_config


def kernel(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Compile a kernel when it is first called, or take it from the folder of compiled ones. `options` are numba's.

    It holds no lock of the interpreter, so threads may run side by side.
    """
    if function is None:
        return lambda later: kernel(later, **options)
    before = config.CACHE_DIR
    config.CACHE_DIR = str(cache_folder())
    try:
        return numba.njit(cache=True, nogil=True, **options)(function)
    finally:
        config.CACHE_DIR = before


@cache
def cache_folder() -> Path:
    """The folder for compiled kernels: below NUMBA_CACHE_DIR where that is set, else beside the sources, else in the
    user's cache folder, else one that goes with the process (a shared one would have to be trusted with code)."""
    name = f"kernels-{_digest()}"
    if "NUMBA_CACHE_DIR" in os.environ:
        return Path(os.environ["NUMBA_CACHE_DIR"]) / name
    beside = PACKAGE / "__pycache__"
    if _writable(beside):
        _drop_others(beside, name)
        return beside / name
    home = Path(os.path.expanduser(os.environ.get("XDG_CACHE_HOME") or "~/.cache")) / "fabricsim"
    return home / name if _writable(home) else _passing_folder()


def _digest() -> str:
    """A name for what all kernel files say, and for the numba that compiles them."""
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted(path for floor in ("fabric", "sims") for path in (PACKAGE / floor).rglob("_*kernel*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _drop_others(folder: Path, name: str) -> None:
    """Remove what was compiled from other sources."""
    for old in folder.glob("kernels-*"):
        if old.name != name:
            shutil.rmtree(old, ignore_errors=True)


def _writable(folder: Path) -> bool:
    """Whether `folder` can be written to, or made."""
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    return os.access(existing, os.W_OK | os.X_OK)


def _passing_folder() -> Path:
    import atexit
    import tempfile

    folder = tempfile.TemporaryDirectory(prefix="fabricsim-kernels-")
    atexit.register(folder.cleanup)
    return Path(folder.name)
