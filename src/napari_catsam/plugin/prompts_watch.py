"""The layers whose prompts are saved, and whether something else is drawn in them."""

from __future__ import annotations

from typing import Any

from napari.layers import Points, Shapes
from psygnal import Signal

from napari_catsam.plugin.connections import Connections
from napari_catsam.plugin.layer_records import read_prompts_record
from napari_catsam.plugin.project import PromptsRecord

__all__ = ["PromptsWatch"]


class PromptsWatch:
    """Listens to the chosen Shapes and Points layers.

    Attributes
    ----------
    layers : tuple of Shapes and Points
        Those that are listened to.
    """

    changed = Signal()
    """Something else is drawn."""

    def __init__(self) -> None:
        self.layers: tuple[Shapes | Points, ...] = ()
        self._connections = Connections()

    def follow(self, layers: tuple[Shapes | Points, ...]) -> None:
        """Listen to these layers, and to no others."""
        self._connections.close()
        self.layers = layers
        for layer in layers:
            events = layer.events
            for signal in (events.data, events.features, events.name, events.affine):
                self._connections.add(signal, self._on_changed)

    def read(self) -> tuple[PromptsRecord, ...]:
        """Return what is drawn in those layers in which something is."""
        records = map(read_prompts_record, self.layers)
        return tuple(record for record in records if record.data)

    def _on_changed(self, event: Any) -> None:
        self.changed.emit()
