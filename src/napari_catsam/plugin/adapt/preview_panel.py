"""Shows, while the model trains, what it makes of the plane that the viewer shows."""

from __future__ import annotations

from typing import Any

from napari.components import ViewerModel
from napari.layers import Image, Labels

from napari_catsam.errors import CatsamError
from napari_catsam.plugin.adapt.preview import PreviewPicture, PreviewWish
from napari_catsam.plugin.adapt.preview_layer import PreviewLayer
from napari_catsam.plugin.adapt.training import Training
from napari_catsam.plugin.adapt.view import AdaptView
from napari_catsam.plugin.connections import Connections
from napari_catsam.plugin.dock.segment_view import SegmentView
from napari_catsam.plugin.layers.new_layers import fits
from napari_catsam.plugin.layers.planes import locate_plane
from napari_catsam.plugin.objects.ids import is_in_memory
from napari_catsam.plugin.session import Session
from napari_catsam.plugin.wording import count_of, describe_plane
from napari_catsam.types import Progress

__all__ = ["PreviewPanel"]

FIELDS = ("live", "adapting", "channels")
"""Of a session: with another value there is something else to see."""


class PreviewPanel:
    """Tells the worker what is to be seen, and shows what it drew, until the training ends.

    Parameters
    ----------
    viewer : ViewerModel
        Which plane is shown; gets a layer.
    session : Session
        The object that is annotated, and whether there is a training.
    training : Training
        Its ``preview`` is told what to draw.
    view : AdaptView
        Where masks are chosen; says what is shown.
    segment_view : SegmentView
        Where the image is chosen.
    connections : Connections
        Where the connections are kept.

    Attributes
    ----------
    layer : PreviewLayer
        On the canvas.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        session: Session,
        training: Training,
        view: AdaptView,
        segment_view: SegmentView,
        connections: Connections,
    ) -> None:
        self._viewer, self._session, self._training = viewer, session, training
        self._view, self._segment = view, segment_view
        self.layer = PreviewLayer(viewer)
        add = connections.add
        add(training.previewed, self._on_previewed)
        add(session.events, self._on_session_changed)
        for box in (view.masks, segment_view.image):
            add(box.currentIndexChanged, self._on_view_changed)
        dims = viewer.dims.events
        for signal in (dims.current_step, dims.ndisplay, dims.order):
            add(signal, self._on_view_changed)

    def close(self) -> None:
        """Remove the layer, and ask for nothing more."""
        self._training.preview.wish = None
        self.layer.remove()

    def _on_session_changed(self, info: Any) -> None:
        name = info.signal.name
        if name in FIELDS:
            self._on_view_changed()
        if name == "adapting" and not self._session.adapting:
            self.layer.remove()
            self._view.show_preview("")

    def _on_view_changed(self, _: object = None) -> None:
        self._training.preview.wish = self._find_wish() if self._session.adapting else None

    def _find_wish(self) -> PreviewWish | None:
        image, masks, live = self._segment.image.value, self._view.masks.value, self._session.live
        if not isinstance(image, Image):
            return None
        try:
            plane = locate_plane(self._viewer, image, self._session.channels)
        except CatsamError:
            return None
        if live is not None and live.prompts and live.lies_on(plane):
            return PreviewWish(plane, live.to_prompts())
        if isinstance(masks, Labels) and is_in_memory(masks.data) and fits(masks, image):
            return PreviewWish(plane, labels=masks.data)
        return None

    def _on_previewed(self, progress: Progress) -> None:
        picture, image = progress.preview, self._segment.image.value
        if not isinstance(picture, PreviewPicture) or not isinstance(image, Image):
            return
        wish = self._training.preview.wish
        if not self._session.adapting or wish is None or image not in self._viewer.layers:
            return
        if wish.plane.data is not picture.plane.data or wish.plane.index != picture.plane.index:
            return  # another plane is shown by now
        self.layer.show(image, picture)
        self._view.show_preview(
            f"preview of {describe_plane(picture.plane)}: {count_of(picture.count, 'mask')} by the "
            f"model in training, step {progress.step}"
        )
