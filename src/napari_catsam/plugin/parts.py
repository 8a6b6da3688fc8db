"""Small parts that both views are made of; they know Qt alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

__all__ = ["ChoiceBox", "FormGroup", "make_button", "make_plus", "side_by_side"]

PLUS_WIDTH = 26
"""Pixels; as wide as napari's own small buttons."""

WIDEST_LABEL = "backbone"
LABEL_ROOM = 20
"""So that the fields of all groups begin in one line; napari's font is larger than the first one."""


class ChoiceBox(QComboBox):
    """A combo box of (text, value) pairs that shrinks with the dock.

    Parameters
    ----------
    tooltip : str
        What is chosen here.
    """

    chosen = Signal(object)
    """Emitted with the value that the user chose."""

    def __init__(self, tooltip: str) -> None:
        super().__init__()
        self.setToolTip(tooltip)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(6)
        self.activated.connect(self._on_activated)

    @property
    def value(self) -> object:
        """What is chosen."""
        return self.currentData()

    def set_choices(self, choices: Sequence[tuple[str, object]], value: object) -> None:
        """Show other choices."""
        self.clear()
        for text, data in choices:
            self.addItem(text, data)
        self.show_value(value)

    def show_value(self, value: object) -> None:
        """Show a value as chosen; the first one if it is not among the choices."""
        position = next((i for i in range(self.count()) if self.itemData(i) == value), 0)
        self.setCurrentIndex(position)

    def _on_activated(self, _: int) -> None:
        self.chosen.emit(self.currentData())


class FormGroup(QGroupBox):
    """A titled group of labelled rows.

    Parameters
    ----------
    title : str
        Of the group.
    """

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(8, 8, 8, 8)
        self._column.setSpacing(4)
        self._form = self._add_form()

    def _add_form(self) -> QFormLayout:
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setHorizontalSpacing(8)
        form.setVerticalSpacing(4)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._column.addLayout(form)
        return form

    def add_row(self, name: str, widget: QWidget) -> None:
        """Add a widget with a label, which has the widget's tooltip."""
        self._form.addRow(name, widget)
        label = self._form.labelForField(widget)
        if label is not None:
            label.setToolTip(widget.toolTip())
            text_width = label.fontMetrics().horizontalAdvance(WIDEST_LABEL)
            label.setMinimumWidth(text_width + LABEL_ROOM)

    def add_wide(self, widget: QWidget) -> None:
        """Add a widget over the whole width; rows that follow stand below it."""
        # Not a row of the form, which gives wrapped text too little height.
        self._column.addWidget(widget)
        self._form = self._add_form()


def make_button(text: str, tooltip: str, slot: Callable[[], None]) -> QPushButton:
    """Make a push button."""
    button = QPushButton(text)
    button.setToolTip(tooltip)
    button.clicked.connect(slot)
    return button


def make_plus(tooltip: str, slot: Callable[[], None]) -> QPushButton:
    """Make a small button that adds something."""
    button = make_button("+", tooltip, slot)
    button.setFixedWidth(PLUS_WIDTH)
    return button


def side_by_side(*widgets: QWidget) -> QWidget:
    """Put widgets into one row."""
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(4)
    for widget in widgets:
        layout.addWidget(widget)
    row.setToolTip(widgets[0].toolTip())
    return row
