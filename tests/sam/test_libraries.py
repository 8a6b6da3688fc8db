"""torchvision's triton beside the LLVM of a graphics driver."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

DRIVER_LLVM = sorted(Path("/usr/lib").glob("*/libLLVM*.so*")) if sys.platform == "linux" else []


@pytest.mark.skipif(not DRIVER_LLVM, reason="no graphics driver with LLVM on this computer")
@pytest.mark.skipif(find_spec("triton") is None, reason="this torch comes without triton")
def test_the_model_loads_after_a_graphics_driver_has_loaded_llvm() -> None:
    code = (
        "import ctypes, sys; ctypes.CDLL(sys.argv[1], ctypes.RTLD_GLOBAL); "
        "import napari_catsam.sam.backbones"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(DRIVER_LLVM[-1])],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
