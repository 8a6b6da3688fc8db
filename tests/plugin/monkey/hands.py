"""What a user sees of a window and can do with mouse and keys, and the list of actions to draw from."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_catsam.plugin.live.layers import is_own
from tests.plugin.conftest import WAIT, FakeLibrary
from tests.plugin.monkey.model import prepare
from tests.plugin.monkey.record import Record

NONE = Qt.KeyboardModifier.NoModifier
CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
LEFT, NO_BUTTON = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton

TRIES = 20
"""Moves of the mouse until the canvas has seen one: it passes over some that come quickly."""

Action = Callable[[Any], "str | None"]
ACTIONS: list[tuple[float, Action]] = []


def action(weight: float) -> Callable[[Action], Action]:
    """Let a method be drawn, this often."""

    def register(method: Action) -> Action:
        ACTIONS.append((weight, method))
        return method

    return register


@dataclass
class Hands:
    """A window with a docked widget, and hands on it; chance is a generator of a seed."""

    window: Any
    widget: Any
    library: FakeLibrary
    qtbot: Any
    seed: int
    folder: Path
    held: int = 0

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.gate: threading.Event = prepare(self.library)
        self.record = Record(self.window, self.widget)

    def wait_idle(self) -> None:
        while self.widget.queue.busy:
            with self.qtbot.waitSignal(self.widget.queue.busy_changed, timeout=WAIT):
                pass

    def set_failing(self, failing: bool) -> None:
        for predictor in self.library.predictors.values():
            predictor.failing = failing

    # WHAT THERE IS

    @property
    def session(self) -> Any:
        return self.widget.session

    @property
    def canvas(self) -> Any:
        return self.window.window._qt_viewer.canvas.native

    def layers(self, *kinds: type) -> list[Any]:
        """Return the layers of some kinds that are not the widget's own."""
        return [x for x in self.window.layers if isinstance(x, kinds) and not is_own(x)]

    def any_of(self, things: Any) -> Any:
        things = list(things)
        return things[self.rng.integers(len(things))] if things else None

    def place(self, margin: float = 2.0) -> QPoint:
        """Return a place on the canvas: in the image that is chosen, or just beside it."""
        image = self.widget.segment_view.image.value
        size = self.canvas.size()
        if image is None or self.window.dims.ndisplay != 2 or image not in self.window.layers:
            return QPoint(*(int(self.rng.integers(5, n)) for n in (size.width(), size.height())))
        last = np.array(image.extent.data[1])
        reach = np.maximum(last / 2, last / 2 + margin)
        return self.at(image, self.rng.uniform(last / 2 - reach, last / 2 + reach))

    def at(self, layer: Any, data: Any) -> QPoint:
        """Return where on the canvas a layer's data are, clipped to it."""
        dims, camera, size = self.window.dims, self.window.scene.camera, self.canvas.size()
        world = np.array(dims.point)
        world[dims.ndim - layer.ndim :] = layer.data_to_world(data)
        row, column = (world[list(dims.displayed)] - camera.center[-2:]) * camera.zoom
        x = np.clip(size.width() / 2 + column, 2, size.width() - 3)
        y = np.clip(size.height() / 2 + row, 2, size.height() - 3)
        return QPoint(round(x), round(y))

    # HANDS

    def click_at(self, place: QPoint, modifier: Any = NONE) -> None:
        QTest.mouseMove(self.canvas, place)
        QTest.mouseClick(self.canvas, LEFT, modifier, place)

    def drag(self, places: list[QPoint], modifier: Any = NONE) -> None:
        QTest.mouseMove(self.canvas, places[0])
        QTest.mousePress(self.canvas, LEFT, modifier, places[0])
        for place in places[1:]:
            self.move(place, LEFT, modifier)
        QTest.mouseRelease(self.canvas, LEFT, modifier, places[-1])

    def move(self, place: QPoint, button: Any = NO_BUTTON, modifier: Any = NONE) -> None:
        before = self.window.cursor.position
        for _ in range(TRIES):
            point = QPointF(place)
            event = QMouseEvent(
                QEvent.Type.MouseMove, point, self.canvas.mapToGlobal(point), button, button,
                modifier,
            )  # fmt: skip
            QApplication.sendEvent(self.canvas, event)
            if self.window.cursor.position != before:
                return
            QApplication.processEvents()

    def press_key(self, key: str, modifier: Any = NONE) -> None:
        code = getattr(Qt.Key, f"Key_{self.session.settings.letters.get(key, key)}")
        QTest.keyClick(self.canvas, code, modifier)

    def choose(self, box: Any, position: int | None = None) -> str:
        """Choose in a box as a click does."""
        if not box.count():
            return "(empty)"
        number = int(self.rng.integers(box.count())) if position is None else position
        box.setCurrentIndex(number)
        box.activated.emit(number)
        return str(box.currentText())

    def ring(self) -> list[QPoint]:
        """Return places around a place, which nearly meet."""
        middle, reach = self.place(-8), float(self.rng.uniform(15, 90))
        angles = np.linspace(0, 2 * np.pi, 7)[:-1]
        ring = [middle + QPoint(round(reach * np.cos(a)), round(reach * np.sin(a))) for a in angles]
        return [*ring, ring[0] + QPoint(3, 3)]
