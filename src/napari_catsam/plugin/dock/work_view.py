"""The last group of the dock: where the work is saved, since when, and the way out of it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QLabel, QVBoxLayout, QWidget

from napari_catsam.plugin.dock.folding import Fold
from napari_catsam.plugin.dock.parts import FormGroup, make_button, side_by_side

__all__ = ["WorkView"]

NOTHING_YET = "nothing yet"

FORMATS = {
    "objects as COCO (*.json)": (".json",),
    "labels as TIFF with their scale (*.tif)": (".tif", ".tiff"),
    "labels as OME-Zarr (*.ome.zarr)": (".ome.zarr", ".zarr"),
    "objects of a georeferenced image as GeoJSON (*.geojson)": (".geojson",),
}
"""What can be chosen, and the ends of a name that belong to it, the usual one first."""


class WorkView(QWidget):
    """Says that the work is saved, and lets the user choose where, and export it."""

    folder_chosen = Signal(str)
    export_requested = Signal(str)
    """A path, with an end that says in which form."""

    def __init__(self) -> None:
        super().__init__()
        self.saved = QLabel()
        self.folder_button = make_button(
            "Folder…",
            "Choose where the work on this image is kept; what is saved already moves there.",
            self._on_folder_clicked,
            "open",
        )
        self.exporting = QLabel()
        self.export_button = make_button(
            "Export…",
            "Write the masks to a file for other programs: COCO, TIFF, OME-Zarr, or GeoJSON for a "
            "georeferenced image. It is written in the background.",
            self._on_export_clicked,
            "export",
        )
        group = FormGroup("")
        group.add_row("saved", side_by_side(self.saved, self.folder_button))
        group.add_row("masks", side_by_side(self.exporting, self.export_button))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(Fold("Your work", "Where it is saved, and files for others.", group))
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

    def show_exporting(self, name: str) -> None:
        """Show that a file is being written; an empty name for none."""
        self.exporting.setText("exporting…" if name else "")
        self.exporting.setToolTip(name)

    def show_allowed(self, *, allowed: bool) -> None:
        """Show that nothing is saved, or that it is again."""
        self.show_saved(None)
        if not allowed:
            self.saved.setText("off")
            self.saved.setToolTip("Autosave is off in File > Preferences > CAT-SAM.")

    def _on_folder_clicked(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Keep the work on this image in")
        if path:
            self.folder_chosen.emit(path)

    def _on_export_clicked(self) -> None:
        path, chosen = QFileDialog.getSaveFileName(self, "Export the masks", "", ";;".join(FORMATS))
        if path:
            self.export_requested.emit(add_suffix(path, chosen))


def add_suffix(path: str, chosen: str) -> str:
    """Add the usual end of a chosen form to a path that has none of any form."""
    if path.lower().endswith(tuple(end for ends in FORMATS.values() for end in ends)):
        return path
    return path + FORMATS.get(chosen, (".tif",))[0]
