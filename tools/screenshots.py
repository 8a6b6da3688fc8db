"""Make the pictures of the documentation from the real widget: ``python tools/screenshots.py``.

Needs a display; ``tools/with_display.sh`` makes one. With names, such as ``refine light``, only
the pictures of these states are made; ``--list`` says which there are. Nothing of the user is
touched: settings and saved work are in a folder that is removed at the end.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PICTURES = Path(__file__).parent.parent / "docs" / "images"


def main(names: list[str]) -> None:
    """Make the pictures of some states, all of them without names."""
    with tempfile.TemporaryDirectory() as folder:
        # napari reads the place of its settings when it is imported.
        os.environ["NAPARI_CONFIG"] = str(Path(folder) / "settings.yaml")
        os.environ["XDG_CACHE_HOME"] = folder
        from screenshot_scenes import SCENES

        if names == ["--list"]:
            print(*SCENES, sep="\n")
            return
        for name in names or SCENES:
            os.environ["NAPARI_CATSAM_PROJECTS"] = str(Path(folder) / name)
            random.seed(0)  # of napari's tips in an empty window
            started = time.monotonic()
            play(name)
            print(f"{name}: {time.monotonic() - started:.0f} s", flush=True)


def play(name: str) -> None:
    """Make the pictures of one state, in windows that are closed afterwards."""
    from screenshot_scenes import SCENES
    from screenshot_stage import Stage

    stages: list[Stage] = []

    def make(session: Any = None) -> Stage:
        stages.append(Stage(PICTURES, session))
        return stages[-1]

    try:
        SCENES[name](make)
    finally:
        for stage in stages:
            stage.close()


if __name__ == "__main__":
    main(sys.argv[1:])
