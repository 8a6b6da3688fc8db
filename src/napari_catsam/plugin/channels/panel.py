"""Offers what can be red, green and blue to the model, and tells the session what is chosen."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from napari.components import ViewerModel
from napari.layers import Image

from napari_catsam.plugin.channels.choice import (
    AS_SHOWN,
    COLOURS,
    ChannelChoice,
    list_channel_axes,
    list_channel_layers,
)
from napari_catsam.plugin.connections import Connections
from napari_catsam.plugin.dock.segment_view import SegmentView
from napari_catsam.plugin.layers.transforms import level_zero
from napari_catsam.plugin.session import Session

__all__ = ["ChannelsPanel"]

SHOWN, LAYERS = "shown", "layers"

Choices = list[tuple[str, object]]


class ChannelsPanel:
    """The row for channels of one widget, kept in step with its session and the layers.

    Parameters
    ----------
    viewer : ViewerModel
        Whose layers.
    session : Session
        Its field ``channels`` is set from here.
    view : SegmentView
        Where the image is chosen, and the row is.
    connections : Connections
        Where the connections are kept.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        session: Session,
        view: SegmentView,
        connections: Connections,
    ) -> None:
        self._viewer, self._session, self._view = viewer, session, view
        self._shown: tuple[dict[object, Choices], ChannelChoice, Hashable] | None = None
        connections.add(view.channels.source_chosen, self._on_source_chosen)
        connections.add(view.channels.picks_chosen, self._on_picks_chosen)
        connections.add(session.events.channels, self._on_channels_changed)

    def refresh(self) -> None:
        """Offer what there is now; what is chosen and not there any more is the image as shown."""
        choices, chosen, image = self._list_choices(), self._session.channels, self._image
        source = _source_of(chosen)
        known = [value for _, value in choices.get(source, [])]
        # An axis of another image may be something else, such as depth.
        shown_of = None if self._shown is None else self._shown[2]
        identity = None if image is None else image.unique_id
        moved = chosen.axis is not None and shown_of not in (None, identity)
        if moved or not all(pick in known for pick in chosen.picks):
            self._session.channels = AS_SHOWN  # comes back here by its signal
            return
        state = (choices, chosen, identity)
        if state == self._shown:
            return

        self._shown = state
        names: Choices = [(_describe(source, image), source) for source in choices]
        row = self._view.channels
        row.show_sources(names, source)
        row.show_picks(choices[source], chosen.picks)
        self._view.show_channels(visible=len(choices) > 1)

    @property
    def _image(self) -> Image | None:
        image = self._view.image.value
        return image if isinstance(image, Image) else None

    def _list_choices(self) -> dict[object, Choices]:
        """Return what can be red, green or blue, by where it comes from."""
        image = self._image
        found: dict[object, Choices] = {SHOWN: []}
        if image is None:
            return found
        layers = list_channel_layers(self._viewer.layers, image)
        if len(layers) > 1:
            found[LAYERS] = [("none", None), *((x.name, x.unique_id) for x in layers)]
        dims = self._viewer.dims
        shown = [axis - (dims.ndim - image.ndim) for axis in dims.displayed]
        for axis in list_channel_axes(image, shown):
            length = level_zero(image).shape[axis]
            found[axis] = [("none", None), *((str(step), step) for step in range(length))]
        return found

    def _on_source_chosen(self, source: Any) -> None:
        """Begin with the first channels that there are."""
        offered = [value for _, value in self._list_choices().get(source, []) if value is not None]
        picks = [*offered[: len(COLOURS)], *[None] * len(COLOURS)][: len(COLOURS)]
        axis = source if isinstance(source, int) else None
        self._session.channels = AS_SHOWN if not offered else ChannelChoice(tuple(picks), axis)

    def _on_picks_chosen(self, picks: Any) -> None:
        self._session.channels = ChannelChoice(tuple(picks), self._session.channels.axis)

    def _on_channels_changed(self, _: object) -> None:
        self.refresh()


def _source_of(choice: ChannelChoice) -> object:
    if not choice.picks:
        return SHOWN
    return LAYERS if choice.axis is None else choice.axis


def _describe(source: object, image: Image | None) -> str:
    if source == SHOWN:
        return "as shown"
    if source == LAYERS:
        return "RGB layers"
    name = "" if image is None or not isinstance(source, int) else image.axis_labels[source]
    return f"RGB axis {source}" if name.startswith("-") or not name else f"RGB axis {name}"
