"""Who does it all, and lets time pass between two actions."""

from __future__ import annotations

import numpy as np
from napari.layers import Points
from qtpy.QtWidgets import QApplication

from napari_catsam.plugin.layers.redrawing import draw_windows
from napari_catsam.plugin.live.layers import is_own
from tests.plugin.conftest import WAIT
from tests.plugin.monkey.canvas import CanvasActions
from tests.plugin.monkey.dock import DockActions
from tests.plugin.monkey.hands import ACTIONS, action
from tests.plugin.monkey.viewer import ViewerActions


class Monkey(CanvasActions, DockActions, ViewerActions):
    """Acts by chance; tells the record what it means, and prints what it does."""

    def run(self, count: int) -> None:
        """Do so many things in a row, and check the record after each."""
        __tracebackhide__ = True
        weights = np.array([weight for weight, _ in ACTIONS])
        for number in range(count):
            method = ACTIONS[self.rng.choice(len(ACTIONS), p=weights / weights.sum())][1]
            if not self.session.annotating and self.rng.random() < 0.3:
                method = CanvasActions.toggle_annotate
            # At once: what crashes the process is the last thing that was printed.
            print(f"{number}: {method.__name__}", end=" ", flush=True)
            self.record.begin()
            print(method(self) or "", flush=True)
            self._go_on()
            self.record.check()

    def end(self) -> None:
        """Let all that waits come to its end."""
        self.gate.set()
        self.wait_idle()
        self._draw()
        self.record.check()

    def _go_on(self) -> None:
        """Let the window do what is due, and the gate be open again after a while."""
        self._draw()
        self.held -= 1
        if self.held <= 0:
            self.gate.set()
            self.set_failing(False)
            if self.rng.random() < 0.4:
                self.wait_idle()
                self._draw()

    def _draw(self) -> None:
        """Let a frame be drawn, as happens between two actions of a person."""
        QApplication.processEvents()
        # The other layers of an object go after the first, as soon as the event loop is reached.
        self.qtbot.waitUntil(self._is_consistent, timeout=WAIT)
        draw_windows()

    def _is_consistent(self) -> bool:
        return any(map(is_own, self.window.layers)) == self.session.annotating

    # GOING ON

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
