"""The demo: boxes to masks, adaptation on one corrected mask, masks again, in the real widget.

The picture is ``skimage.data.coins``. What masks are compared with was not drawn by hand: it is a
threshold on edges and a watershed, which finds these coins well (see :func:`find_coins`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from napari import Viewer
from napari.layers import Labels
from qtpy.QtCore import QEventLoop, QTimer

from napari_catsam.errors import CatsamError
from napari_catsam.geometry import boxes_from_masks
from napari_catsam.plugin.catsam_widget import CatsamWidget
from napari_catsam.plugin.layers import add_shapes
from napari_catsam.plugin.session import Session, Variant

__all__ = ["CoinScore", "DemoResult", "find_coins", "run_demo"]

IntArray = npt.NDArray[np.int32]

DARK, BRIGHT, LEAST_AREA = 30, 150, 400
"""Gray values that are surely background and surely coin, and the smallest coin in pixels."""

SLACK = 3
"""Boxes are drawn up to so many pixels beside the coin, as by hand."""

WINDOW = (1360, 860)
SETTLE_MS = 400
"""How long the canvas gets to draw before a screenshot."""


@dataclass(frozen=True)
class CoinScore:
    """One coin: its number, whether it was trained on, and its IoU with the reference."""

    coin: int
    trained_on: bool
    before: float
    after: float


@dataclass(frozen=True)
class DemoResult:
    """What the demo measured.

    Attributes
    ----------
    model : str
        The backbone.
    scores : tuple of CoinScore
        One a coin.
    steps : int
        Training steps.
    seconds : float
        Training time.
    in_use : str
        Which model the widget chose after the adaptation.
    files : tuple of str
        What was written.
    """

    model: str
    scores: tuple[CoinScore, ...]
    steps: int
    seconds: float
    in_use: str
    files: tuple[str, ...]

    def mean(self, when: str) -> float:
        """Mean IoU ``before`` or ``after`` of the coins that were not trained on."""
        return float(np.mean([getattr(s, when) for s in self.scores if not s.trained_on]))


class WindowClosedError(CatsamError):
    """The user closed the window before the demo was over."""


def find_coins(image: npt.NDArray[np.uint8]) -> IntArray:
    """Find the coins by edges, a threshold and a watershed: the reference of the demo.

    Parameters
    ----------
    image : ndarray, (H, W), uint8
        ``skimage.data.coins()``.

    Returns
    -------
    ndarray, (H, W), int32
        1..N in reading order; coins cut off by the border are left out.
    """
    from scipy.ndimage import binary_fill_holes
    from skimage.filters import sobel
    from skimage.measure import label, regionprops
    from skimage.morphology import disk, opening
    from skimage.segmentation import clear_border, watershed

    markers = np.zeros(image.shape, np.int32)
    markers[image < DARK], markers[image > BRIGHT] = 1, 2
    filled = binary_fill_holes(watershed(sobel(image), markers) == 2)
    regions = regionprops(label(clear_border(opening(filled, disk(3)))))
    coins = np.zeros(image.shape, np.int32)
    large = [region for region in regions if region.area >= LEAST_AREA]
    for number, region in enumerate(sorted(large, key=lambda r: r.bbox), start=1):
        coins[tuple(region.coords.T)] = number
    return coins


def draw_boxes(coins: IntArray, seed: int = 0) -> npt.NDArray[np.float64]:
    """Return boxes (N, 4) around the coins, each side a little off, as by hand."""
    masks = coins == np.arange(1, coins.max() + 1)[:, None, None]
    off = np.random.default_rng(seed).uniform(0, SLACK, (len(masks), 4))
    boxes = boxes_from_masks(masks) + off * [-1, -1, 1, 1]
    return np.clip(boxes, 0, [*coins.shape, *coins.shape])


def score_labels(reference: IntArray, found: npt.NDArray[Any]) -> list[float]:
    """Return the IoU of each reference object with the label that overlaps it most."""
    scores = []
    for number in range(1, int(reference.max()) + 1):
        coin = reference == number
        overlaps = np.bincount(found[coin], minlength=1)
        overlaps[0] = 0
        best = found == overlaps.argmax() if overlaps.any() else np.zeros_like(coin)
        scores.append(float((coin & best).sum() / (coin | best).sum()))
    return scores


class Demo:
    """One run of the demo in one viewer, through the widget that users have.

    Parameters
    ----------
    out : Path or None
        Folder for screenshots and scores; nothing is written when left out.
    model : str
        The backbone.
    budget : float
        Seconds of training.
    say : callable
        Told in one line what happens.
    """

    def __init__(
        self, out: Path | None, model: str, budget: float, say: Callable[[str], None]
    ) -> None:
        from skimage.data import coins

        self._out, self._say = out, say
        self._files: list[str] = []
        self.viewer = Viewer(title="CAT-SAM demo", show=True)
        self.viewer.window.resize(*WINDOW)
        self.image = self.viewer.add_image(coins(), name="coins")
        self.reference = find_coins(self.image.data)
        self.widget = CatsamWidget(self.viewer, Session(backbone=model, budget=budget))
        self.viewer.window.add_dock_widget(self.widget, name="CAT-SAM", area="right")

    def run(self) -> DemoResult:
        """Draw, segment, correct, adapt, segment again, compare.

        Raises
        ------
        CatsamError
            If a step fails, or the window is closed before the end.
        """
        session = self.widget.session
        boxes = add_shapes(self.viewer, self.image)
        boxes.add_rectangles([_corners(box - 0.5) for box in draw_boxes(self.reference)])
        boxes.mode = "pan_zoom"
        self._settle()
        self.viewer.fit_to_view()
        self._shoot("01_boxes.png")
        self._say(f"{self.reference.max()} boxes drawn; segmenting with {session.backbone}")
        before = self._segment("coins before")
        scores = score_labels(self.reference, before.data)
        chosen = choose_shot(scores)
        self._shoot("02_before.png")
        self._say(f"correcting the mask of coin {chosen + 1} and adapting to it alone")
        corrected = self._correct(chosen)
        self._adapt(corrected)
        choice = session.variant
        session.variant = Variant.ADAPTED
        self._say("segmenting again with the adapted model")
        before.visible = False
        after = self._segment("coins after")
        self._shoot("03_after.png")
        result = self._result(scores, score_labels(self.reference, after.data), chosen, choice)
        self._compare(before, after, result)
        return self._write(result)

    def _segment(self, name: str) -> Labels:
        widget = self.widget
        widget.segment_view.target.show_value(None)
        widget.segment()
        self._wait()
        labels = widget.segment_view.target.value
        if not isinstance(labels, Labels):
            raise CatsamError(widget.session.note)
        labels.name, labels.opacity = name, 0.5
        self._settle()
        return labels

    def _correct(self, chosen: int) -> Labels:
        """Add labels with the one mask that is trained on."""
        mask = np.where(self.reference == chosen + 1, 1, 0).astype(np.int32)
        labels = self.viewer.add_labels(mask, name="corrected mask", visible=False)
        self.widget.adapt_view.masks.show_value(labels)
        return labels

    def _adapt(self, corrected: Labels) -> None:
        self.widget.commands.adapt(self.image, corrected)
        self._wait()
        if self.widget.session.adapter is None:
            raise CatsamError(self.widget.session.note)

    def _result(
        self, before: list[float], after: list[float], chosen: int, choice: Variant
    ) -> DemoResult:
        header = self.widget.session.adapter.header
        scores = tuple(
            CoinScore(number + 1, number == chosen, round(old, 4), round(new, 4))
            for number, (old, new) in enumerate(zip(before, after, strict=True))
        )
        return DemoResult(
            self.widget.session.backbone, scores, header.steps, round(header.seconds, 1), choice, ()
        )

    def _compare(self, before: Labels, after: Labels, result: DemoResult) -> None:
        """Write both results side by side, with the reference as a line, and show the better one."""
        line = self.viewer.add_labels(
            (self.reference > 0).astype(np.int32), name="reference", opacity=1.0
        )
        line.contour = 1
        line.colormap = {None: "transparent", 0: "transparent", 1: "white"}
        self.viewer.layers["boxes"].visible = False
        pictures = []
        for when, labels in (("before", before), ("after", after)):
            before.visible, after.visible = labels is before, labels is after
            self._settle()
            picture = self.viewer.screenshot(canvas_only=True, flash=False)[..., :3]
            title = f"{when} adaptation: mean IoU {result.mean(when):.3f} on the other coins"
            pictures.append(_with_title(picture, title))
        self._save_picture("comparison.png", np.concatenate(pictures, axis=1))
        line.visible = False
        self.viewer.layers["boxes"].visible = True

    def _write(self, result: DemoResult) -> DemoResult:
        if self._out is None:
            return result
        path = self._out / "scores.json"
        result = DemoResult(**(vars(result) | {"files": (*self._files, path.name)}))
        content = asdict(result) | {
            "mean_before": round(result.mean("before"), 4),
            "mean_after": round(result.mean("after"), 4),
            "reference": "edges, a threshold and a watershed; not drawn by hand",
            "means_are_of": "the coins that were not trained on",
        }
        path.write_text(json.dumps(content, indent=2) + "\n")
        return result

    def _shoot(self, name: str) -> None:
        if self._out is not None:
            self._settle()
            self._save_picture(name, self.viewer.screenshot(canvas_only=False, flash=False))

    def _save_picture(self, name: str, picture: npt.NDArray[np.uint8]) -> None:
        if self._out is not None:
            from PIL import Image

            Image.fromarray(np.ascontiguousarray(picture[..., :3])).save(self._out / name)
            self._files.append(name)

    def _wait(self) -> None:
        """Run the window until the queue is idle."""
        self._run_window_until(lambda: not self.widget.queue.busy)

    def _settle(self) -> None:
        loop = QEventLoop()
        QTimer.singleShot(SETTLE_MS, loop.quit)
        loop.exec()

    def _run_window_until(self, done: Callable[[], bool]) -> None:
        loop, timer = QEventLoop(), QTimer()
        queue = self.widget.queue
        timer.timeout.connect(lambda: loop.quit() if done() or queue.closed else None)
        timer.start(20)
        loop.exec()
        timer.stop()
        if queue.closed:
            raise WindowClosedError("the window was closed before the demo was over")


def choose_shot(scores: list[float]) -> int:
    """Choose the coin that a user would correct: the worst one."""
    return int(np.argmin(scores))


def _corners(box: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    r0, c0, r1, c1 = box
    return np.array([[r0, c0], [r0, c1], [r1, c1], [r1, c0]])


def _with_title(picture: npt.NDArray[np.uint8], title: str) -> npt.NDArray[np.uint8]:
    from PIL import Image, ImageDraw, ImageFont

    image = Image.fromarray(np.pad(picture, ((40, 0), (0, 8), (0, 0))))
    font = ImageFont.load_default(20)
    ImageDraw.Draw(image).text((12, 8), title, fill="white", font=font)
    return np.asarray(image)


def run_demo(
    out: Path | None,
    *,
    model: str = "vit_nano",
    budget: float = 40.0,
    keep_open: bool = False,
    say: Callable[[str], None] = lambda text: None,
    show: Callable[[DemoResult], None] = lambda result: None,
) -> DemoResult:
    """Run the demo.

    Parameters
    ----------
    out : Path or None
        Folder for screenshots and ``scores.json``, made if it is not there.
    model : str
        The backbone.
    budget : float
        Seconds of training.
    keep_open : bool
        Leave the viewer open until the user closes it.
    say : callable
        Told in one line what happens.
    show : callable
        Given the result, before the viewer is left open.

    Returns
    -------
    DemoResult

    Raises
    ------
    CatsamError
        If a step fails.
    """
    import napari

    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    demo = Demo(out, model, budget, say)
    try:
        result = demo.run()
        show(result)
        if keep_open:
            napari.run()
    finally:
        if not keep_open:
            demo.widget.shut_down()
            demo.viewer.close()
    return result
