"""Which layers can be chosen, and which are: kept in step with the viewer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer, Points, Shapes

from napari_catsam.plugin.connections import Connections
from napari_catsam.plugin.parts import ChoiceBox

__all__ = ["LayerChoices"]


class LayerChoices:
    """Fills choice boxes with layers; holds layers, not names, so that they may be renamed.

    A box that shows nothing takes the next layer that fits; the target box stays at "new layer".

    Parameters
    ----------
    viewer : ViewerModel
        Whose layers.
    image, shapes, points, masks, target : ChoiceBox
        What to fill.
    on_change : callable
        A method that is called without arguments when layers, their names or what is drawn in
        them change.
    connections : Connections
        Where the connections are kept.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        *,
        image: ChoiceBox,
        shapes: ChoiceBox,
        points: ChoiceBox,
        masks: ChoiceBox,
        target: ChoiceBox,
        on_change: Callable[[], None],
        connections: Connections,
    ) -> None:
        self._viewer = viewer
        self._target = target
        self._boxes: list[tuple[ChoiceBox, type[Layer], str]] = [
            (image, Image, "no image"),
            (shapes, Shapes, "none"),
            (points, Points, "none"),
            (masks, Labels, "none"),
            (target, Labels, "new layer"),
        ]
        self._on_change = on_change
        self._connections = connections
        events = viewer.layers.events
        connections.add(events.inserted, self._on_inserted)
        connections.add(events.removed, self._on_removed)
        connections.add(events.reordered, self.refresh)
        for layer in viewer.layers:
            self._watch(layer)
        self.refresh()

    def __contains__(self, layer: object) -> bool:
        """Whether a layer is in the viewer still."""
        return any(layer == known for known in self._viewer.layers)

    def refresh(self, event: Any = None) -> None:
        """Show the layers as they are now."""
        layers = list(self._viewer.layers)
        for box, kind, nothing in self._boxes:
            fitting = [layer for layer in reversed(layers) if isinstance(layer, kind)]
            chosen = box.value if any(box.value == layer for layer in fitting) else None
            if chosen is None and fitting and box is not self._target:
                chosen = fitting[0]
            optional = not fitting or kind is not Image
            choices: list[tuple[str, object]] = [(nothing, None)] if optional else []
            box.set_choices(choices + [(layer.name, layer) for layer in fitting], chosen)
        self._on_change()

    def _watch(self, layer: Layer) -> None:
        self._connections.add(layer.events.name, self.refresh, owner=layer)
        if isinstance(layer, (Shapes, Points)):
            self._connections.add(layer.events.data, self._on_drawn, owner=layer)

    def _on_inserted(self, event: Any) -> None:
        self._watch(event.value)
        self.refresh()

    def _on_removed(self, event: Any) -> None:
        self._connections.drop(event.value)
        self.refresh()

    def _on_drawn(self, event: Any) -> None:
        self._on_change()
