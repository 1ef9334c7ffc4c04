"""Compiled kernels find a folder even where nothing lasting can be written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fabricsim.fabric import kernel_cache

PACKAGE = Path(kernel_cache.__file__).parent


def chosen(monkeypatch: pytest.MonkeyPatch, home: Path, writable: set[Path], **variables: str) -> str | None:
    """NUMBA_CACHE_DIR after the choice, when only the folders in `writable` can be written to."""
    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": str(home), **variables}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(os, "access", lambda folder, mode: Path(folder) in writable)
    kernel_cache.ensure_kernel_cache()
    return os.environ.pop("NUMBA_CACHE_DIR", None)


def test_a_writable_package_keeps_its_own_kernels(monkeypatch, tmp_path):
    assert chosen(monkeypatch, tmp_path, {PACKAGE}) is None


def test_a_read_only_package_leaves_them_to_the_home_folder(monkeypatch, tmp_path):
    assert chosen(monkeypatch, tmp_path, {tmp_path}) is None


def test_without_either_the_process_gets_a_folder_of_its_own(monkeypatch, tmp_path):
    folder = chosen(monkeypatch, tmp_path, set())
    assert folder is not None
    assert Path(folder).is_dir()
    assert Path(folder).stat().st_mode & 0o077 == 0


def test_a_home_that_does_not_exist_is_no_place(monkeypatch):
    assert chosen(monkeypatch, Path("/nonexistent/home"), set()) is not None


def test_the_users_own_choice_stands(monkeypatch, tmp_path):
    assert chosen(monkeypatch, tmp_path, set(), NUMBA_CACHE_DIR="mine") == "mine"
