"""A view whose rows follow the font: napari sets its style after the view was made."""

from __future__ import annotations

from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QWidget

__all__ = ["FittedView"]


class FittedView(QWidget):
    """Calls :meth:`fit` whenever font or style changed."""

    def fit(self) -> None:
        """Give the rows the height of their text."""
        raise NotImplementedError

    def changeEvent(self, event: QEvent | None) -> None:
        """Fit the rows to the new font."""
        super().changeEvent(event)
        if event is not None and event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self.fit()
