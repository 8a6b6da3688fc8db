"""A button that looks for what to annotate next, and the places found. It knows Qt alone."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QListWidget, QListWidgetItem, QVBoxLayout

from napari_catsam.plugin.dock.fitted import FittedView
from napari_catsam.plugin.dock.parts import SPACE, make_button

__all__ = ["SuggestView"]

INSET = 5
"""Pixels of a row beside its text, on either side."""

ROOM = 6
"""Pixels of a row above and below its text, together."""

SUGGEST, STOP = "Suggest next", "Stop looking"

TOOLTIP = (
    "Look at slices without labels, or at the parts of a lone plane, and go where the base and the\n"
    "adapted model disagree most or expect bad masks: what is annotated there teaches most."
)


class SuggestView(FittedView):
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
        self.button = make_button(SUGGEST, TOOLTIP, self._on_clicked, "suggest")
        self.list = QListWidget()
        self.list.setToolTip(
            "Where to annotate next, the most doubtful first; a click goes there.\n"
            "Agreement: IoU of the masks of the base and the adapted model. Expected IoU: of the model's\n"
            "own mask. Doubt: 1 minus the mean of the two, over the objects there."
        )
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
        self.button.setEnabled(looking or ready)
        # Qt remembers the size that a button needs until it has another text; napari's themes give
        # it a border while it cannot be pressed, and that cut the text off.
        self.button.setText("")
        self.button.setText(STOP if looking else SUGGEST)
        self.button.show_icon("stop" if looking else "suggest")

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
            self.fit()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Fit the rows to the new width."""
        super().resizeEvent(event)
        self.fit()

    def fit(self) -> None:
        """Give each row the height of its text, in as many lines as that takes, and the list theirs."""
        self.list.ensurePolished()
        frame, wrap = 2 * self.list.frameWidth(), int(Qt.TextFlag.TextWordWrap.value)
        width, metrics, total = self.width() - frame - 2 * INSET, self.list.fontMetrics(), 0
        for item in filter(None, map(self.list.item, range(self.list.count()))):
            text = metrics.boundingRect(0, 0, width, 0, wrap, item.text())
            item.setSizeHint(QSize(0, text.height() + ROOM))
            total += text.height() + ROOM
        self.list.setFixedHeight(total + frame)

    def _on_clicked(self) -> None:
        (self.stop_requested if self._looking else self.suggest_requested).emit()

    def _on_item_chosen(self, item: QListWidgetItem) -> None:
        self.place_chosen.emit(self.list.row(item))
