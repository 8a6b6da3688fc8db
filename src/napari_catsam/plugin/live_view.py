"""The part of the dock for annotating object by object. It knows Qt alone."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_catsam.plugin.parts import FormGroup, make_button, side_by_side

__all__ = ["LiveView"]


class LiveView(QWidget):
    """Buttons for the object that is being annotated; each has a key as well."""

    toggled = Signal(bool)
    accept_requested = Signal()
    undo_requested = Signal()
    clear_requested = Signal()
    reading_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.annotate = make_button(
            "Annotate",
            "Click an object, or drag a box around it: its mask appears at once.\n"
            "Ctrl+click: not this (Q turns plain clicks negative). Space and drag moves the image.",
            self._on_annotate_clicked,
        )
        self.annotate.setCheckable(True)
        self.accept = make_button(
            "Accept (Y)", "Write the mask as a new object.", self.accept_requested.emit
        )
        self.undo = make_button("Undo (U)", "Take the last prompt back.", self.undo_requested.emit)
        self.clear = make_button("Clear (W)", "Drop this object.", self.clear_requested.emit)
        self.reading = make_button(
            "Another (H)",
            "Show another mask that a lone click may mean.",
            self.reading_requested.emit,
        )
        group = FormGroup("Object by object")
        group.add_wide(self.annotate)
        group.add_wide(side_by_side(self.accept, self.reading))
        group.add_wide(side_by_side(self.undo, self.clear))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(group)

    def show_state(self, *, annotating: bool, prompts: int, masks: int) -> None:
        """Show what can be done with an object of so many prompts and possible masks."""
        self.annotate.setChecked(annotating)
        self.annotate.setText("Annotating: click to end" if annotating else "Annotate")
        self.accept.setEnabled(masks > 0)
        self.reading.setEnabled(masks > 1)
        self.undo.setEnabled(annotating)
        self.clear.setEnabled(prompts > 0)

    def _on_annotate_clicked(self) -> None:
        self.toggled.emit(self.annotate.isChecked())
