"""The parts of the dock for model and layers, and for segmenting what is drawn. It knows Qt alone."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_catsam.plugin.channels.row import ChannelsRow
from napari_catsam.plugin.dock.folding import Fold
from napari_catsam.plugin.dock.parts import (
    ChoiceBox,
    FormGroup,
    make_button,
    make_plus,
    side_by_side,
)

__all__ = ["SegmentView"]


class SegmentView(QWidget):
    """Model and layers; emits what the user wants and shows what it is told.

    Attributes
    ----------
    batch : Fold
        Segments what is drawn in other layers; it stands elsewhere in the dock.
    """

    segment_requested = Signal()
    shapes_requested = Signal()
    points_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.backbone = ChoiceBox(
            "The frozen Segment Anything model.\nvit_nano comes with the package; the others are "
            "official weights, fetched by\nnapari-catsam models download NAME"
        )
        self.device = ChoiceBox("Where the model computes; auto takes a GPU if there is one.")
        self.variant = ChoiceBox(
            "The base or the adapted model.\nSegment with each into a layer of its own to compare."
        )
        self.image = ChoiceBox(
            "The image to segment.\nIts contrast limits and gamma are what the model sees."
        )
        self.channels = ChannelsRow()
        self.shapes = ChoiceBox(
            "Each rectangle, ellipse and polygon of this layer on the current plane is one object."
        )
        self.points = ChoiceBox(
            "Each point of this layer on the current plane is one object.\n"
            "Points whose feature “label” is 0 are negative."
        )
        self.target = ChoiceBox(
            "Where masks are written, under the next free numbers.\nObjects that are there stay as "
            "they are; Ctrl+Z in that layer takes masks back."
        )
        self.segment_button = make_button(
            "Segment", "Turn every box and every point into an object.",
            self._on_segment_clicked, "segment",
        )  # fmt: skip
        self._layers, self._drawn = FormGroup("Layers"), FormGroup("")
        self._lay_out()

    def _lay_out(self) -> None:
        model = FormGroup("Model")
        model.add_row("backbone", self.backbone)
        model.add_row("device", self.device)
        model.add_row("use", self.variant)
        add_shapes = make_plus("Add a layer to draw boxes in.", self._on_add_shapes_clicked)
        add_points = make_plus("Add a layer to click objects in.", self._on_add_points_clicked)
        layers, drawn = self._layers, self._drawn
        layers.add_row("image", self.image)
        layers.add_row("channels", self.channels)
        layers.add_row("into", self.target)
        drawn.add_row("boxes", side_by_side(self.shapes, add_shapes))
        drawn.add_row("points", side_by_side(self.points, add_points))
        drawn.add_wide(self.segment_button)
        self.batch = Fold(
            "Segment what is drawn", "Segment all boxes and points of layers at once.", drawn
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(model)
        layout.addWidget(layers)

    def show_channels(self, *, visible: bool) -> None:
        """Show the row for channels, or hide it where there is nothing to choose."""
        self._layers.show_row(self.channels, visible=visible)

    def set_ready(self, *, ready: bool) -> None:
        """Let the user press Segment, or not; show the button when it can be pressed."""
        if ready and not self.segment_button.isEnabled():
            self.batch.unfold()
        self.segment_button.setEnabled(ready)

    def _on_segment_clicked(self) -> None:
        self.segment_requested.emit()

    def _on_add_shapes_clicked(self) -> None:
        self.shapes_requested.emit()

    def _on_add_points_clicked(self) -> None:
        self.points_requested.emit()
