"""Compiled kernels have a folder of their own, named after all kernel sources."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fabricsim.fabric import kernels
from numba.core import config

BESIDE = kernels.PACKAGE / "__pycache__"


def chosen(monkeypatch: pytest.MonkeyPatch, home: Path, writable: set[Path], **variables: str) -> Path:
    """The folder of kernels when only those in `writable` can be written to."""
    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": str(home), **variables}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(os, "access", lambda folder, mode: Path(folder) in writable)
    return kernels.cache_folder.__wrapped__()


def test_a_writable_package_keeps_its_own_kernels(monkeypatch, tmp_path):
    assert chosen(monkeypatch, tmp_path, {BESIDE, BESIDE.parent}).parent == BESIDE


def test_a_read_only_package_leaves_them_to_the_home_folder(monkeypatch, tmp_path):
    assert chosen(monkeypatch, tmp_path, {tmp_path}).parent == tmp_path / ".cache" / "fabricsim"


def test_without_either_the_process_gets_a_folder_of_its_own(monkeypatch, tmp_path):
    folder = chosen(monkeypatch, tmp_path, set())
    assert folder.is_dir()
    assert folder.stat().st_mode & 0o077 == 0


def test_the_users_own_choice_stands(monkeypatch, tmp_path):
    assert chosen(monkeypatch, tmp_path, set(), NUMBA_CACHE_DIR="mine").parent == Path("mine")


def test_a_changed_kernel_file_changes_the_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(kernels, "PACKAGE", tmp_path)
    source = tmp_path / "sims" / "engine" / "_some_kernels.py"
    source.parent.mkdir(parents=True)
    source.write_text("one")
    places = {tmp_path, tmp_path / "__pycache__"}
    before = chosen(monkeypatch, tmp_path, places)
    before.mkdir(parents=True)
    source.write_text("two")
    after = chosen(monkeypatch, tmp_path, places)
    assert before.parent == after.parent == tmp_path / "__pycache__"
    assert before != after
    assert not before.exists()


def test_numbas_own_setting_is_left_as_it_was():
    before = str(config.CACHE_DIR)
    double = kernels.kernel(lambda x: 2 * x)
    assert double(21) == 42
    assert str(config.CACHE_DIR) == before
