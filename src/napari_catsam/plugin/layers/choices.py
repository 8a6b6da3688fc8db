"""Which layers can be chosen, and which are: kept in step with the viewer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer, Points, Shapes

from napari_catsam.plugin.connections import Connections
from napari_catsam.plugin.dock.parts import ChoiceBox
from napari_catsam.plugin.live.layers import is_own

__all__ = ["LayerChoices"]


class LayerChoices:
    """Fills choice boxes with layers; holds layers, not names, so that they may be renamed.

    A box that shows nothing takes the next layer that fits; the target box stays at "new layer", and
    that of what is ignored at "none".

    Parameters
    ----------
    viewer : ViewerModel
        Whose layers.
    image, shapes, points, masks, target, ignore : ChoiceBox
        What to fill.
    on_change : callable
        Called without arguments when there are other layers, or something else is drawn in them.
    on_rename : callable
        Called without arguments when a layer has another name or place in the list.
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
        ignore: ChoiceBox,
        on_change: Callable[[], None],
        on_rename: Callable[[], None],
        connections: Connections,
    ) -> None:
        self._viewer = viewer
        self._free = (target, ignore)
        self._boxes: list[tuple[ChoiceBox, type[Layer], str]] = [
            (image, Image, "no image"),
            (shapes, Shapes, "none"),
            (points, Points, "none"),
            (masks, Labels, "none"),
            (target, Labels, "new layer"),
            (ignore, Labels, "none"),
        ]
        self._on_change, self._on_rename = on_change, on_rename
        self._connections = connections
        events = viewer.layers.events
        connections.add(events.inserted, self._on_inserted)
        connections.add(events.removed, self._on_removed)
        connections.add(events.reordered, self._on_renamed)
        for layer in viewer.layers:
            self._watch(layer)
        self._refresh()
        on_change()

    def _refresh(self) -> None:
        """Show the layers as they are now."""
        layers = [layer for layer in self._viewer.layers if not is_own(layer)]
        for box, kind, nothing in self._boxes:
            fitting = [layer for layer in reversed(layers) if isinstance(layer, kind)]
            chosen = box.value if any(box.value == layer for layer in fitting) else None
            if chosen is None and fitting and box not in self._free:
                chosen = fitting[0]
            optional = not fitting or kind is not Image
            choices: list[tuple[str, object]] = [(nothing, None)] if optional else []
            box.set_choices(choices + [(layer.name, layer) for layer in fitting], chosen)

    def _watch(self, layer: Layer) -> None:
        if is_own(layer):
            return
        self._connections.add(layer.events.name, self._on_renamed, owner=layer)
        if isinstance(layer, (Shapes, Points)):
            self._connections.add(layer.events.data, self._on_drawn, owner=layer)

    def _on_inserted(self, event: Any) -> None:
        self._watch(event.value)
        self._refresh()
        self._on_change()

    def _on_removed(self, event: Any) -> None:
        self._connections.drop(event.value)
        self._refresh()
        self._on_change()

    def _on_renamed(self, event: Any) -> None:
        self._refresh()
        self._on_rename()

    def _on_drawn(self, event: Any) -> None:
        self._on_change()
