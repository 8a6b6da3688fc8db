"""The demo: boxes to masks, adaptation on one corrected mask, masks again, in the real widget.

What masks are compared with was not drawn by hand; see :mod:`napari_catsam.plugin.demo.coins`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import napari
import numpy as np
import numpy.typing as npt
from napari import Viewer
from napari.layers import Labels
from qtpy.QtCore import QEventLoop, QTimer

from napari_catsam.errors import CatsamError
from napari_catsam.plugin.catsam_widget import CatsamWidget
from napari_catsam.plugin.demo.coins import (
    choose_shot,
    crop_background,
    draw_boxes,
    find_coins,
    score_labels,
)
from napari_catsam.plugin.demo.result import CoinScore, DemoResult
from napari_catsam.plugin.layers.new_layers import add_shapes
from napari_catsam.plugin.session import Session, Variant

__all__ = ["Demo", "run_demo"]

WINDOW = (1360, 860)
SCORES = "scores.json"

SETTLE_MS = 300
"""How long the canvas gets to draw before a screenshot."""


class WindowClosedError(CatsamError):
    """The user closed the window before the demo was over."""


class Demo:
    """One run of the demo in one viewer, through the widget that users have.

    Parameters
    ----------
    viewer : Viewer
        With its window shown, and no layers.
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
        self,
        viewer: Viewer,
        out: Path | None = None,
        *,
        model: str = "vit_nano",
        budget: float = 40.0,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        from skimage.data import coins

        self._out, self._say = out, say
        self._files: list[str] = []
        self.viewer = viewer
        self.viewer.window.resize(*WINDOW)
        self.image = self.viewer.add_image(coins(), name="coins")
        self.reference = find_coins(self.image.data)
        self.widget = CatsamWidget(self.viewer, Session(backbone=model, budget=budget))
        self.widget.autosave.close()  # nobody's work
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
        session.variant = choice
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
        self.widget.commands.training.adapt(self.image, corrected)
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
            picture = crop_background(picture)
            title = f"{when} adaptation: mean IoU {result.mean(when):.3f} on the other coins"
            pictures.append(_with_title(picture, title))
        self._save_picture("comparison.png", np.concatenate(pictures, axis=1))
        line.visible = False
        better = after if result.mean("after") > result.mean("before") else before
        before.visible, after.visible = better is before, better is after
        self.viewer.layers["boxes"].visible = True

    def _write(self, result: DemoResult) -> DemoResult:
        if self._out is None:
            return result
        result = replace(result, files=(*self._files, SCORES))
        (self._out / SCORES).write_text(result.to_json())
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
        self._check_open()

    def _run_window_until(self, done: Callable[[], bool]) -> None:
        loop, timer = QEventLoop(), QTimer()
        queue = self.widget.queue
        timer.timeout.connect(lambda: loop.quit() if done() or queue.closed else None)
        timer.start(20)
        loop.exec()
        timer.stop()
        self._check_open()

    def _check_open(self) -> None:
        if self.widget.queue.closed:
            raise WindowClosedError("the window was closed before the demo was over")


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
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    viewer = Viewer(title="CAT-SAM demo", show=True)
    demo = Demo(viewer, out, model=model, budget=budget, say=say)
    try:
        result = demo.run()
        show(result)
        if keep_open:
            napari.run()
    finally:
        if not keep_open:
            demo.widget.shut_down()
            viewer.close()
    return result
