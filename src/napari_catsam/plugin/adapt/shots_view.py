"""What there is to learn from: a line, and a row of small pictures. It knows Qt alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from napari_catsam.plugin.dock.parts import SPACE, TextBlock

__all__ = ["ShotsView"]

SIDE = 56
"""Pixels of a picture on the screen."""

IN_A_ROW = 4

TOOLTIP = (
    "The masks that can be learnt from; some are never trained on and tell whether it helps.\n"
    "Green outlines are trained on, orange ones are held out, wholly or in part."
)


class ShotsView(QWidget):
    """Counts and pictures of the shots."""

    def __init__(self) -> None:
        super().__init__()
        self.text = TextBlock(TOOLTIP)
        self.pictures: list[QLabel] = []
        self._row = QWidget()
        self._grid = QGridLayout(self._row)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(SPACE)
        self._grid.setColumnStretch(IN_A_ROW, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE)
        layout.addWidget(self.text)
        layout.addWidget(self._row)
        self.show_shots("", [])

    def show_shots(self, text: str, pictures: Sequence[tuple[npt.NDArray[np.uint8], str]]) -> None:
        """Show a line, and pictures (h, w, 3) with what each one is; nothing for empty ones."""
        self.text.setText(text)
        self.text.setVisible(bool(text))
        for label in self.pictures:
            self._grid.removeWidget(label)
            label.deleteLater()
        self.pictures = [_make_label(pixels, words) for pixels, words in pictures]
        for number, label in enumerate(self.pictures):
            self._grid.addWidget(label, number // IN_A_ROW, number % IN_A_ROW)
        self._row.setVisible(bool(self.pictures))


def _make_label(pixels: npt.NDArray[np.uint8], words: str) -> QLabel:
    height, width = pixels.shape[:2]
    content = np.ascontiguousarray(pixels).tobytes()
    image = QImage(content, width, height, 3 * width, QImage.Format.Format_RGB888)
    label = QLabel()
    # The pixmap is a copy: the image would not outlive its bytes.
    label.setPixmap(
        QPixmap.fromImage(image).scaled(
            SIDE, SIDE, Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
    )  # fmt: skip
    label.setToolTip(words)
    return label
