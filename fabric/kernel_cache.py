"""Where numba keeps compiled kernels when neither the package nor the home folder can be written to.

numba looks beside the sources, then below the home folder, and refuses to define a cached kernel when both are
read-only.
"""

from __future__ import annotations

import os
from pathlib import Path


def ensure_kernel_cache() -> None:
    """Give numba a folder of this process's own when it would find none. It must run before numba is imported.

    A folder shared between processes would have to be trusted with code that other users could plant there.
    """
    package = Path(__file__).parent
    home = Path(os.path.expanduser(os.environ.get("XDG_CACHE_HOME") or "~/.cache"))
    if "NUMBA_CACHE_DIR" not in os.environ and not (_writable(package) or _writable(home)):
        import atexit
        import tempfile

        folder = tempfile.TemporaryDirectory(prefix="fabricsim-kernels-")
        atexit.register(folder.cleanup)
        os.environ["NUMBA_CACHE_DIR"] = folder.name


def _writable(folder: Path) -> bool:
    """Whether `folder` can be written to, or made."""
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    return os.access(existing, os.W_OK | os.X_OK)
