"""The table of objects as it is drawn, in a narrow dock too. It knows Qt alone."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QSize, Qt, Signal
from qtpy.QtGui import QKeyEvent, QResizeEvent
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from napari_catsam.plugin.objects.table import (
    CLASS,
    ID,
    PLANES,
    SCORE,
    SIZE,
    SWATCH,
    ObjectsTable,
)

__all__ = ["ObjectsRows"]

LEAST_HEIGHT = 190
"""Pixels of the table: its header and six rows."""

MARGIN = 10
"""Pixels of a column beside its widest usual text."""

WIDEST = ("00000", "", "00000", "score", "planes")
"""Usual text of each column, or its header; columns with more can be drawn wider."""

LEAST_CLASS = "object"
"""Of a class this much is shown; where the table is narrower it has no sizes."""

ROOM_FOR_PLANES = 320
"""Pixels of the table from which on it has that column as well."""


class ObjectsRows(QTableView):
    """A table whose columns fit a narrow dock."""

    delete_pressed = Signal()
    jump_pressed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self.setSortingEnabled(True)
        self.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWordWrap(False)
        self.setIconSize(QSize(SWATCH, SWATCH))
        self.setMinimumHeight(LEAST_HEIGHT)
        self.setTabKeyNavigation(False)
        self.has_planes = False
        rows = self.verticalHeader()
        if rows is not None:
            rows.hide()

    def setModel(self, model: ObjectsTable | None) -> None:  # type: ignore[override]
        """Show a model; the class gets the room that the other columns leave."""
        super().setModel(model)
        columns = self.horizontalHeader()
        if columns is not None:
            columns.setMinimumSectionSize(30)
            columns.setHighlightSections(False)  # bold headers do not fit
            columns.setSectionResizeMode(CLASS, QHeaderView.ResizeMode.Stretch)
        self._set_widths()

    def fit(self) -> None:
        """Show the planes where objects have several and there is room, and sizes where there is."""
        self.setColumnHidden(PLANES, not self.has_planes or self.width() < ROOM_FOR_PLANES)
        view = self.viewport()
        if view is None:
            return
        fixed = sum(self._find_width(WIDEST[column]) for column in (ID, SIZE, SCORE))
        self.setColumnHidden(SIZE, view.width() - fixed < self._find_width(LEAST_CLASS))

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Show as many columns as there is room for."""
        super().resizeEvent(event)
        self.fit()

    def changeEvent(self, event: QEvent | None) -> None:
        """Fit the columns to another font, such as that of napari's style."""
        super().changeEvent(event)
        if event is not None and event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._set_widths()

    def _set_widths(self) -> None:
        rows = self.verticalHeader()
        if rows is None or self.model() is None:
            return
        rows.setDefaultSectionSize(self.fontMetrics().lineSpacing() + 6)
        for column, text in enumerate(WIDEST):
            if text:
                self.setColumnWidth(column, self._find_width(text))
        self.fit()

    def _find_width(self, text: str) -> int:
        return self.fontMetrics().horizontalAdvance(text) + MARGIN

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Delete and jump by keys."""
        key = None if event is None else event.key()
        if self.state() == QAbstractItemView.State.EditingState:
            super().keyPressEvent(event)  # Return has ended the editor, and comes by here
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.delete_pressed.emit()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.jump_pressed.emit()
        else:
            super().keyPressEvent(event)
