"""Tells when the data of a layer may have changed, so that they need not be read to find out."""

from __future__ import annotations

from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

from napari.layers import Layer

__all__ = ["data_version"]

_NUMBERS = count(1)


class _Version:
    """The number of one layer's data; it holds no layer."""

    def __init__(self, layer: Layer) -> None:
        self.number = next(_NUMBERS)
        # napari holds bound methods weakly, so the layer keeps nothing alive either.
        layer.events.data.connect(self._on_changed)
        layer.events.set_data.connect(self._on_changed)

    def _on_changed(self, event: Any) -> None:
        self.number = next(_NUMBERS)


_VERSIONS: WeakKeyDictionary[Layer, _Version] = WeakKeyDictionary()


def data_version(layer: Layer) -> int:
    """Return a number that another layer, or other data of this one, never has; main thread only.

    napari tells of new data, and of each refresh. Code that writes into the array of a layer has to
    refresh it for its pixels to be drawn; until then the viewer shows the old ones, and until then
    the number stays: what the user sees is what the model sees. A move along a slider gives a new
    number as well, for which the plane is hashed once more and found as it was.

    Parameters
    ----------
    layer : Layer
        Any layer; napari's events ``data`` and ``set_data`` are followed from the first call on.
    """
    if layer not in _VERSIONS:
        _VERSIONS[layer] = _Version(layer)
    return _VERSIONS[layer].number
