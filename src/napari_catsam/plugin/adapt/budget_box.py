"""How much time a training gets: one of some usual times, or another. It knows Qt alone."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QSpinBox

from napari_catsam.plugin.dock.parts import ChoiceBox, Row

__all__ = ["BudgetBox"]

TIMES = {"20 s": 20, "1 min": 60, "5 min": 300}

OWN = 0
"""Another time, which is set beside."""

TOOLTIP = "Time for the training; Stop ends it earlier and keeps the best."


class BudgetBox(Row):
    """A choice of times, and a field for another one.

    Attributes
    ----------
    preset : ChoiceBox
        The usual times, and "own".
    seconds : QSpinBox
        Shown for the user's own time.
    """

    changed = Signal(int)
    """Seconds."""

    def __init__(self) -> None:
        preset, seconds = ChoiceBox(TOOLTIP), QSpinBox()
        super().__init__((preset, seconds))
        self.preset, self.seconds = preset, seconds
        choices: list[tuple[str, object]] = [*TIMES.items(), ("own", OWN)]
        self.preset.set_choices(choices, OWN)
        self.preset.chosen.connect(self._on_chosen)
        self.seconds.setRange(5, 3600)
        self.seconds.setSuffix(" s")
        self.seconds.setToolTip(TOOLTIP)
        self.seconds.valueChanged.connect(self.changed)
        self.setToolTip(TOOLTIP)
        self._own = False

    def show_seconds(self, seconds: int) -> None:
        """Show a time; a usual one as such, unless the user wants to set it."""
        self.seconds.setValue(seconds)
        usual = seconds in TIMES.values() and not self._own
        self.preset.show_value(seconds if usual else OWN)
        self.seconds.setVisible(not usual)

    def _on_chosen(self, seconds: int) -> None:
        self._own = seconds == OWN
        self.show_seconds(seconds or self.seconds.value())
