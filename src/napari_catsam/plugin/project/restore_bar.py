"""The bar that offers work of an earlier time. It knows Qt alone."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_catsam.plugin.dock.parts import FormGroup, TextBlock, make_button, side_by_side

__all__ = ["RestoreBar"]


class RestoreBar(QWidget):
    """Says what there is of an earlier time, with two buttons; hidden while there is nothing."""

    restore_requested = Signal()
    discard_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.text = TextBlock()
        self.restore_button = make_button(
            "Restore",
            "Add the saved layers to the viewer; what is there stays as it is.",
            self._on_restore_clicked,
            "restore",
        )
        self.discard_button = make_button(
            "Discard", "Delete what was saved; it cannot be taken back.",
            self._on_discard_clicked, "delete",
        )  # fmt: skip
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        group = FormGroup("Saved earlier")
        group.add_wide(self.text)
        group.add_wide(side_by_side(self.restore_button, self.discard_button))
        layout.addWidget(group)
        self.hide()

    def show_offer(self, text: str, tooltip: str) -> None:
        """Show what there is; hide the bar for an empty text."""
        self.text.setText(text)
        self.text.setToolTip(tooltip)
        self.setVisible(bool(text))
        self.set_ready(ready=True)

    def set_ready(self, *, ready: bool) -> None:
        """Let the user press the buttons, or not."""
        self.restore_button.setEnabled(ready)
        self.discard_button.setEnabled(ready)

    def _on_restore_clicked(self) -> None:
        self.restore_requested.emit()

    def _on_discard_clicked(self) -> None:
        self.discard_requested.emit()
