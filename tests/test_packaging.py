"""The repository root is the package: what setuptools is told agrees with what lies on disk."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import fabricsim
import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUPTOOLS = PROJECT["tool"]["setuptools"]
FLOORS = ("fabric", "topologies", "sims", "cli")


def package_files(suffix: str) -> set[str]:
    """Files of the package on disk, as paths from the root."""
    inside = [path for floor in FLOORS for path in (ROOT / floor).rglob(f"*{suffix}")]
    return {path.relative_to(ROOT).as_posix() for path in [*ROOT.glob(f"*{suffix}"), *inside]}


def test_packages_listed_are_the_folders_that_hold_an_init():
    folders = {Path(path).parent.as_posix() for path in package_files("__init__.py")}
    assert {
        package.removeprefix("fabricsim").lstrip(".").replace(".", "/") or "." for package in SETUPTOOLS["packages"]
    } == folders


def test_only_init_and_main_lie_at_the_root():
    assert {path.name for path in ROOT.glob("*.py")} == {"__init__.py", "__main__.py"}


def test_tests_are_no_package():
    assert not list((ROOT / "tests").rglob("__init__.py"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names in the wheel built from a copy of the tree."""
    place = tmp_path_factory.mktemp("wheel")
    source = place / "source"
    source.mkdir()
    for floor in FLOORS:
        shutil.copytree(ROOT / floor, source / floor, ignore=shutil.ignore_patterns("__pycache__"))
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, source)
    build = "import setuptools.build_meta as b, sys; print(b.build_wheel(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", build, str(place)], cwd=source, check=True, capture_output=True)
    (built,) = place.glob("*.whl")
    return set(zipfile.ZipFile(built).namelist())


def test_the_wheel_holds_every_module_and_every_data_file(wheel: set[str]):
    expected = package_files(".py") | package_files(".pyi") | package_files(".yaml") | {"py.typed"}
    assert {f"fabricsim/{path}" for path in expected} <= wheel


def test_the_wheel_brings_one_top_level_name(wheel: set[str]):
    tops = {name.split("/")[0] for name in wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"fabricsim"}


def test_the_wheel_carries_its_license(wheel: set[str]):
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in wheel)


def test_the_version_is_the_installed_one():
    assert importlib.metadata.version("fabricsim") == fabricsim.__version__


def test_every_name_of_the_face_can_be_imported():
    stub = ast.parse((ROOT / "__init__.pyi").read_text())
    names = {alias.name for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert names == set(fabricsim.__all__)
    assert all(getattr(fabricsim, name) is not None for name in names)


def test_constraints_pin_every_installed_distribution_that_the_package_needs():
    """The closure of the dependencies and development tools as installed, walked over their metadata."""
    pinned = {
        re.split("==", line)[0].lower().replace("_", "-") for line in (ROOT / "constraints.txt").read_text().split()
    }
    extras = PROJECT["project"]["optional-dependencies"]
    waiting = [*PROJECT["project"]["dependencies"], *extras["dev"]]
    needed: set[str] = set()
    while waiting:
        name = re.match(r"[\w.-]+", waiting.pop()).group().lower().replace("_", "-").replace(".", "-")
        if name not in needed and _installed(name):
            needed.add(name)
            waiting += [line for line in importlib.metadata.requires(name) or [] if "extra ==" not in line]
    assert {"numpy", "llvmlite", "mypy-extensions"} <= needed
    assert needed <= {name.replace(".", "-") for name in pinned}


def _installed(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
