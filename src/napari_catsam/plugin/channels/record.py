"""The choice of channels as it is kept on disk: layers by their names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from napari.layers import Image, Layer

from napari_catsam.plugin.channels.choice import AS_SHOWN, ChannelChoice, list_channel_layers
from napari_catsam.plugin.project.record import ChannelsRecord

__all__ = ["make_channel_choice", "read_channels_record"]


def read_channels_record(choice: ChannelChoice, layers: Iterable[Layer]) -> ChannelsRecord:
    """Describe a choice of channels; that of a layer that is gone is the image as it is shown."""
    if choice.axis is not None:
        return ChannelsRecord(cast("tuple[int | None, ...]", choice.picks), choice.axis)
    names = {layer.unique_id: layer.name for layer in layers}
    if not all(pick is None or pick in names for pick in choice.picks):
        return ChannelsRecord()
    return ChannelsRecord(tuple(None if pick is None else names[pick] for pick in choice.picks))


def make_channel_choice(
    record: ChannelsRecord, image: Image, layers: Iterable[Layer]
) -> ChannelChoice:
    """Make a choice of channels of an image again.

    Returns
    -------
    ChannelChoice
        The image as it is shown if one of the layers is not open.
    """
    if record.axis is not None:
        return ChannelChoice(record.picks, record.axis)
    ids = {layer.name: layer.unique_id for layer in list_channel_layers(layers, image)}
    if not all(pick is None or pick in ids for pick in record.picks):
        return AS_SHOWN
    return ChannelChoice(tuple(None if pick is None else ids[str(pick)] for pick in record.picks))
