"""The saved Fabric: one zip of NumPy arrays and a JSON header, versioned. Same fabric, same bytes."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np

from ..errors import FabricError, Fault, ParseError
from ..files import replacing
from ..graph import NODE_COLUMNS, Fabric
from ..wiring_rules import check_wiring

VERSION = 1
SUFFIX = ".fabric"
_HEADER = "fabric.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip can hold; a clock would make equal fabrics differ
_FAST = 1  # deflate level: 4x faster than the default, a tenth larger
_LARGEST_ARRAY_BYTES = 8 << 30
# What zipfile, json and numpy raise on damaged or hostile bytes.
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, KeyError, ValueError, TypeError, EOFError, RuntimeError, SyntaxError),
    *(OverflowError, MemoryError, TokenError),
)


def save(fabric: Fabric, path: str | Path) -> None:
    """Write `fabric` to `path`, whole or not at all."""
    header = {"format": "fabricsim", "version": VERSION, "name": fabric.name, "meta": dict(fabric.meta)}
    arrays = fabric.arrays() | {f"columns/{name}": values for name, values in fabric.columns.items()}
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        _write(archive, _HEADER, json.dumps(header, sort_keys=True).encode())
        for name, values in arrays.items():
            _write(archive, f"{name}.npy", _npy(values))


def _write(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, data, compresslevel=_FAST)


def _npy(values: np.ndarray[Any, Any]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, values, allow_pickle=False)
    return buffer.getvalue()


def load(path: str | Path) -> Fabric:
    """Read a saved Fabric. Raises ParseError when the file is none, is damaged, or is of a later version."""
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            header = json.loads(archive.read(_HEADER))
            if not isinstance(header, dict) or header.get("format") != "fabricsim":
                raise ParseError(Fault("is no saved fabric", "save one with `topology new -o`", str(path)))
            if header.get("version") != VERSION:
                raise ParseError(
                    Fault(f"is of version {header.get('version')!r}, not {VERSION}", "upgrade fabricsim", str(path))
                )
            arrays = {name.removesuffix(".npy"): _read(archive, name) for name in archive.namelist() if name != _HEADER}
    except OSError as error:
        raise ParseError(Fault(error.strerror or "cannot be read", "check the file", str(path))) from None
    except _DAMAGE as error:
        raise ParseError(Fault(f"is no saved fabric, or damaged: {error}", "save it anew", str(path))) from None
    return _fabric(header, arrays, path)


def _read(archive: zipfile.ZipFile, name: str) -> np.ndarray[Any, Any]:
    if archive.getinfo(name).file_size > _LARGEST_ARRAY_BYTES:
        raise ValueError(f"{name} claims to be over {_LARGEST_ARRAY_BYTES} bytes")
    return np.lib.format.read_array(io.BytesIO(archive.read(name)), allow_pickle=False)


def _fabric(header: dict[str, Any], arrays: dict[str, np.ndarray[Any, Any]], path: Path) -> Fabric:
    columns = {name.removeprefix("columns/"): arrays.pop(name) for name in list(arrays) if name.startswith("columns/")}
    wanted = _dtypes()
    wrong = [name for name, dtype in wanted.items() if name not in arrays or not _fits(arrays[name], dtype)]
    wrong += [name for name in arrays if name not in wanted]
    wrong += [n for n, values in columns.items() if n not in NODE_COLUMNS or not _fits(values, NODE_COLUMNS[n].dtype)]
    lengths = {len(arrays[name]) for name in wanted if name in arrays and name.startswith(_PER_LINK)}
    nodes = {len(arrays[name]) for name in ("node_kind", "node_name") if name in arrays} | {
        len(c) for c in columns.values()
    }
    if wrong or len(lengths) > 1 or len(nodes) > 1 or any(length % 2 for length in lengths):
        raise ParseError(
            Fault(f"is damaged: arrays {', '.join(wrong) or 'of unequal length'}", "save it anew", str(path))
        )
    if not isinstance(header.get("name"), str) or not isinstance(header.get("meta"), dict):
        raise ParseError(Fault("is damaged: its header lacks name or meta", "save it anew", str(path)))
    fabric = Fabric(name=header["name"], meta=header["meta"], columns=columns, **arrays)
    try:
        _check_texts(fabric)
        check_wiring(fabric)
    except FabricError as error:
        raise ParseError([Fault(f.message, "save it anew", str(path)) for f in error.faults]) from None
    return fabric


def _check_texts(fabric: Fabric) -> None:
    for texts in (fabric.node_name, fabric.column("description")):
        try:
            np.strings.decode(texts, "utf-8")
        except UnicodeDecodeError:
            raise FabricError(Fault("a name is not UTF-8 text")) from None


_PER_LINK = ("link_", "capacity_bps", "latency_ns", "port", "rail", "plane", "width")


def _dtypes() -> dict[str, str]:
    """Each fixed array's dtype, as the Fabric class states it."""
    narrow = dict.fromkeys(("port", "rail", "plane", "width"), "i2")
    ids = dict.fromkeys(("link_source", "link_target", "endpoints"), "i4")
    return (
        {"node_kind": "u1", "node_name": "S", "capacity_bps": "f8", "latency_ns": "i8", "link_kind": "u1"}
        | narrow
        | ids
    )


def _fits(values: np.ndarray[Any, Any], dtype: str) -> bool:
    return values.ndim == 1 and (values.dtype.kind == "S" if dtype == "S" else values.dtype == np.dtype(dtype))
