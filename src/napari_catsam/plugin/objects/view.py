"""The part of the dock with the objects of a layer: their classes, and a table. It knows Qt alone."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QItemSelectionModel, QModelIndex, Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_catsam.plugin.dock.parts import FormGroup, TextBlock, make_button, side_by_side
from napari_catsam.plugin.objects.class_box import ClassBox, ClassDelegate
from napari_catsam.plugin.objects.rows import ObjectsRows
from napari_catsam.plugin.objects.table import CLASS, ObjectRow, ObjectsTable

__all__ = ["ObjectsView"]


class ObjectsView(QWidget):
    """A table of objects; emits what the user wants and shows what it is told."""

    class_chosen = Signal(str)
    """The class of the objects that are accepted next."""
    class_edited = Signal(object, str)
    """Labels of objects, and the class that they are to have."""
    selected = Signal(int)
    jump_requested = Signal(int)
    refine_requested = Signal(int)
    delete_requested = Signal(object)
    """Labels of objects."""

    def __init__(self) -> None:
        super().__init__()
        self._showing = False
        self.classes = ClassBox(
            "The class of the objects that you accept next.\nType a name to add a class."
        )
        self.assign = make_button(
            "Set class", "Give the class above to the selected objects.",
            self._on_assign_clicked, "class",
        )  # fmt: skip
        self.table = ObjectsTable(self)
        self.rows = ObjectsRows()
        self.rows.setModel(self.table)
        self.rows.setToolTip("The objects; a double click brings one into view.")
        self.rows.setItemDelegateForColumn(CLASS, ClassDelegate(self._list_classes, self))
        self.summary = TextBlock()
        self.jump = make_button(
            "Jump",
            "Show the plane with the object, and move the view there if it is not well in sight\n"
            "(double click).",
            self._on_jump,
            "jump",
        )
        self.refine = make_button(
            "Refine",
            "Correct the object by clicks; it keeps its number.",
            self._on_refine,
            "refine",
        )
        self.delete = make_button(
            "Delete", "Delete the selected objects (Delete); Ctrl+Z brings them back.",
            self._on_delete, "delete",
        )  # fmt: skip
        self._lay_out()
        self._connect()
        self.show_rows((), "pixels", "")

    def _lay_out(self) -> None:
        group = FormGroup("Objects")
        group.add_row("class", self.classes)
        group.add_wide(self.rows)
        group.add_wide(self.summary)
        group.add_wide(side_by_side(self.jump, self.refine))
        group.add_wide(side_by_side(self.assign, self.delete))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(group)

    def _connect(self) -> None:
        self.classes.chosen.connect(self.class_chosen)
        self.table.class_edited.connect(self.class_edited)
        self.rows.doubleClicked.connect(self._on_double_clicked)
        self.rows.delete_pressed.connect(self._on_delete)
        self.rows.jump_pressed.connect(self._on_jump)
        selection = self.rows.selectionModel()
        if selection is not None:
            selection.currentRowChanged.connect(self._on_current_changed)
            selection.selectionChanged.connect(self._show_buttons)

    # WHAT IS SHOWN

    def show_classes(self, classes: Sequence[str], current: str) -> None:
        """Show which classes there are, and which one new objects get."""
        self.classes.show_classes(classes, current)

    def show_rows(self, rows: Sequence[ObjectRow], size_name: str, summary: str) -> None:
        """Show objects.

        Parameters
        ----------
        rows : sequence of ObjectRow
            In any order.
        size_name : str
            Header of their size.
        summary : str
            Below the table.
        """
        before, place = self.current, self.rows.currentIndex().row()
        self._showing = True
        self.table.show_rows(rows, size_name)
        self.rows.has_planes = any(row.planes > 1 for row in rows)
        self.rows.fit()
        self._showing = False
        self.summary.setText(summary)
        if before is not None and self.table.find(before) is None:
            self._select_next(place)
        self._show_buttons()

    def show_selected(self, number: int) -> None:
        """Show an object as selected; none if the table lacks it."""
        if number == self.current and self.selection:
            return
        row = self.table.find(number)
        self._showing = True
        if row is None:
            self.rows.clearSelection()
        else:
            self._select_alone(row)
        self._showing = False

    def _select_alone(self, row: int) -> None:
        # selectRow() asks which keys are held, and with Ctrl it would take the row out again.
        model, flag = self.rows.selectionModel(), QItemSelectionModel.SelectionFlag
        if model is not None:
            model.setCurrentIndex(self.table.index(row, 0), flag.ClearAndSelect | flag.Rows)

    @property
    def current(self) -> int | None:
        """The object of the row with the cursor."""
        index = self.rows.currentIndex()
        return self.table.rows[index.row()].id if index.isValid() else None

    @property
    def selection(self) -> tuple[int, ...]:
        """The selected objects, from the top."""
        model = self.rows.selectionModel()
        indices = [] if model is None else model.selectedRows()
        return tuple(self.table.rows[row].id for row in sorted(i.row() for i in indices))

    def _select_next(self, place: int) -> None:
        """Select what stands where an object was that is gone, so that the next key is about it."""
        place = min(place, self.table.rowCount() - 1)
        if place >= 0 and (self.rows.hasFocus() or self.delete.hasFocus()):
            self.show_selected(self.table.rows[place].id)
            self.selected.emit(self.table.rows[place].id)

    def _list_classes(self) -> list[str]:
        return self.classes.classes

    def _show_buttons(self) -> None:
        count = len(self.selection)
        for button, usable in (
            (self.jump, count == 1), (self.refine, count == 1),
            (self.delete, count > 0), (self.assign, count > 0),
        ):  # fmt: skip
            button.setEnabled(usable)

    # FROM THE USER

    def _on_current_changed(self, index: QModelIndex, _: QModelIndex) -> None:
        if index.isValid() and not self._showing:
            self.selected.emit(self.table.rows[index.row()].id)

    def _on_double_clicked(self, index: QModelIndex) -> None:
        if index.column() != CLASS:
            self.jump_requested.emit(self.table.rows[index.row()].id)

    def _on_jump(self) -> None:
        if len(self.selection) == 1:
            self.jump_requested.emit(self.selection[0])

    def _on_refine(self) -> None:
        if len(self.selection) == 1:
            self.refine_requested.emit(self.selection[0])

    def _on_delete(self) -> None:
        if self.selection:
            self.delete_requested.emit(self.selection)

    def _on_assign_clicked(self) -> None:
        if self.selection:
            self.class_edited.emit(self.selection, self.classes.currentText().strip())
