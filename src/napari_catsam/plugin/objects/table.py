"""The objects of a layer as rows for a table. It knows Qt alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPixmap

__all__ = [
    "CLASS", "COLUMNS", "ID", "PLANES", "SCORE", "SIZE", "SWATCH", "ObjectRow", "ObjectsTable",
]  # fmt: skip

COLUMNS = ("id", "class", "size", "score", "planes")
ID, CLASS, SIZE, SCORE, PLANES = range(5)

TOOLTIPS = (
    "Its number in the layer.",
    "Double click to change it.",
    "",
    "The IoU that the model expected of its mask; empty for one drawn by hand.",
    "On how many planes it is.",
)

SWATCH = 10
"""Pixels a side of the colour beside the number."""

DIGITS = 4
"""Of the largest size; all sizes of a table have as many decimals as that."""

MOST_STEPS = 50
"""Rows that come or go one by one, with the selection kept; more are a new table."""

Role = Qt.ItemDataRole
Colour = tuple[float, float, float, float]
Index = QModelIndex


@dataclass(frozen=True)
class ObjectRow:
    """One object.

    Attributes
    ----------
    id : int
        Its label.
    name : str
        Its class.
    size : float
        In the unit that the header names.
    score : float or None
    planes : int
        On how many planes it is.
    """

    id: int
    name: str
    size: float
    score: float | None
    planes: int

    @property
    def cells(self) -> tuple[int, str, float, float, int]:
        """One value a column, to sort by; no score is below every score."""
        score = -math.inf if self.score is None else self.score
        return self.id, self.name, self.size, score, self.planes


class ObjectsTable(QAbstractTableModel):
    """Rows in the chosen order.

    Parameters
    ----------
    parent : QObject
        Its owner.
    """

    class_edited = Signal(object, str)
    """Labels of objects, and the class that the user gave them."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.rows: list[ObjectRow] = []
        self.colour_of: Callable[[int], Colour | None] = _no_colour
        self._size_name = "pixels"
        self._decimals = 0
        self._column, self._order = ID, Qt.SortOrder.AscendingOrder

    def show_rows(self, rows: Sequence[ObjectRow], size_name: str) -> None:
        """Show other objects; those that stay keep their selection.

        Parameters
        ----------
        rows : sequence of ObjectRow
            In any order.
        size_name : str
            Header of their size.
        """
        if size_name != self._size_name:
            self._size_name = size_name
            self.headerDataChanged.emit(Qt.Orientation.Horizontal, SIZE, SIZE)
        self._show_decimals(_count_decimals([row.size for row in rows]))
        wanted = self._sorted(rows)
        ids, known = {row.id for row in wanted}, {row.id for row in self.rows}
        if len(ids ^ known) > MOST_STEPS:
            self.beginResetModel()
            self.rows = wanted
            self.endResetModel()
            return
        self._remove(known - ids)
        self._arrange([row for row in wanted if row.id in known])
        self._insert(wanted, ids - known)

    def find(self, number: int) -> int | None:
        """Return the row of an object, None if it has none."""
        return next((n for n, row in enumerate(self.rows) if row.id == number), None)

    # WHAT QT ASKS FOR

    def rowCount(self, parent: Index | None = None) -> int:
        """Return the number of objects."""
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index | None = None) -> int:
        """Return the number of columns."""
        return 0 if parent is not None and parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Any, role: int = Role.DisplayRole) -> Any:
        """Name the columns."""
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(COLUMNS):
            return None
        if role == Role.DisplayRole:
            return _shorten(self._size_name) if section == SIZE else COLUMNS[section]
        if role == Role.ToolTipRole:
            return TOOLTIPS[section] or f"Its {self._size_name}; over all planes in a stack."
        return None

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        """Return what a cell shows."""
        if not index.isValid():
            return None
        row, column = self.rows[index.row()], index.column()
        if role == Role.DisplayRole:
            return self._format(row)[column]
        if role == Role.EditRole:
            return row.cells[column]
        if role == Role.TextAlignmentRole and column != CLASS:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Role.ToolTipRole:
            known = f"object {row.id} · {row.name} · {self._size_name}: {row.size:.6g}"
            return f"{known} · planes: {row.planes}"
        if role == Role.DecorationRole and column == ID:
            colour = self.colour_of(row.id)
            return None if colour is None else _make_swatch(QColor.fromRgbF(*colour))
        return None

    def flags(self, index: Index) -> Any:
        """Let the class be edited."""
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        flags = Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() == CLASS else flags

    def setData(self, index: Index, value: Any, role: int = Role.EditRole) -> bool:
        """Tell which class the user gave to an object; the row follows when it is written."""
        name, row = str(value).strip(), self.rows[index.row()]
        if role != Role.EditRole or index.column() != CLASS or not name:
            return False
        if name != row.name:
            self.class_edited.emit((row.id,), name)
        return True

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column."""
        self._column, self._order = column, order
        self._arrange(self._sorted(self.rows))

    def _format(self, row: ObjectRow) -> tuple[str, ...]:
        score = "" if row.score is None else f"{row.score:.2f}"
        return str(row.id), row.name, f"{row.size:.{self._decimals}f}", score, str(row.planes)

    # CHANGES

    def _show_decimals(self, decimals: int) -> None:
        if decimals != self._decimals:
            self._decimals = decimals
            if self.rows:
                self.dataChanged.emit(self.index(0, SIZE), self.index(len(self.rows) - 1, SIZE))

    def _sorted(self, rows: Sequence[ObjectRow]) -> list[ObjectRow]:
        ordered = sorted(rows, key=_read_id)
        down = self._order == Qt.SortOrder.DescendingOrder
        return sorted(ordered, key=lambda row: row.cells[self._column], reverse=down)

    def _remove(self, ids: set[int]) -> None:
        for number in reversed(range(len(self.rows))):
            if self.rows[number].id in ids:
                self.beginRemoveRows(Index(), number, number)
                del self.rows[number]
                self.endRemoveRows()

    def _arrange(self, rows: list[ObjectRow]) -> None:
        """Show the same objects in another order, or with other values."""
        if rows == self.rows:
            return
        before = [row.id for row in self.rows]
        moved = before != [row.id for row in rows]
        if moved:
            self.layoutAboutToBeChanged.emit()
            held = self.persistentIndexList()
            places = {row.id: number for number, row in enumerate(rows)}
            new = [self.index(places[before[i.row()]], i.column()) for i in held]
        self.rows = rows
        if moved:
            self.changePersistentIndexList(held, new)
            self.layoutChanged.emit()
        self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(COLUMNS) - 1))

    def _insert(self, wanted: list[ObjectRow], ids: set[int]) -> None:
        if not ids:
            return
        for number, row in enumerate(wanted):
            if row.id in ids:
                self.beginInsertRows(Index(), number, number)
                self.rows.insert(number, row)
                self.endInsertRows()


def _count_decimals(sizes: Sequence[float]) -> int:
    """Return with how many decimals sizes are told, below each other; none for whole numbers."""
    largest = max(sizes, default=0.0)
    if largest <= 0 or all(float(size).is_integer() for size in sizes):
        return 0
    return max(0, DIGITS - 1 - math.floor(math.log10(largest)))


def _shorten(size_name: str) -> str:
    """Return the unit alone, which fits above a narrow column; the tooltip says it all."""
    return size_name.partition("(")[2].rstrip(")") or "px"


def _make_swatch(colour: QColor) -> QIcon:
    """Return a square that keeps its colour where the row is selected."""
    square = QPixmap(SWATCH, SWATCH)
    square.fill(colour)
    icon = QIcon(square)
    icon.addPixmap(square, QIcon.Mode.Selected)
    return icon


def _read_id(row: ObjectRow) -> int:
    return row.id


def _no_colour(_: int) -> Colour | None:
    return None
