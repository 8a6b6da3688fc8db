"""Connects the view of what to annotate next with the session and the commands."""

from __future__ import annotations

from typing import Any

from napari.layers import Image, Labels

from napari_catsam.plugin.adapt.suggester import Suggester
from napari_catsam.plugin.adapt.view import AdaptView
from napari_catsam.plugin.connections import Connections
from napari_catsam.plugin.dock.segment_view import SegmentView
from napari_catsam.plugin.session import Session

__all__ = ["SuggestPanel"]


class SuggestPanel:
    """Keeps the list of places in step with the session.

    Parameters
    ----------
    session : Session
        What was found, and what runs.
    suggester : Suggester
        Looks for places.
    view : AdaptView
        Where the masks are chosen and the places are listed.
    segment_view : SegmentView
        Where the image is chosen.
    connections : Connections
        Where the connections are kept.
    """

    def __init__(
        self,
        session: Session,
        suggester: Suggester,
        view: AdaptView,
        segment_view: SegmentView,
        connections: Connections,
    ) -> None:
        self._session, self._suggester = session, suggester
        self._view, self._segment = view, segment_view
        self._image = segment_view.image.value
        add = connections.add
        add(view.suggest.suggest_requested, self._on_suggest_requested)
        add(view.suggest.stop_requested, suggester.cancel)
        add(view.suggest.place_chosen, self._on_place_chosen)
        add(segment_view.image.currentIndexChanged, self._on_image_changed)
        add(session.events, self._on_session_changed)
        self._show()

    def _on_suggest_requested(self) -> None:
        image, masks = self._segment.image.value, self._view.masks.value
        self._suggester.suggest(
            image if isinstance(image, Image) else None,
            masks if isinstance(masks, Labels) else None,
        )

    def _on_place_chosen(self, number: int) -> None:
        if number < len(self._session.suggestions):
            self._suggester.go_to(self._session.suggestions[number])

    def _on_image_changed(self, _: int = 0) -> None:
        image = self._segment.image.value
        if image is not self._image:
            self._image = image
            self._suggester.forget()
        self._show()

    def _on_session_changed(self, info: Any) -> None:
        if info.signal.name == "suggestions":
            places = self._session.suggestions
            self._view.suggest.show_places([place.text for place in places])
        if info.signal.name in ("suggesting", "adapting"):
            self._show()

    def _show(self) -> None:
        session = self._session
        ready = not session.adapting and isinstance(self._segment.image.value, Image)
        self._view.suggest.show_looking(looking=session.suggesting, ready=ready)
