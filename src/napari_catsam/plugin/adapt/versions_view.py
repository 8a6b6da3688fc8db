"""The list of models: the base, and each adapter as a version. It knows Qt alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
from qtpy.QtWidgets import QLineEdit, QListWidget, QVBoxLayout

from napari_catsam.plugin.adapt.versions import ENDING
from napari_catsam.plugin.dock.fitted import FittedView
from napari_catsam.plugin.dock.parts import SPACE, make_button, side_by_side

__all__ = ["VersionsView", "list_adapter_files"]

MOST_SHOWN = 5
"""Rows that are seen at once."""

ROOM = 6
"""Pixels of a row above and below its text, together."""

TOOLTIP = (
    "The models to choose from; the marked one segments. Choose an earlier one or the base to go\n"
    "back to it. Adapter files can be dropped here."
)


class VersionsView(FittedView):
    """Which model segments; emits what the user wants and shows what it is told.

    A version is named by its number; the base model is 0.
    """

    use_requested = Signal(int)
    delete_requested = Signal(int)
    note_written = Signal(int, str)
    files_dropped = Signal(list)
    """Paths of adapter files."""

    def __init__(self) -> None:
        super().__init__()
        self.list = _FileList()
        self.list.dropped.connect(self.files_dropped)
        self.list.currentRowChanged.connect(self._on_row_changed)
        self.note = QLineEdit()
        self.note.setPlaceholderText("note")
        self.note.setToolTip("Your words about this version.")
        self.note.textEdited.connect(self._on_note_typed)
        self.note.editingFinished.connect(self._on_note_edited)
        self.delete = make_button(
            "Delete", "Forget this version; files that were saved stay.",
            self._on_delete_clicked, "delete",
        )  # fmt: skip
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE)
        layout.addWidget(self.list)
        layout.addWidget(side_by_side(self.note, self.delete))
        self._numbers: list[int] = []
        self._note = ""
        self._typed_for: int | None = None  # whose note is being typed
        self.show_versions([(0, "base model")], 0, "")

    def show_versions(self, rows: Sequence[tuple[int, str]], used: int, note: str) -> None:
        """Show numbers and texts, the one in use as chosen, and the note of that."""
        self.list.blockSignals(True)  # nothing here is the user's choice
        self._numbers = [number for number, _ in rows]
        texts = [text for _, text in rows]
        if texts != [self._text_at(row) for row in range(self.list.count())]:
            self.list.clear()
            self.list.addItems(texts)
            for row, text in enumerate(texts):
                item = self.list.item(row)
                if item is not None:
                    item.setToolTip(text)
        self.list.setCurrentRow(self._numbers.index(used))
        self.list.blockSignals(False)
        self.fit()
        self._note = note
        if self._typed_for not in self._numbers:
            self._typed_for = None
            self.note.setText(note)
        self.note.setEnabled(used > 0)
        self.delete.setEnabled(used > 0)

    def fit(self) -> None:
        """Give each row the height of its text, and the list that of its rows, up to some."""
        self.list.ensurePolished()
        height = self.list.fontMetrics().height() + ROOM
        for item in filter(None, map(self.list.item, range(self.list.count()))):
            item.setSizeHint(QSize(0, height))
        shown = min(self.list.count(), MOST_SHOWN)
        self.list.setFixedHeight(shown * height + 2 * self.list.frameWidth())

    def _text_at(self, row: int) -> str:
        item = self.list.item(row)
        return "" if item is None else item.text()

    def _number(self) -> int:
        return self._numbers[max(0, self.list.currentRow())]

    def _on_row_changed(self, row: int) -> None:
        if row >= 0:
            self.use_requested.emit(self._numbers[row])

    def _on_note_typed(self) -> None:
        if self._typed_for is None:
            self._typed_for = self._number()

    def _on_note_edited(self) -> None:
        text, number = self.note.text(), self._number()
        # Another version may have come into use while the note of this one was typed.
        noted, self._typed_for = self._typed_for, None
        if noted not in (None, number):
            self.note.setText(self._note)
            self.note_written.emit(noted, text)
        elif text != self._note:
            self.note_written.emit(number, text)

    def _on_delete_clicked(self) -> None:
        self.delete_requested.emit(self._number())


class _FileList(QListWidget):
    """A list that takes adapter files that are dropped on it."""

    dropped = Signal(list)
    """Their paths."""

    def __init__(self) -> None:
        super().__init__()
        self.setAcceptDrops(True)
        self.setToolTip(TOOLTIP)
        # What is too long is cut with an ellipsis, and told by the tooltip.
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Take adapter files."""
        if event is not None and list_adapter_files(event):
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent | None) -> None:
        """Take adapter files, wherever in the list."""
        if event is not None and list_adapter_files(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Tell of adapter files."""
        if event is not None and (paths := list_adapter_files(event)):
            event.acceptProposedAction()
            self.dropped.emit(paths)


def list_adapter_files(event: QDropEvent) -> list[str]:
    """Return the paths of the adapter files that are dragged."""
    content = event.mimeData()
    if content is None:
        return []
    paths = [url.toLocalFile() for url in content.urls()]
    return [path for path in paths if Path(path).suffix == ENDING]
