"""A napari window with the widget in it, driven by the mouse, of which pictures are taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from napari import Viewer
from napari.layers import Image
from PIL import Image as Pillow
from qtpy.QtCore import QEventLoop, QPoint, QRect, Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QDialog, QMainWindow, QScrollArea, QWidget

from napari_catsam.plugin.catsam_widget import CatsamWidget
from napari_catsam.plugin.dock.folding import Fold
from napari_catsam.plugin.live.prompt import LivePrompt

if TYPE_CHECKING:
    from napari_catsam.plugin.session import Session

__all__ = ["Place", "Stage"]

WINDOW = (1250, 880)
"""Pixels of the window; what does not fit is scrolled, as on a laptop."""

DOCK_WIDTH = 330

DRAW_MS = 700
"""For napari to draw, and to fade a notification in."""

LONGEST_MS = 400_000
"""After which something that is waited for has gone wrong."""

COLOURS = (100, 64, 48, 36, 24)
"""In each half of a picture's palette; as many as make a small file."""

LARGEST = 160_000
"""Bytes of a picture."""

MARKS = (0xFF, 0xB0, 0x00), (0xC8, 0x8C, 0x0A), (0x3D, 0xDC, 0x84), (0xE5, 0x48, 0x4D)
"""Colours of boxes, on dark ground too, of clicks and of trouble: few pixels, and never another colour."""

GAP, WHITE = 16, 255
"""Pixels between docks that stand side by side, and their value."""

GRAY = 40
"""Difference between red, green and blue up to which a colour is gray."""

ABOVE = 30
"""Pixels above what the dock is scrolled to."""

LEFT = Qt.MouseButton.LeftButton

Place = tuple[float, float]
"""(row, column) of an image."""


class Stage:
    """One viewer with the docked widget.

    Parameters
    ----------
    pictures : Path
        The folder that pictures are written into.
    session : Session, optional
        Of the widget.
    """

    def __init__(self, pictures: Path, session: Session | None = None) -> None:
        self._pictures = pictures
        self.viewer = Viewer()
        self.viewer.window.resize(*WINDOW)
        self.widget = CatsamWidget(self.viewer, session)
        self.dock = self.viewer.window.add_dock_widget(self.widget, name="CAT-SAM")
        self.set_width(DOCK_WIDTH)
        let_pass(DRAW_MS)

    @property
    def main_window(self) -> QMainWindow:
        """The window of the viewer."""
        window = self.widget.window()
        assert isinstance(window, QMainWindow)
        return window

    @property
    def canvas(self) -> QWidget:
        """What gets the mouse."""
        found = self.main_window.findChildren(QWidget)
        return next(child for child in found if type(child).__name__ == "CanvasBackendDesktop")

    def close(self) -> None:
        """Stop the work and close the window."""
        self.widget.shut_down()
        self.viewer.close()

    def set_width(self, pixels: int) -> None:
        """Make the dock so wide."""
        self.main_window.resizeDocks([self.dock], [pixels], Qt.Orientation.Horizontal)

    def open(self, layers: Sequence[tuple[object, dict[str, object], str]]) -> Image:
        """Add the layers of a sample; return its image."""
        added = [getattr(self.viewer, f"add_{kind}")(data, **kw) for data, kw, kind in layers]
        self.viewer.reset_view()
        let_pass(DRAW_MS)
        image = added[0]
        assert isinstance(image, Image)
        self.viewer.layers.selection.active = image
        return image

    # WAITING

    def settle(self) -> None:
        """Wait until the model has answered and the window shows it."""
        let_pass(100)
        wait_until(lambda: not self.widget.queue.busy)
        let_pass(200)

    # THE USER

    def dismiss(self) -> None:
        """Close the notifications; by themselves they only go in a window that has the focus."""
        for dialog in self.main_window.findChildren(QDialog):
            if type(dialog).__name__ == "NapariQtNotification":
                dialog.close()

    def annotate(self) -> None:
        """Press Annotate."""
        self.widget.live_view.annotate.click()
        let_pass(200)

    def give(self, *prompts: LivePrompt) -> None:
        """Give prompts to the object in progress and wait for its mask."""
        for prompt in prompts:
            self.widget.commands.live.give(prompt)
            self.settle()

    def accept(self, *boxes: npt.ArrayLike) -> None:
        """Accept the mask of each box ``(r0, c0, r1, c1)``."""
        for box in boxes:
            self.give(LivePrompt(tuple(map(float, np.asarray(box)))))
            self.widget.live_view.accept.click()
            let_pass(100)

    def drag(self, image: Image, path: Sequence[Place]) -> None:
        """Press at the first place of an image, move along the others, and do not let go."""
        places = self._find_places(image, path)
        QTest.mousePress(self.canvas, LEFT, pos=places[0])
        self._move(places[1:])

    def click(self, image: Image, path: Sequence[Place]) -> None:
        """Click each place of an image but the last one, where the mouse stays."""
        *places, last = self._find_places(image, path)
        for place in places:
            self._move([place])
            QTest.mouseClick(self.canvas, LEFT, pos=place)
            let_pass(60)
        self._move([last])

    def let_go(self, image: Image, at: Place) -> None:
        """Release the mouse at a place of an image."""
        QTest.mouseRelease(self.canvas, LEFT, pos=self._find_places(image, [at])[0])

    def _move(self, places: Sequence[QPoint]) -> None:
        for place in places:
            QTest.mouseMove(self.canvas, place)
            let_pass(30)

    def _find_places(self, image: Image, path: Sequence[Place]) -> list[QPoint]:
        """Return where places of an image are on the canvas."""
        hidden = self.viewer.dims.point[: image.ndim - 2]
        camera, size = self.viewer.scene.camera, self.canvas.size()
        middle = np.array([size.height(), size.width()]) / 2
        points = []
        for place in path:
            world = np.array(image.data_to_world((*([0] * len(hidden)), *place)))[-2:]
            row, column = (world - camera.center[-2:]) * camera.zoom + middle
            points.append(QPoint(round(column), round(row)))
        return points

    # PICTURES

    def show(self, widget: QWidget) -> None:
        """Scroll the dock so that a part of it is at the top."""
        parent = widget.parentWidget()
        while parent is not None and not isinstance(parent, QScrollArea):
            parent = parent.parentWidget()
        if parent is not None:
            bar = parent.verticalScrollBar()
            assert bar is not None
            bar.setValue(widget.mapTo(parent.widget(), QPoint(0, 0)).y() - ABOVE)
        let_pass(200)

    def unfold(self, widget: QWidget) -> None:
        """Unfold what a widget consists of, but not what is folded in that."""
        first = widget.findChild(Fold)
        assert first is not None
        first.unfold()
        let_pass(200)

    def shoot(self, name: str) -> None:
        """Take a picture of the window."""
        let_pass(DRAW_MS)
        picture = self.viewer.screenshot(canvas_only=False, flash=False)
        self._save(np.asarray(picture)[..., :3], name)

    def shoot_docks(self, name: str, tops: Sequence[QWidget]) -> None:
        """Take pictures of the widget alone, scrolled to each of its parts, side by side."""
        docks = []
        for top in tops:
            self.show(top)
            let_pass(DRAW_MS)
            window = np.asarray(self.viewer.screenshot(canvas_only=False, flash=False))
            box = QRect(self.widget.mapTo(self.main_window, QPoint(0, 0)), self.widget.size())
            dock = window[box.top() : box.bottom(), box.left() : box.right(), :3]
            docks.append(np.pad(dock, ((0, 0), (0, GAP), (0, 0)), constant_values=WHITE))
        self._save(np.concatenate(docks, axis=1)[:, :-GAP], name)

    def _save(self, picture: npt.NDArray[np.uint8], name: str) -> None:
        image = Pillow.fromarray(np.ascontiguousarray(picture))
        path = self._pictures / f"{name}.png"
        for colours in COLOURS:
            palette = make_palette(picture, colours)
            image.quantize(palette=palette, dither=Pillow.Dither.NONE).save(path, optimize=True)
            if path.stat().st_size < LARGEST:
                return


def make_palette(picture: npt.NDArray[np.uint8], colours: int) -> Pillow.Image:
    """Choose the colours of a picture (H, W, 3), so that small bright marks keep theirs.

    Half of them are chosen by how many pixels they have, the others by the colours alone.
    """
    kinds = np.unique((picture >> 3).reshape(-1, 3), axis=0) << 3
    coloured = kinds[np.ptp(kinds, axis=1) > GRAY][None]
    sources = [picture] + [coloured] * bool(coloured.size)
    halves = [
        Pillow.fromarray(np.ascontiguousarray(part)).quantize(colours, Pillow.Quantize.MEDIANCUT)
        for part in sources
    ]
    values = [value for half in halves for value in (half.getpalette() or [])[: 3 * colours]]
    values += [value for mark in MARKS for value in mark]
    palette = Pillow.new("P", (1, 1))
    palette.putpalette(values + [value for value in range(0, 256, 17) for _ in range(3)])
    return palette


def let_pass(milliseconds: int) -> None:
    """Let the window draw and answers arrive."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def wait_until(done: Callable[[], bool], longest_ms: int = LONGEST_MS) -> None:
    """Let the window run until something is so.

    Raises
    ------
    TimeoutError
        If it takes too long.
    """
    for _ in range(longest_ms // 50):
        if done():
            return
        let_pass(50)
    raise TimeoutError("what the picture waits for did not come")
