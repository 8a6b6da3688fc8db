"""A button that looks for what to annotate next, and the places found. It knows Qt alone."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from napari_catsam.plugin.dock.parts import SPACE, make_button

__all__ = ["SuggestView"]

ROOM = 6
"""Pixels of a row above and below its text."""

SUGGEST, STOP = "Suggest next", "Stop looking"

TOOLTIP = (
    "Look at slices without labels, or at the parts of a lone plane, and go where the base and the\n"
    "adapted model disagree most or expect bad masks: what is annotated there teaches most."
)


class SuggestView(QWidget):
    """Emits what the user wants and shows what it is told.

    Attributes
    ----------
    button : QPushButton
        Starts looking, or stops it.
    list : QListWidget
        The places, the best first.
    """

    suggest_requested = Signal()
    stop_requested = Signal()
    place_chosen = Signal(int)
    """Number of the place in the list."""

    def __init__(self) -> None:
        super().__init__()
        self.button = make_button(SUGGEST, TOOLTIP, self._on_clicked)
        self.list = QListWidget()
        self.list.setToolTip("Where to annotate next, the best first; a click goes there.")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setWordWrap(True)
        self.list.itemClicked.connect(self._on_item_chosen)
        self.list.itemActivated.connect(self._on_item_chosen)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE)
        layout.addWidget(self.button)
        layout.addWidget(self.list)
        self._looking = False
        self.show_places([])

    def show_looking(self, *, looking: bool, ready: bool) -> None:
        """Say whether places are looked for, and whether that can be asked for."""
        self._looking = looking
        self.button.setText(STOP if looking else SUGGEST)
        self.button.setEnabled(looking or ready)

    def show_places(self, texts: Sequence[str]) -> None:
        """Show the places in words, the first one as chosen; nothing for none."""
        self.list.clear()
        self.list.addItems(list(texts))
        for row, text in enumerate(texts):
            item = self.list.item(row)
            if item is not None:
                item.setToolTip(text)
        self.list.setVisible(bool(texts))
        if texts:
            self.list.setCurrentRow(0)
            height = max(self.list.sizeHintForRow(0), self.fontMetrics().height() + ROOM)
            self.list.setFixedHeight(len(texts) * height + 2 * self.list.frameWidth() + 2)

    def _on_clicked(self) -> None:
        (self.stop_requested if self._looking else self.suggest_requested).emit()

    def _on_item_chosen(self, item: QListWidgetItem) -> None:
        self.place_chosen.emit(self.list.row(item))
