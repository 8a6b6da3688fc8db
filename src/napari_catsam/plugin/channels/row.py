"""The row of the dock in which channels become red, green and blue. It knows Qt alone."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QVBoxLayout, QWidget

from napari_catsam.plugin.dock.parts import ChoiceBox

__all__ = ["ChannelsRow"]

COLOURS = ("red", "green", "blue")


class ChannelsRow(QWidget):
    """Where the channels come from, and below it one box a colour while they come from somewhere.

    Attributes
    ----------
    source : ChoiceBox
        The image as it is shown, layers, or an axis.
    picks : tuple of ChoiceBox
        Red, green and blue.
    """

    source_chosen = Signal(object)
    """Where channels are to come from."""
    picks_chosen = Signal(object)
    """What is chosen for red, green and blue, a tuple."""

    def __init__(self) -> None:
        super().__init__()
        self.setToolTip(
            "What the model sees: the image as it is shown, or up to three channels as RGB."
        )
        self.source = ChoiceBox(self.toolTip())
        self.picks = tuple(
            ChoiceBox(
                f"The channel that is {colour} to the model, by its contrast limits and gamma.\n"
                "The colours of the viewer do not matter."
            )
            for colour in COLOURS
        )
        self._boxes = QWidget()
        form = QFormLayout(self._boxes)
        form.setContentsMargins(0, 0, 0, 0)
        form.setSpacing(4)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for colour, box in zip(COLOURS, self.picks, strict=True):
            form.addRow(colour[0].upper(), box)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.source)
        layout.addWidget(self._boxes)
        self.source.chosen.connect(self.source_chosen)
        for box in self.picks:
            box.setMinimumContentsLength(2)
            box.chosen.connect(self._on_pick_chosen)
        self._boxes.hide()

    def show_sources(self, sources: Sequence[tuple[str, object]], value: object) -> None:
        """Show where channels can come from, and where they do."""
        self.source.set_choices(sources, value)

    def show_picks(self, choices: Sequence[tuple[str, object]], values: Sequence[object]) -> None:
        """Show what can be red, green and blue, and what is; without values the boxes are hidden."""
        self._boxes.setVisible(bool(values))
        for box, value in zip(self.picks, values, strict=False):
            box.set_choices(choices, value)

    def _on_pick_chosen(self, _: object) -> None:
        self.picks_chosen.emit(tuple(box.value for box in self.picks))
