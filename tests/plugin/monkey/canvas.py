"""Gestures on the canvas, and keys and buttons of the object that is annotated."""

from __future__ import annotations

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from tests.plugin.monkey.hands import CONTROL, LEFT, NONE, SHIFT, Hands, action


class CanvasActions(Hands):
    """What is done with one object."""

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
