"""Whether the window stays alive while an image is encoded: ``python -m benchmarks.gui_latency``.

A timer of 10 ms runs in the GUI thread of a real napari window; what it is late by is what a user
feels. The gaps between its ticks are recorded while nothing runs, while the widget encodes a plane
in the background, and while the same plane is encoded in the GUI thread, which is how most plugins
of this kind do it. Each is measured with the window left alone and while a user moves the mouse
over the image and pans. The encoder is a real one, of vit_b's width, with as many blocks as take
about three seconds. Needs a display; ``tools/with_display.sh`` makes one.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from qtpy.QtCore import QEventLoop, Qt, QTimer

from benchmarks.encoder import describe_machine
from benchmarks.window import Window, now_ms, open_window
from napari_catsam.models.catsam import CatSam
from napari_catsam.plugin.layers.planes import locate_plane
from napari_catsam.plugin.live.prompt import LivePrompt
from napari_catsam.prediction.predictor import Predictor
from napari_catsam.sam.backbones import BACKBONES, get_backbone, seeded_sam

SIDE, TICK_MS, USER_MS, LIMIT_MS = 1024, 10, 20, 60
"""Pixels of the image; the timer that is watched; how often the user moves; what p95 may be."""


@dataclass
class Gaps:
    """Gaps between the ticks of a timer in the GUI thread, milliseconds."""

    values: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def row(self, name: str) -> str:
        """Describe them in a row of a table."""
        p50, p95 = np.percentile(self.values, [50, 95])
        times = f"{np.median(self.seconds):.1f}" if self.seconds else "-"
        return (
            f"| {name} | {times} | {len(self.values)} | {p50:.0f} | {p95:.0f} | "
            f"{max(self.values):.0f} |"
        )


class Watch:
    """A timer of 10 ms, and a user beside it."""

    def __init__(self, window: Window, *, moving: bool) -> None:
        self._window, self._step = window, 0
        self._gaps: list[float] = []
        self._last = 0.0
        self._tick = _make_timer(TICK_MS, self._on_tick)
        self._user = _make_timer(USER_MS, self._on_user) if moving else None

    def during(self, work: Callable[[], None], gaps: Gaps) -> None:
        """Record the gaps while something runs, and how long it took."""
        for timer in filter(None, (self._tick, self._user)):
            timer.start()
        start = self._last = now_ms()
        self._gaps = gaps.values
        work()
        self._on_tick()  # the gap that is open, which is all there is where the window was blocked
        for timer in filter(None, (self._tick, self._user)):
            timer.stop()
        gaps.seconds.append((now_ms() - start) / 1000)

    def _on_tick(self) -> None:
        now = now_ms()
        self._gaps.append(now - self._last)
        self._last = now

    def _on_user(self) -> None:
        """Move the mouse in a circle, and pan with every other move."""
        self._step += 1
        angle = self._step / 10
        middle = SIDE / 2 + SIDE / 8 * np.array([np.sin(angle), np.cos(angle)])
        self._window.move((float(middle[0]), float(middle[1])))
        if self._step % 2:
            self._window.viewer.scene.camera.center = (0.0, *middle)


def _make_timer(ms: int, slot: Callable[[], None]) -> QTimer:
    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.setInterval(ms)
    timer.timeout.connect(slot)
    return timer


def make_predictor(backbone: str, blocks: int) -> Predictor:
    """A predictor with random weights; with ``blocks`` only so many of the encoder's are built."""
    row = get_backbone(backbone)
    if blocks:
        some = tuple(index for index in row.global_blocks if index < blocks)
        name = f"{backbone} ({blocks} of {row.depth} blocks)"
        row = BACKBONES[name] = replace(row, name=name, depth=blocks, global_blocks=some)
    return Predictor(CatSam(row, seeded_sam(row.name)))


def pause(seconds: float) -> None:
    """Handle events for a while."""
    loop = QEventLoop()
    QTimer.singleShot(round(1000 * seconds), loop.quit)
    loop.exec()


def encode_in_background(window: Window, plane: int) -> None:
    """Click an object on a plane that is not embedded, as the user does, and wait for its mask."""
    window.viewer.dims.set_current_step(0, plane)
    window.widget.commands.live.give(LivePrompt((SIDE / 3, SIDE / 3)))
    window.wait_idle()


def encode_in_front(window: Window, plane: int, predictor: Predictor) -> None:
    """Encode a plane in the GUI thread."""
    window.viewer.dims.set_current_step(0, plane)
    shown = locate_plane(window.viewer, window.viewer.layers["image"])
    predictor.embed(shown.read(), shown.intensity)
    pause(0)


def measure(predictor: Predictor, repeats: int) -> list[str]:
    """Measure all in one window, alternately, and return the rows of a table."""
    planes = np.random.default_rng(0).integers(0, 4096, (2 * repeats + 1, SIDE, SIDE), np.uint16)
    window = open_window(planes, predictor)
    encode_in_background(window, 0)  # torch starts its threads at the first encode
    found: dict[str, Gaps] = {}
    for repeat in range(repeats):
        for moving in (False, True):
            plane = 1 + 2 * repeat + moving
            works: dict[str, Callable[[], None]] = {
                "background": lambda plane=plane: encode_in_background(window, plane),
                "GUI thread": lambda plane=plane: encode_in_front(window, plane, predictor),
                "no encode": lambda: pause(2),
            }
            for name, work in works.items():
                row = f"{name}, {'mouse and pan' if moving else 'window left alone'}"
                Watch(window, moving=moving).during(work, found.setdefault(row, Gaps()))
    window.close()
    late = [n for n, g in found.items() if n.startswith("b") and _p95(g) >= LIMIT_MS]
    rows = [found[name].row(name) for name in sorted(found)]
    return [*rows, "", f"over {LIMIT_MS} ms: {', '.join(late) or 'none'}"]


def _p95(gaps: Gaps) -> float:
    return float(np.percentile(gaps.values, 95))


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="vit_b")
    parser.add_argument("--blocks", type=int, default=4, help="of the encoder; 0 for all")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    predictor = make_predictor(options.backbone, options.blocks)
    print(f"{describe_machine()}; {predictor.model.backbone.name}, {SIDE} x {SIDE} pixels\n")
    print("| encode in the | seconds | gaps | p50, ms | p95, ms | longest, ms |")
    print("|---|---|---|---|---|---|")
    print("\n".join(measure(predictor, options.repeats)))


if __name__ == "__main__":
    main()
