"""The last group of the dock: where the work is saved, and since when. It knows Qt alone."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QLabel, QVBoxLayout, QWidget

from napari_catsam.plugin.parts import FormGroup, make_button, side_by_side

__all__ = ["WorkView"]

NOTHING_YET = "nothing yet"


class WorkView(QWidget):
    """Says that the work is saved, and lets the user choose where."""

    folder_chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.saved = QLabel()
        self.folder_button = make_button(
            "Folder…",
            "Choose where the work on this image is kept; what is saved already moves there.",
            self._on_folder_clicked,
        )
        group = FormGroup("Your work")
        group.add_row("saved", side_by_side(self.saved, self.folder_button))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(group)
        self.show_saved(None)

    def show_saved(self, folder: Path | None) -> None:
        """Show that all is on disk as of now, in a folder; None for nothing yet."""
        self.saved.setText(NOTHING_YET if folder is None else f"{datetime.now():%H:%M:%S}")
        self.saved.setToolTip(
            "Masks, prompts and the choice of model are saved a few seconds after each change."
            if folder is None
            else f"All of it is in\n{folder}"
        )

    def show_not_saved(self, text: str) -> None:
        """Show that the last changes are not on disk."""
        self.saved.setText("not saved")
        self.saved.setToolTip(text)

    def _on_folder_clicked(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Keep the work on this image in")
        if path:
            self.folder_chosen.emit(path)
