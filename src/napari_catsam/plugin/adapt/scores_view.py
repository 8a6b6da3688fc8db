"""A table of scores, before and after, of each held-out mask. It knows Qt alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
)

from napari_catsam.plugin.dock.fitted import FittedView
from napari_catsam.plugin.dock.parts import SPACE, TextBlock

__all__ = ["ScoreRow", "ScoresView"]

COLUMNS = ("held-out mask", "before", "after")

BETTER, WORSE, SAME = "▲", "▼", "="

MOST_SHOWN = 6
"""Rows that are seen at once; the others are scrolled to."""


ROOM = 6
"""Pixels of a row above and below its text, together."""


class ScoreRow(NamedTuple):
    """One mask.

    Attributes
    ----------
    name : str
        What it is.
    before, after : float
        Overlap (IoU) with it.
    """

    name: str
    before: float
    after: float


class ScoresView(FittedView):
    """The table, and a sentence that says what it comes to."""

    def __init__(self) -> None:
        super().__init__()
        self.table = QTableWidget(0, len(COLUMNS))
        self.table.setHorizontalHeaderLabels(list(COLUMNS))
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.setToolTip(
            "Overlap (IoU) with each mask that was not trained on, by the model that the training\n"
            "began with and by the adapted one."
        )
        rows, columns = self.table.verticalHeader(), self.table.horizontalHeader()
        if rows is not None and columns is not None:
            rows.hide()
            columns.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            columns.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.verdict = TextBlock("Whether the gain is more than the noise of the scores.")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE)
        layout.addWidget(self.table)
        layout.addWidget(self.verdict)
        self.show_scores([], "")

    def show_scores(self, rows: Sequence[ScoreRow], verdict: str) -> None:
        """Show a row a mask, with what they come to; nothing for no rows and an empty verdict."""
        self.table.setRowCount(len(rows))
        for number, row in enumerate(rows):
            before, after = f"{row.before:.2f}", f"{row.after:.2f}"
            # Of what is shown: "0.97" and "0.97 ▲" below each other would contradict themselves.
            mark = SAME if before == after else BETTER if row.after > row.before else WORSE
            for column, text in enumerate((row.name, before, f"{after} {mark}")):
                item = QTableWidgetItem(text)
                item.setToolTip(f"{row.name}: {row.before:.3f} → {row.after:.3f}")
                if column:
                    item.setTextAlignment(
                        Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                    )
                self.table.setItem(number, column, item)
        self.table.setVisible(bool(rows))
        self.fit()
        self.verdict.setText(verdict)
        self.verdict.setVisible(bool(verdict))

    def fit(self) -> None:
        """Give each row the height of its text, and the table that of its rows, up to some."""
        self.table.ensurePolished()
        for number in range(self.table.rowCount()):
            self.table.setRowHeight(number, self.table.fontMetrics().lineSpacing() + ROOM)
        shown = min(self.table.rowCount(), MOST_SHOWN)
        heights = [self.table.rowHeight(number) for number in range(shown)]
        columns = self.table.horizontalHeader()
        head = 0 if columns is None else columns.sizeHint().height()
        self.table.setFixedHeight(head + sum(heights) + 2 * self.table.frameWidth() + 2)
