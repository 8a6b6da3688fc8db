"""Where a class of objects is chosen, or typed. It knows Qt alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qtpy.QtCore import QModelIndex, QObject, Qt, Signal
from qtpy.QtWidgets import QComboBox, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from napari_catsam.plugin.objects.table import ObjectsTable

__all__ = ["ClassBox", "ClassDelegate"]


class ClassBox(QComboBox):
    """A choice among classes, to which another one can be typed.

    Parameters
    ----------
    tooltip : str
        What it is the class of.
    """

    chosen = Signal(str)
    """Emitted with the class that the user chose or typed, if it is another one."""

    def __init__(self, tooltip: str) -> None:
        super().__init__()
        self.setToolTip(tooltip)
        self._shown = ""
        self.setEditable(True)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(6)
        self.activated.connect(self._on_typed)
        line = self.lineEdit()
        if line is not None:
            line.editingFinished.connect(self._on_typed)

    @property
    def classes(self) -> list[str]:
        """All that can be chosen."""
        return [self.itemText(n) for n in range(self.count())]

    def show_classes(self, classes: Sequence[str], current: str) -> None:
        """Show which classes there are, and one of them as chosen."""
        self._shown = current
        if self.classes != list(classes):
            self.clear()
            self.addItems(list(classes))
        self.setCurrentText(current)

    def _on_typed(self) -> None:
        name = self.currentText().strip()
        if not name:
            self.setCurrentText(self._shown)
        elif name != self._shown:
            self._shown = name
            self.chosen.emit(name)


class ClassDelegate(QStyledItemDelegate):
    """Lets the class of a row be chosen, or typed.

    Parameters
    ----------
    list_classes : callable
        Returns what can be chosen.
    parent : QObject
        Its owner.
    """

    def __init__(self, list_classes: Callable[[], list[str]], parent: QObject) -> None:
        super().__init__(parent)
        self._list_classes = list_classes

    def createEditor(
        self, parent: QWidget | None, option: QStyleOptionViewItem, index: QModelIndex
    ) -> QWidget:
        """Make a box with the classes there are."""
        box = QComboBox(parent)
        box.setEditable(True)
        box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        box.addItems(self._list_classes())
        box.setToolTip("The class of this object; choose one, or type another name.")
        return box

    def setEditorData(self, editor: QWidget | None, index: QModelIndex) -> None:
        """Show the class of the row."""
        if isinstance(editor, QComboBox):
            editor.setCurrentText(str(index.data(Qt.ItemDataRole.EditRole)))

    def setModelData(self, editor: QWidget | None, model: object, index: QModelIndex) -> None:
        """Give the row the class that was chosen."""
        if isinstance(editor, QComboBox) and isinstance(model, ObjectsTable):
            model.setData(index, editor.currentText())
