"""Keeps two copies of LLVM apart: that of a graphics driver and that of triton."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path


def load_triton_apart() -> None:
    """Load triton so that its LLVM calls itself, where a graphics driver has brought another LLVM.

    A Mesa driver, once a window with OpenGL is open, puts LLVM's symbols into the global table.
    triton, which torchvision imports through torch, has an LLVM of its own that would then be bound
    to the driver's, and Python dies with a segmentation fault. ``RTLD_DEEPBIND`` lets it find its
    own first. Where no LLVM is loaded, and where triton is not installed, this does nothing.
    """
    if "triton" in sys.modules or not _llvm_is_loaded() or find_spec("triton") is None:
        return
    flags = sys.getdlopenflags()
    sys.setdlopenflags(flags | os.RTLD_DEEPBIND)
    try:
        with suppress(ImportError):  # a broken triton is torch's to report
            import_module("triton")
    finally:
        sys.setdlopenflags(flags)


def _llvm_is_loaded() -> bool:
    """Look for an LLVM library among the files that Linux has mapped into this process."""
    mapped = Path("/proc/self/maps")
    return sys.platform == "linux" and mapped.exists() and "libLLVM" in mapped.read_text()
