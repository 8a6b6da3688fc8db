"""A real napari window with the widget in it, and hands for its canvas."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari import Viewer
from qtpy.QtCore import QEvent, QEventLoop, QPoint, QPointF, Qt, QTimer
from qtpy.QtGui import QMouseEvent
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import QApplication

from napari_catsam.plugin.catsam_widget import CatsamWidget
from napari_catsam.plugin.device.library import Library
from napari_catsam.plugin.session import Session

if TYPE_CHECKING:
    from napari_catsam.prediction.predictor import Predictor

LONGEST_WAIT_MS = 120_000
SETTLE_MS = 200


class OneModel(Library):
    """The real library with one model, which is in memory already."""

    def __init__(self, predictor: Predictor) -> None:
        self.own = predictor

    def backbones(self) -> list[str]:
        return [self.own.model.backbone.name]

    def load_model(self, *_: Any) -> Any:
        return self.own.model

    def predictor(self, model: Any) -> Any:
        return self.own


@dataclass(frozen=True)
class Window:
    """A viewer that shows one image, with the docked widget, annotating."""

    viewer: Viewer
    widget: CatsamWidget
    canvas: QOpenGLWidget

    def at(self, place: tuple[float, float]) -> QPointF:
        """Return where a place (row, column) of the image is on the canvas."""
        camera, size = self.viewer.scene.camera, self.canvas.size()
        row, column = (np.array(place) - camera.center[-2:]) * camera.zoom
        return QPointF(size.width() / 2 + column, size.height() / 2 + row)

    def move(self, place: tuple[float, float], *, pressed: bool = False) -> None:
        """Move the mouse to a place."""
        none = Qt.MouseButton.NoButton
        held = Qt.MouseButton.LeftButton if pressed else none
        self._send(QEvent.Type.MouseMove, place, held if pressed else none, held)

    def press(self, place: tuple[float, float]) -> None:
        """Press the left button."""
        left = Qt.MouseButton.LeftButton
        self._send(QEvent.Type.MouseButtonPress, place, left, left)

    def release(self, place: tuple[float, float]) -> None:
        """Release the left button."""
        self._send(
            QEvent.Type.MouseButtonRelease, place, Qt.MouseButton.LeftButton,
            Qt.MouseButton.NoButton,
        )  # fmt: skip

    def wait(self, done: Callable[[], bool]) -> None:
        """Handle events until something holds, asked whenever the session changes."""
        # Not at once: the slots of the same signal that come later belong to it.
        self._wait(done, lambda quit_loop: QTimer.singleShot(0, quit_loop))

    def wait_shown(self, done: Callable[[], bool]) -> None:
        """Handle events until something holds, and the next picture is on the screen."""
        self._wait(done, lambda quit_loop: self.canvas.frameSwapped.connect(quit_loop))

    def _wait(self, done: Callable[[], bool], end: Callable[[Callable[[], None]], None]) -> None:
        loop = QEventLoop()
        ended: list[bool] = []

        def ask(*_: object) -> None:
            if done() and not ended:
                ended.append(True)
                end(loop.quit)

        self.widget.session.events.connect(ask)
        self.widget.queue.busy_changed.connect(ask)
        timeout = QTimer()
        timeout.setSingleShot(True)
        timeout.timeout.connect(loop.quit)
        timeout.start(LONGEST_WAIT_MS)
        if not done():
            loop.exec()
        self.widget.session.events.disconnect(ask)
        self.widget.queue.busy_changed.disconnect(ask)
        if not done():
            raise TimeoutError(f"nothing after {LONGEST_WAIT_MS / 1000:.0f} seconds")

    def settle(self) -> None:
        """Handle events until the device has nothing to do and all that came of it is drawn."""
        self.wait_idle()
        loop = QEventLoop()
        QTimer.singleShot(SETTLE_MS, loop.quit)
        loop.exec()

    def wait_idle(self) -> None:
        """Handle events until the device has nothing to do."""
        self.wait(lambda: not self.widget.queue.busy)

    def wait_painted(self) -> None:
        """Handle events until the next picture of the canvas is on the screen."""
        loop = QEventLoop()
        self.canvas.frameSwapped.connect(loop.quit)
        QTimer.singleShot(2000, loop.quit)
        self.canvas.update()
        loop.exec()
        self.canvas.frameSwapped.disconnect(loop.quit)

    def close(self) -> None:
        """Close the window, and wait for what runs."""
        self.widget.shut_down()
        self.viewer.close()

    def _send(self, kind: Any, place: tuple[float, float], button: Any, held: Any) -> None:
        point = self.at(place)
        on_screen = QPointF(self.canvas.mapToGlobal(QPoint(round(point.x()), round(point.y()))))
        no_keys = Qt.KeyboardModifier.NoModifier
        QApplication.sendEvent(
            self.canvas, QMouseEvent(kind, point, on_screen, button, held, no_keys)
        )


def open_window(image: Any, predictor: Predictor) -> Window:
    """Open a viewer on an image, dock the widget, and begin to annotate."""
    # The benchmark's work is not the user's.
    os.environ["NAPARI_CATSAM_PROJECTS"] = tempfile.mkdtemp(prefix="catsam-benchmark-")
    viewer = Viewer(show=True)
    viewer.add_image(image, name="image")
    session = Session(
        library=OneModel(predictor), backbone=predictor.model.backbone.name, device="cpu"
    )
    widget = CatsamWidget(viewer, session)
    viewer.window.add_dock_widget(widget, name="CAT-SAM")
    widget.live_view.annotate.click()
    viewer.reset_view()
    (canvas,) = [w for w in QApplication.allWidgets() if isinstance(w, QOpenGLWidget)]
    window = Window(viewer, widget, canvas)
    for _ in range(3):
        window.wait_painted()
    return window


def now_ms() -> float:
    """Milliseconds of a clock that only goes on."""
    return 1000 * time.perf_counter()
