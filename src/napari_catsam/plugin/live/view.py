"""The part of the dock for annotating object by object. It knows Qt alone."""

from __future__ import annotations

import re
from collections.abc import Mapping

from qtpy.QtCore import QRegularExpression, Signal
from qtpy.QtGui import QRegularExpressionValidator
from qtpy.QtWidgets import QCheckBox, QLineEdit, QVBoxLayout, QWidget

from napari_catsam.plugin.dock.parts import ChoiceBox, FormGroup, make_button, side_by_side
from napari_catsam.plugin.live.prompt import Tool

__all__ = ["LiveView"]


class LiveView(QWidget):
    """Buttons for the object that is being annotated; each has a key as well."""

    toggled = Signal(bool)
    accept_requested = Signal()
    undo_requested = Signal()
    clear_requested = Signal()
    reading_requested = Signal()
    new_requested = Signal()
    refine_requested = Signal(str)
    overwrite_toggled = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self._make_buttons()
        self._make_choices()
        self._make_number()
        self._lay_out()
        buttons = (self.accept, self.new, self.reading, self.undo, self.clear, self.refine)
        self._texts = {button: button.text() for button in buttons}
        self._tooltips = {w: w.toolTip() for w in (*buttons, self.annotate, self.tool, self.number)}

    def _make_buttons(self) -> None:
        self.annotate = make_button(
            "Annotate",
            "Click an object, or drag a box around it: its mask appears at once.\n"
            "Shift+drag around it: an outline; in it: a scribble, which counts as some clicks.\n"
            "Ctrl: not this (Q turns plain clicks negative). Space and drag moves the image.",
            self._on_annotate_clicked,
            "annotate",
        )
        self.annotate.setCheckable(True)
        self.accept = make_button(
            "Accept (Y)",
            "Write the mask as a new object, or that of a refined one under its own number.\n"
            "The next prompt begins another object.",
            self.accept_requested.emit,
            "accept",
        )
        self.undo = make_button(
            "Undo (U)", "Take the last prompt back.", self.undo_requested.emit, "undo"
        )
        self.clear = make_button(
            "Clear (W)", "Drop this object.", self.clear_requested.emit, "clear"
        )
        self.reading = make_button(
            "Next mask (H)",
            "Show another mask that a lone click may mean.",
            self.reading_requested.emit,
            "next",
        )
        self.new = make_button(
            "New (N)",
            "Begin another object; the mask that is shown is written first, as by Accept.",
            self.new_requested.emit,
            "add",
        )
        self.refine = make_button(
            "Refine (G)",
            "Mend an object that is there: clicks add to it, Ctrl+clicks take away, a box replaces\n"
            "it; Accept writes it back under its number. G takes the object under the mouse.",
            self._on_refine_clicked,
            "refine",
        )

    def _make_choices(self) -> None:
        self.tool = ChoiceBox(
            "What a drag draws (K takes the next one).\n"
            "Lasso: nearly closed, it is the object's outline; else a scribble in the object,\n"
            "which counts as some clicks along it, negative with Ctrl.\n"
            "Polygon: click the corners; double click or Enter closes, Escape drops."
        )
        self.tool.set_choices([(tool.value, tool) for tool in Tool], Tool.BOX)
        self.overwrite = QCheckBox("Overwrite others")
        self.overwrite.setToolTip(
            "Off: objects that are there keep their pixels.\n"
            "On: a mask that is accepted or segmented takes the pixels of others."
        )
        self.overwrite.toggled.connect(self.overwrite_toggled)

    def _make_number(self) -> None:
        self.number = QLineEdit()
        self.number.setPlaceholderText("id")
        self.number.setToolTip(
            "Number of the object to refine, on the plane that is shown.\n"
            "Without one: put the mouse over the object and press G."
        )
        self.number.setValidator(QRegularExpressionValidator(QRegularExpression("[0-9]{1,20}")))
        self.number.returnPressed.connect(self._on_refine_clicked)

    def _lay_out(self) -> None:
        group = FormGroup("Annotate")
        group.add_wide(self.annotate)
        group.add_row("draw", self.tool)
        group.add_wide(side_by_side(self.accept, self.new))
        group.add_wide(side_by_side(self.undo, self.clear))
        group.add_wide(self.reading)
        group.add_row("object", side_by_side(self.number, self.refine))
        group.add_wide(self.overwrite)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(group)

    def show_keys(self, letters: Mapping[str, str]) -> None:
        """Name other letters in texts and tooltips, given for each letter that they have now."""

        def rename(text: str) -> str:
            return re.sub(r"\b[A-Z]\b", lambda found: letters.get(found[0], found[0]), text)

        for button, text in self._texts.items():
            button.setText(rename(text))
        for widget, tooltip in self._tooltips.items():
            widget.setToolTip(rename(tooltip))

    def show_state(
        self, *, annotating: bool, tool: Tool, prompts: int, masks: int, acceptable: bool
    ) -> None:
        """Show what can be done with an object of so many prompts and possible masks."""
        self.tool.show_value(tool)
        self.annotate.setChecked(annotating)
        self.annotate.setText("End annotating" if annotating else "Annotate")
        self.accept.setEnabled(acceptable)
        self.reading.setEnabled(masks > 1)
        self.undo.setEnabled(annotating)
        self.new.setEnabled(prompts + masks > 0)
        self.refine.setEnabled(annotating)
        self.clear.setEnabled(annotating)

    def show_overwrite(self, *, on: bool) -> None:
        """Show whether masks take the pixels of other objects."""
        self.overwrite.setChecked(on)

    def _on_refine_clicked(self) -> None:
        self.refine_requested.emit(self.number.text())

    def _on_annotate_clicked(self) -> None:
        self.toggled.emit(self.annotate.isChecked())
