"""From a prompt on the canvas to its mask on the screen: ``python -m benchmarks.prompt_to_preview``.

Clicks and drags are real mouse events on the canvas of a real napari window, over an image that is
embedded already. Taken alternately with the bare ``Predictor.predict`` on the same embedding and
prompt. "preview" ends when the layers hold the mask, "painted" when the next picture of the canvas
is on the screen. Needs a display; ``tools/with_display.sh`` makes one.
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
    painted: list[float] = field(default_factory=list)

    def row(self, name: str) -> str:
        """Describe their medians in a row of a table."""
        bare, preview, painted = map(statistics.median, (self.bare, self.preview, self.painted))
        limit = FACTOR * bare + OVERHEAD_MS
        return (
            f"| {name} | {bare:.0f} | {preview:.0f} | {painted:.0f} | {limit:.0f} | "
            f"{'yes' if preview <= limit else 'no'} |"
        )


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


def click(window: Window, at: tuple[float, float], reach: float) -> None:
    """Click the middle of a disc."""
    window.press(at)
    window.release(at)


def drag(window: Window, at: tuple[float, float], reach: float) -> None:
    """Drag a box around a disc."""
    first, last = (at[0] - reach, at[1] - reach), (at[0] + reach, at[1] + reach)
    window.press(first)
    window.move(at, pressed=True)
    window.move(last, pressed=True)
    window.release(last)


GESTURES: dict[str, Callable[[Window, tuple[float, float], float], None]] = {
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
        window.move(at)
        window.wait_painted()
        start = now_ms()
        GESTURES[gesture](window, at, side / 20)
        window.wait(lambda: session.live is not None and session.live.answered)
        preview = now_ms() - start
        window.wait_painted()
        painted = now_ms() - start
        window.wait_idle()
        prompts: Prompts = session.live.to_prompts()
        start = now_ms()
        predictor.predict(embedding, prompts)
        bare = now_ms() - start
        window.widget.commands.live.clear()
        if number:  # the first one warms up
            times.bare.append(bare)
            times.preview.append(preview)
            times.painted.append(painted)
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
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"{describe_machine()}; vit_nano, median of {options.repeats}\n")
    limit = f"{FACTOR} x bare + {OVERHEAD_MS} ms"
    print(f"| prompt | bare, ms | preview, ms | painted, ms | {limit} | preview within it |")
    print("|---|---|---|---|---|---|")
    for side in SIDES:
        print("\n".join(measure(side, options.repeats)), flush=True)


if __name__ == "__main__":
    main()
