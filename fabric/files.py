"""Files are written whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import Fault, InputError


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary file to write to; it takes the name `path` on success and is removed on failure.

    A symbolic link keeps pointing where it points. A device or pipe is not replaced: the finished text goes into it.
    Raises InputError when `path` cannot be written.
    """
    path = Path(path)
    with _named(path):
        stream = path.exists() and not (path.is_file() or path.is_dir())
        target = path if stream else path.resolve()
        handle, temporary = tempfile.mkstemp(dir=None if stream else target.parent, prefix=f".{target.name}.")
    os.close(handle)
    try:
        with _named(path):
            yield Path(temporary)
            if stream:
                with open(temporary, "rb") as whole, path.open("wb") as sink:
                    shutil.copyfileobj(whole, sink)
            else:
                os.chmod(temporary, 0o666 & ~_umask())
                os.replace(temporary, target)
    finally:
        Path(temporary).unlink(missing_ok=True)


def refuse_place(path: str | Path) -> None:
    """Raise InputError where `replacing(path)` would find no place to write."""
    path = Path(path)
    parent = path.resolve().parent
    if not parent.is_dir():
        raise InputError(Fault("cannot be written: no such folder", "choose a folder that exists", str(path)))
    if path.is_dir() or not os.access(path if path.exists() else parent, os.W_OK):
        raise InputError(Fault("cannot be written", "choose another place", str(path)))


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """What the system says against writing, as an InputError that names the file."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        cure = "choose a folder that exists" if isinstance(error, FileNotFoundError) else "choose another place"
        raise InputError(Fault(f"cannot be written: {error.strerror}", cure, str(path))) from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
