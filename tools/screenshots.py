"""Make the picture of the documentation from the real widget: ``python tools/screenshots.py``.

Needs a display; ``tools/with_display.sh`` makes one. It shows what the demo does, with the
weights that are installed.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from napari_catsam.plugin.demo import run_demo

IMAGES = Path(__file__).parent.parent / "docs" / "images"


def main(budget: float = 40.0) -> None:
    """Run the demo and copy the picture of its better half."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        result = run_demo(Path(folder), budget=budget, say=print)
        better = result.mean("after") > result.mean("before")
        picture = "03_after.png" if better else "02_before.png"
        shutil.copyfile(Path(folder) / picture, IMAGES / "widget.png")
    print(f"IoU before {result.mean('before'):.3f}, after {result.mean('after'):.3f}")


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
