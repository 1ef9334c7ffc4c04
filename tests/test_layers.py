"""Each floor of the package imports only from the floors below it: the contract in pyproject.toml."""

from __future__ import annotations

from pathlib import Path

from importlinter.cli import EXIT_STATUS_ERROR, EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).parent.parent


def test_every_floor_imports_only_from_the_floors_below():
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == EXIT_STATUS_SUCCESS


def test_a_contract_turned_upside_down_is_reported_broken(tmp_path):
    upside_down = tmp_path / "importlinter.toml"
    upside_down.write_text(
        "[tool.importlinter]\n"
        "root_package = 'fabricsim'\n"
        "[[tool.importlinter.contracts]]\n"
        "name = 'upside down'\n"
        "type = 'layers'\n"
        "layers = ['fabricsim.fabric', 'fabricsim.topologies', 'fabricsim.sims', 'fabricsim.cli']\n"
    )
    assert lint_imports(config_filename=str(upside_down), no_cache=True) == EXIT_STATUS_ERROR
