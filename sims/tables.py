"""Tables of results as files: CSV, and Parquet by polars."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt

from ..fabric.errors import Fault, InputError
from ..fabric.files import replacing

Columns = Mapping[str, npt.NDArray[Any]]


def write_table(path: str | Path, columns: Columns) -> None:
    """Write columns of one length to a `.csv` or `.parquet` file; numbers read back as the same numbers.

    Raises InputError: another kind of file, no place to write, polars not installed.
    """
    writer = table_writer(path)
    with replacing(path) as temporary:
        writer(temporary, columns)


def table_writer(path: str | Path) -> Callable[[Path, Columns], None]:
    """What writes such a file. Raises InputError as `write_table` does, so that a run need not be done in vain."""
    suffix = Path(path).suffix.lower()
    if suffix == ".parquet":
        polars_module()
        return _write_parquet
    if suffix == ".csv" or _is_stream(path):
        return _write_csv
    raise InputError(Fault(f"{suffix or 'no suffix'} is no kind of table", "name it .csv or .parquet", str(path)))


def polars_module() -> Any:
    """polars, or an InputError that says how to get it."""
    try:
        import polars
    except ImportError:
        raise InputError("a Parquet file or a polars frame needs polars", "pip install 'fabricsim[data]'") from None
    return polars


def _is_stream(path: str | Path) -> bool:
    return Path(path).exists() and not Path(path).is_file()


def _write_csv(path: Path, columns: Columns) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))


def _write_parquet(path: Path, columns: Columns) -> None:
    polars_module().DataFrame(dict(columns)).write_parquet(path)
