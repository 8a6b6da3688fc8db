"""From a prompt on the canvas to its mask on the screen: ``python -m benchmarks.prompt_to_preview``.

Clicks and drags are real mouse events on the canvas of a real napari window, over an image that is
embedded already. Taken alternately with the bare ``Predictor.predict`` on the same embedding and
prompt. A time begins with the release of the mouse button, which makes a click or a drag a prompt, and
ends when the first picture of the canvas that has the mask is on the screen. What the window draws
before that is not in it, as the hand takes longer: what came of the press (vispy draws the canvas
after each), the box while it is dragged, and the object before. Needs a display;
``tools/with_display.sh`` makes one.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from benchmarks.encoder import describe_machine
from benchmarks.window import Window, now_ms, open_window
from napari_catsam.models.loading import load_model
from napari_catsam.plugin.layers.planes import locate_plane
from napari_catsam.prediction.predictor import Predictor

if TYPE_CHECKING:
    from napari_catsam.types import Embedding, Prompts

SIDES = (512, 2048)
FACTOR, OVERHEAD_MS = 1.5, 30
"""What the preview may take: so many times the bare prediction, plus so many milliseconds."""


@dataclass
class Times:
    """Milliseconds of each prompt."""

    bare: list[float] = field(default_factory=list)
    preview: list[float] = field(default_factory=list)

    def row(self, name: str) -> str:
        """Describe their medians in a row of a table."""
        bare, preview = statistics.median(self.bare), statistics.median(self.preview)
        ratio = statistics.median(p / b for p, b in zip(self.preview, self.bare, strict=True))
        limit = FACTOR * bare + OVERHEAD_MS
        within = "yes" if preview <= limit else "no"
        return f"| {name} | {bare:.0f} | {preview:.0f} | {ratio:.1f} | {limit:.0f} | {within} |"


def make_image(side: int) -> np.ndarray:
    """Bright discs on noise, gray."""
    rows, columns = np.mgrid[:side, :side]
    step = side / 8
    from_middle = np.hypot(rows % step - step / 2, columns % step - step / 2)
    noise = np.random.default_rng(0).normal(60, 15, (side, side))
    return (noise + 120 * (from_middle < step / 3)).clip(0, 255).astype(np.uint8)


def list_discs(side: int, count: int) -> list[tuple[float, float]]:
    """Middles of ``count`` discs, over and over again."""
    step = side / 8
    middles = [((1.5 + i) * step, (1.5 + j) * step) for i in range(6) for j in range(6)]
    return [middles[7 * i % len(middles)] for i in range(count)]


def click(window: Window, at: tuple[float, float], reach: float) -> tuple[float, float]:
    """Press the button in the middle of a disc; return where to release it."""
    window.move(at)
    window.press(at)
    return at


def drag(window: Window, at: tuple[float, float], reach: float) -> tuple[float, float]:
    """Drag a box around a disc; return where to release the button."""
    first, last = (at[0] - reach, at[1] - reach), (at[0] + reach, at[1] + reach)
    window.move(first)
    window.press(first)
    for place in (at, last):
        window.settle()
        window.move(place, pressed=True)
    return last


GESTURES: dict[str, Callable[[Window, tuple[float, float], float], tuple[float, float]]] = {
    "click": click,
    "box": drag,
}


def time_gesture(
    window: Window, embedding: Embedding, gesture: str, side: int, repeats: int
) -> Times:
    """Time a gesture and the bare prediction of what it asks, alternately."""
    times, session = Times(), window.widget.session
    predictor: Predictor = session.library.predictor(None)
    for number, at in enumerate(list_discs(side, repeats + 1)):
        window.settle()
        end = GESTURES[gesture](window, at, side / 20)
        window.settle()
        start = now_ms()
        window.release(end)
        window.wait_shown(lambda: session.live is not None and session.live.answered)
        preview = now_ms() - start
        window.settle()
        prompts: Prompts = session.live.to_prompts()
        start = now_ms()
        predictor.predict(embedding, prompts)
        bare = now_ms() - start
        window.widget.commands.live.clear()
        if number:  # the first one warms up
            times.bare.append(bare)
            times.preview.append(preview)
    return times


def measure(side: int, repeats: int) -> list[str]:
    """Measure both gestures on an image, and return rows of a table."""
    predictor = Predictor(load_model("vit_nano", device="cpu"))
    window = open_window(make_image(side), predictor)
    plane = locate_plane(window.viewer, window.viewer.layers["image"])
    embedding = predictor.embed(plane.read(), plane.intensity)
    rows = [
        time_gesture(window, embedding, gesture, side, repeats).row(f"{gesture}, {side} x {side}")
        for gesture in GESTURES
    ]
    window.close()
    return rows


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--sides", type=int, nargs="+", default=SIDES)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"{describe_machine()}; vit_nano, median of {options.repeats}\n")
    limit = f"{FACTOR} x bare + {OVERHEAD_MS} ms"
    print(f"| prompt | bare, ms | preview, ms | preview / bare | {limit} | preview within it |")
    print("|---|---|---|---|---|---|")
    for side in options.sides:
        print("\n".join(measure(side, options.repeats)), flush=True)


if __name__ == "__main__":
    main()
