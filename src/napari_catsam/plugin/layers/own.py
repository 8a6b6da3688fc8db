"""How the plugin's own layers are known, which show something and hold no work of the user's."""

from __future__ import annotations

from napari.layers import Layer

__all__ = ["OWN", "is_own"]

OWN = "napari_catsam_live"
"""Key of the layers' metadata."""


def is_own(layer: Layer) -> bool:
    """Whether a layer only shows the object being annotated."""
    return OWN in layer.metadata
