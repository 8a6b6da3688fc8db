"""A user who does anything at any time: every gesture, key and button, in an order drawn by chance."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image, Labels, Points, Shapes
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_catsam.errors import PromptError
from napari_catsam.plugin.live.layers import is_own
from tests.plugin.conftest import WAIT, FakeLibrary, FakePredictor
from tests.plugin.monkey_record import Record

NONE = Qt.KeyboardModifier.NoModifier
CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
LEFT, NO_BUTTON = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton

NAMES = ("cells", "nuclei", "object", "cells masks", "mine")
"""Few, so that layers get names that others have, or had."""

TRIES = 20
"""Moves of the mouse until the canvas has seen one: it passes over some that come quickly."""


@dataclass
class SlowPredictor(FakePredictor):
    """Answers once its gate is open, and fails on purpose now and then."""

    failing: bool = False

    def predict(self, embedding: Any, prompts: Any) -> Any:
        self._wait()
        return super().predict(embedding, prompts)

    def predict_readings(self, embedding: Any, prompts: Any) -> Any:
        self._wait()
        if self.failing:
            raise PromptError("the model is out of order; draw another")
        return super().predict_readings(embedding, prompts)

    def _wait(self) -> None:
        if self.gate is not None:
            assert self.gate.wait(WAIT / 1000)


def prepare(library: FakeLibrary) -> threading.Event:
    """Let all models of a library, and its training, wait for one gate, which is open."""
    gate = threading.Event()
    gate.set()
    for name in ("vit_nano", "vit_b", "vit_nano adapted", "vit_b adapted"):
        library.predictors[name] = SlowPredictor(name, gate=gate)

    def wait(step: int) -> None:
        assert gate.wait(WAIT / 1000)

    library.step_done = wait
    return gate


Action = Callable[["Monkey"], "str | None"]
ACTIONS: list[tuple[float, Action]] = []


def action(weight: float) -> Callable[[Action], Action]:
    """Let a method be drawn, this often."""

    def register(method: Action) -> Action:
        ACTIONS.append((weight, method))
        return method

    return register


@dataclass
class Monkey:
    """Acts on a window with a docked widget, by chance; tells the record what it means."""

    window: Any
    widget: Any
    library: FakeLibrary
    qtbot: Any
    seed: int
    folder: Path
    log: deque[str] = field(default_factory=lambda: deque(maxlen=15))
    held: int = 0

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.gate = prepare(self.library)
        # napari's canvas with Mesa dies when all of its Labels are removed before it draws again,
        # and others are added.
        self.kept = self.layers(Labels)[0]
        self.record = Record(self.window, self.widget)
        weights = np.array([weight for weight, _ in ACTIONS])
        self._weights = weights / weights.sum()

    def run(self, count: int) -> None:
        """Do so many things in a row, and check the record after each."""
        __tracebackhide__ = True
        for number in range(count):
            method = ACTIONS[self.rng.choice(len(ACTIONS), p=self._weights)][1]
            if not self.session.annotating and self.rng.random() < 0.3:
                method = Monkey.toggle_annotate
            self.log.append(f"{number}: {method.__name__}")
            self.record.begin()
            done = method(self)
            self.log[-1] += f" {done}" if done else ""
            self._go_on()
            self.record.check()

    def end(self) -> None:
        """Let all that waits come to its end."""
        self.gate.set()
        self.wait_idle()
        self.record.check()

    def wait_idle(self) -> None:
        while self.widget.queue.busy:
            with self.qtbot.waitSignal(self.widget.queue.busy_changed, timeout=WAIT):
                pass

    def _go_on(self) -> None:
        """Let the window do what is due, and the gate be open again after a while."""
        QApplication.processEvents()
        self.held -= 1
        if self.held <= 0:
            self.gate.set()
            self.set_failing(False)
            if self.rng.random() < 0.4:
                self.wait_idle()

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

    # GESTURES ON THE CANVAS

    @action(12)
    def click(self) -> str:
        place = self.place()
        self.click_at(place)
        return f"{place}"

    @action(5)
    def click_negative(self) -> None:
        self.click_at(self.place(), CONTROL)

    @action(12)
    def drag_something(self) -> str:
        self.drag([self.place(), self.place(), self.place()])
        return f"{self.session.tool} in {self.window.layers.selection.active}"

    @action(4)
    def lasso(self) -> None:
        self.drag(self.ring(), SHIFT)

    @action(3)
    def scribble(self) -> None:
        modifier = SHIFT if self.rng.random() < 0.7 else SHIFT | CONTROL
        self.drag([self.place(-5) for _ in range(3)], modifier)

    @action(3)
    def polygon(self) -> None:
        self.session.tool = type(self.session.tool).POLYGON
        for place in self.ring()[: self.rng.integers(1, 6)]:
            self.click_at(place)
        if self.rng.random() < 0.7:
            self.press_key("Return" if self.rng.random() < 0.7 else "Escape")

    @action(1)
    def double_click(self) -> None:
        place = self.place()
        self.click_at(place)
        QTest.mouseDClick(self.canvas, LEFT, NONE, place)

    @action(1)
    def pan(self) -> None:
        QTest.keyPress(self.canvas, Qt.Key.Key_Space)
        self.drag([self.place(), self.place()])
        QTest.keyRelease(self.canvas, Qt.Key.Key_Space)

    @action(1)
    def enter_or_escape(self) -> None:
        self.press_key(self.any_of(("Return", "Enter", "Escape")))

    # KEYS AND BUTTONS OF THE OBJECT

    @action(16)
    def accept(self) -> str | None:
        live = self.session.live
        ready = live is not None and live.answered and live.reading is not None
        written = self.record.writes
        by_key = self.rng.random() < 0.5
        if by_key:
            self.press_key("Y")
        else:
            self.widget.live_view.accept.click()
        return f"ready={ready} by_key={by_key} wrote {self.record.writes - written}"

    @action(4)
    def new_object(self) -> None:
        if self.rng.random() < 0.5:
            self.press_key("N")
        else:
            self.widget.live_view.new.click()

    @action(8)
    def undo(self) -> str:
        live = self.session.live
        way = self.any_of(("U", "button", "Ctrl+Z"))
        if way == "Ctrl+Z":
            return self.control_z()
        if way == "U":
            self.press_key("U")
        else:
            self.widget.live_view.undo.click()
        if live is None:
            self.record.step_back()
        return way

    @action(4)
    def control_z(self) -> str:
        """Undo in whichever layer is active: for labels, exactly their last change."""
        active, live = self.window.layers.selection.active, self.session.live
        redo = self.rng.random() < 0.3
        self.press_key("Z", CONTROL | SHIFT if redo else CONTROL)
        if active in self.record.histories:
            history = self.record.histories[active]
            history.redo() if redo else history.undo()
        elif live is None and not redo:
            self.record.step_back()
        return f"in {active} {'redo' if redo else ''}"

    @action(5)
    def other_key(self) -> str:
        key = self.any_of("HHQKGW")
        self.press_key(key)
        return str(key)

    @action(3)
    def other_button(self) -> str:
        view = self.widget.live_view
        button = self.any_of((view.reading, view.clear, view.overwrite))
        button.click()
        return str(button.text())

    @action(4)
    def refine_at_cursor(self) -> str | None:
        labels = self.any_of(self.layers(Labels))
        found = [] if labels is None else np.argwhere(self.record.histories[labels].now)
        if len(found) and self.window.dims.ndisplay == 2:
            self.move(self.at(labels, found[self.rng.integers(len(found))]))
        self.press_key("G")
        return f"{self.session.live is not None}"

    @action(3)
    def refine_number(self) -> None:
        self.widget.live_view.number.setText(str(self.rng.integers(0, 12)))
        self.widget.live_view.refine.click()

    @action(2)
    def choose_tool(self) -> str:
        return self.choose(self.widget.live_view.tool)

    @action(3)
    def toggle_annotate(self) -> str:
        if self.session.annotating and self.rng.random() < 0.5:
            return "(left on)"
        self.widget.live_view.annotate.click()
        return f"{self.session.annotating}"

    # MODEL AND LAYERS OF THE WIDGET

    @action(5)
    def choose_something(self) -> str:
        view, adapt = self.widget.segment_view, self.widget.adapt_view
        name = self.any_of(("backbone", "device", "variant", "image", "shapes", "points", "target",
                            "target", "masks", "method", "source"))  # fmt: skip
        found = {"masks": adapt.masks, "method": adapt.method, "source": view.channels.source}
        return f"{name}: {self.choose(found.get(name) or getattr(view, name))}"

    @action(6)
    def segment(self) -> str:
        button = self.widget.segment_view.segment_button
        enabled = button.isEnabled()
        if enabled:
            self.record.ask()
        button.click()
        return f"{enabled}"

    @action(2)
    def request_prompt_layer(self) -> None:
        view = self.widget.segment_view
        self.any_of((view.shapes_requested, view.points_requested)).emit()

    @action(3)
    def add_batch(self) -> None:
        """Draw batch prompts by program, so that there are some on this plane."""
        image = self.any_of(self.layers(Image))
        if image is None:
            return
        at = np.array([self.rng.uniform(0, n, 2) for n in image.extent.data[1][-2:]])
        lead = np.array(self.window.dims.current_step)[-image.ndim : -2]
        corners = [(*lead, at[0][i], at[1][j]) for i, j in ((0, 0), (0, 1), (1, 1), (1, 0))]
        layer = next((x for x in self.layers(Shapes) if x.ndim == image.ndim), None)
        if layer is not None and np.ptp(at, axis=1).min() > 3:
            layer.add(np.array(corners), shape_type=self.any_of(("rectangle", "polygon")))
        layer = next((x for x in self.layers(Points) if x.ndim == image.ndim), None)
        if layer is not None:
            layer.add(np.array(corners[0]))

    @action(2)
    def adapt(self) -> str:
        button = self.any_of((self.widget.adapt_view.adapt_button,) * 2
                             + (self.widget.adapt_view.stop_button,))  # fmt: skip
        button.click()
        return f"{button.text()}: {self.session.adapting}"

    @action(1)
    def change_settings(self) -> None:
        settings = self.session.settings
        accept, clear = self.any_of((("Y", "W"), ("J", "W"), ("W", "Y")))
        self.session.settings = replace(
            settings, key_accept=accept, key_clear=clear,
            embeddings_mb=int(self.rng.integers(16, 512)),
        )  # fmt: skip

    @action(1)
    def export(self) -> str:
        ending = self.any_of((".json", ".tif"))
        path = str(self.folder / f"masks{self.rng.integers(100)}{ending}")
        self.widget.work_view.export_requested.emit(path)
        return ending

    @action(1)
    def restore_or_discard(self) -> str | None:
        bar = self.widget.restore_bar
        if bar.isVisibleTo(self.widget):
            button = self.any_of((bar.restore_button, bar.discard_button))
            button.click()
            return str(button.text())
        return None

    # THE TABLE OF OBJECTS

    @action(2)
    def choose_class(self) -> None:
        self.widget.objects.view.classes.chosen.emit(self.any_of(("cell", "nucleus", "debris")))

    @action(6)
    def use_table(self) -> str | None:
        view = self.widget.objects.view
        if not view.table.rowCount():
            return None
        view.rows.selectRow(int(self.rng.integers(view.table.rowCount())))
        button = self.any_of((view.jump, view.refine, view.refine, view.delete, view.assign))
        labels, numbers = self.widget.objects.counts.labels, view.selection
        enabled = button.isEnabled()
        button.click()
        if button is view.delete and enabled:
            self.record.delete(labels, numbers)
        return f"{button.text()} {numbers} of {labels}"

    # THE VIEWER

    @action(10)
    def move_slider(self) -> str | None:
        dims = self.window.dims
        axis = self.any_of(dims.not_displayed)
        if axis is None:
            return None
        dims.set_current_step(axis, int(self.rng.integers(max(1, dims.nsteps[axis]))))
        return f"{dims.current_step}"

    @action(2)
    def turn(self) -> str:
        dims = self.window.dims
        if dims.ndisplay == 3 or self.rng.random() < 0.3:
            dims.ndisplay = 5 - dims.ndisplay
        elif self.rng.random() < 0.5:
            dims.order = tuple(range(dims.ndim))
        else:
            self.any_of((dims.roll, dims.transpose))()
        self.window.reset_view()
        return f"{dims.order} {dims.ndisplay}"

    @action(5)
    def select_layer(self) -> str:
        active = self.any_of(self.window.layers)
        self.window.layers.selection.active = active
        return f"{active}"

    @action(8)
    def back_to_prompts(self) -> None:
        """Go on annotating, as people do: select the prompts, flat and in the first order."""
        dims = self.window.dims
        dims.ndisplay, dims.order = 2, tuple(range(dims.ndim))
        self.window.reset_view()
        if self.rng.random() < 0.5:
            self.session.tool = type(self.session.tool).BOX
        own = [x for x in self.window.layers if is_own(x) and isinstance(x, Points)]
        if own:
            self.window.layers.selection.active = own[0]

    @action(10)
    def annotate_one(self) -> str | None:
        """Do what the widget is for: a prompt on this plane, its answer, and accept."""
        if not self.session.annotating:
            self.widget.live_view.annotate.click()
        self.back_to_prompts()
        if self.rng.random() < 0.5:
            self.session.tool = type(self.session.tool).BOX
            self.drag([self.place(-8), self.place(-8)])
        else:
            self.click_at(self.place(-8))
        self.gate.set()
        self.wait_idle()
        return self.accept()

    @action(3)
    def rename(self) -> str:
        layer, name = self.any_of(self.window.layers), self.any_of(NAMES)
        if layer is not None:
            layer.name = name
        return f"{layer}"

    @action(2)
    def reorder(self) -> None:
        count = len(self.window.layers)
        if count > 1:
            self.window.layers.move(*map(int, self.rng.integers(0, count, 2)))

    @action(2)
    def remove_layer(self) -> str:
        layer = self.any_of(x for x in self.window.layers if x is not self.kept)
        if layer is not None:
            self.window.layers.remove(layer)
        return f"{layer}"

    @action(2)
    def add_image(self) -> str:
        like = self.any_of(self.layers(Image))
        if like is not None and self.rng.random() < 0.5:
            return "(enough)"
        shape, kwargs = (30, 40), {}
        if like is not None:
            shape, kwargs = like.data.shape, {"scale": like.scale, "affine": like.affine}
        data = self.rng.integers(0, 255, shape, np.uint8)
        image = self.window.add_image(data, name=self.any_of(NAMES[:2]), **kwargs)
        self.window.reset_view()
        return f"{image}"

    @action(2)
    def add_labels(self) -> str:
        like = self.any_of(self.layers(Image))
        shape = (30, 40) if like is None or self.rng.random() < 0.2 else like.data.shape
        kwargs = {} if like is None or len(shape) != like.ndim else {
            "scale": like.scale, "affine": like.affine}  # fmt: skip
        data = np.zeros(shape, self.any_of((np.int32, np.uint16, np.uint8, np.uint32)))
        data[..., 3:9, 3:9] = int(self.rng.integers(1, 5))
        return f"{self.window.add_labels(data, name=self.any_of(NAMES), **kwargs)}"

    @action(3)
    def hide_or_show(self) -> str:
        layer = self.any_of(self.window.layers)
        if layer is not None:
            layer.visible = not layer.visible
        return f"{layer}"

    @action(3)
    def change_contrast(self) -> None:
        image = self.any_of(self.layers(Image))
        if image is not None:
            low = int(self.rng.integers(0, 100))
            image.contrast_limits = (low, low + int(self.rng.integers(1, 150)))

    @action(4)
    def paint(self) -> str | None:
        """Correct labels by napari's own tools."""
        labels = self.any_of(self.layers(Labels))
        if labels is None or not labels.visible:  # napari fails in some that are hidden
            return None
        number = int(self.rng.integers(0, 6))
        shape = np.array(labels.data.shape)
        if self.rng.random() < 0.5:
            at = tuple(self.rng.integers(0, n, 12) for n in shape)
            labels.data_setitem(at, number)
        else:
            with suppress(ValueError):  # a place of another plane, by napari's own check
                labels.paint(tuple(self.rng.uniform(0, shape - 1)), number)
        self.record.paint(labels, number)
        return f"{number} in {labels}"

    @action(3)
    def paint_by_mouse(self) -> str | None:
        labels = self.any_of(self.layers(Labels))
        if labels is None or not labels.visible:
            return None
        number = labels.selected_label = int(self.rng.integers(1, 6))
        self.window.layers.selection.active = labels
        labels.mode = "paint"
        inside = np.array(labels.data.shape) - 1  # beside them napari fails
        self.drag([self.at(labels, self.rng.uniform(0.2, 0.8, labels.ndim) * inside)] * 2)
        labels.mode = "pan_zoom"
        self.record.paint(labels, number)
        return f"{number} in {labels}"

    # TIME

    @action(6)
    def hold(self) -> str:
        """Let the model be slow for some of the next actions."""
        self.gate.clear()
        self.held = int(self.rng.integers(2, 7))
        return f"for {self.held}"

    @action(1)
    def break_model(self) -> str:
        self.held = int(self.rng.integers(2, 7))
        self.set_failing(True)
        return f"for {self.held}"
