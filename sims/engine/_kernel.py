"""The decorators of the engine's kernels.

Kernels count no references: an array passed from one to the next is a plain pointer (counting made 200,000 small events
four times slower), and a kernel that allocates does not compile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...fabric.kernels import kernel as compiled_kernel

_OPTIONS: dict[str, Any] = {"error_model": "numpy", "_nrt": False}
_UNWRAPPED: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, **_OPTIONS}


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a kernel that Python calls."""
    compiled: Callable[..., Any] = compiled_kernel(function, **_OPTIONS)
    return compiled


def part(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a part of kernels, which only kernels call: without the wrapper for Python it compiles faster."""
    compiled: Callable[..., Any] = compiled_kernel(function, **_UNWRAPPED)
    return compiled


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a part that is merged into its callers.

    A call copies its arguments, seven words for every array of a NamedTuple, so parts that run often are not called.
    """
    compiled: Callable[..., Any] = compiled_kernel(function, **_UNWRAPPED, forceinline=True)
    return compiled
