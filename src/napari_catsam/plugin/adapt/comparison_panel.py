"""Shows what base and adapted model make of the masks on a plane, one at a time."""

from __future__ import annotations

from typing import Any

from napari.components import ViewerModel
from napari.layers import Image, Labels

from napari_catsam.plugin.adapt.comparer import Comparer
from napari_catsam.plugin.adapt.comparison import Answer, Comparison
from napari_catsam.plugin.adapt.preview_layer import ADAPTED, BASE, PreviewLayer
from napari_catsam.plugin.adapt.view import AdaptView
from napari_catsam.plugin.connections import Connections
from napari_catsam.plugin.dock.segment_view import SegmentView
from napari_catsam.plugin.session import Session
from napari_catsam.plugin.wording import count_of, describe_plane

__all__ = ["COMPARED_NAME", "ComparisonPanel", "describe_answer"]

COMPARED_NAME = "comparison of models"
"""Of the layer."""

MODEL_FIELDS = ("variant", "adapter", "backbone")
"""Of a session: with another value another model answers."""

OTHER_SIGHT = ("live", "channels", "settings")
"""Of a session: with another value the comparison is over."""


class ComparisonPanel:
    """Puts what the model in use makes of the masks on the canvas, and says how near it comes.

    Parameters
    ----------
    viewer : ViewerModel
        Which plane is shown; gets a layer.
    session : Session
        Which model is in use.
    comparer : Comparer
        Asks the models.
    view : AdaptView
        Where masks are chosen; says what is shown.
    segment_view : SegmentView
        Where the image is chosen.
    connections : Connections
        Where the connections are kept.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        session: Session,
        comparer: Comparer,
        view: AdaptView,
        segment_view: SegmentView,
        connections: Connections,
    ) -> None:
        self._session, self._comparer = session, comparer
        self._view, self._segment = view, segment_view
        self._layer = PreviewLayer(viewer, COMPARED_NAME)
        add = connections.add
        add(comparer.changed, self._show)
        add(view.hide_requested, comparer.forget)
        add(session.events, self._on_session_changed)
        for box in (view.masks, segment_view.image):
            add(box.currentIndexChanged, self._on_layers_changed)
        dims = viewer.dims.events
        for signal in (dims.current_step, dims.ndisplay, dims.order):
            add(signal, self._on_view_changed)

    def compare(self) -> None:
        """Ask both models about the masks that are chosen, on the plane that is shown."""
        image, masks = self._segment.image.value, self._view.masks.value
        self._comparer.compare(
            image if isinstance(image, Image) else None,
            masks if isinstance(masks, Labels) else None,
        )

    def close(self) -> None:
        """Remove the layer."""
        self._comparer.forget()
        self._layer.remove()

    def _on_session_changed(self, info: Any) -> None:
        if info.signal.name in OTHER_SIGHT:
            self._comparer.forget()
        if info.signal.name in MODEL_FIELDS:
            self._show()

    def _on_layers_changed(self, _: int = 0) -> None:
        self._comparer.forget()

    def _on_view_changed(self, _: object = None) -> None:
        self._comparer.follow_view()

    def _show(self) -> None:
        comparison, image = self._comparer.comparison, self._comparer.image
        answer = None if comparison is None else comparison.answer_of(self._session.model)
        if comparison is None or image is None or answer is None:
            self._layer.remove()
            self._view.show_comparison("")
            return
        self._layer.show(image, answer.picture, BASE if answer is comparison.base else ADAPTED)
        self._view.show_comparison(describe_answer(answer, comparison))


def describe_answer(answer: Answer, comparison: Comparison) -> str:
    """Say which model made what is shown, and how near both come to the masks of the user."""
    other = comparison.adapted if answer is comparison.base else comparison.base
    count = count_of(answer.picture.count, "mask")
    return (
        f"{count} of {describe_plane(comparison.plane)} by {answer.model.tag}, from their boxes: "
        f"mean IoU with yours {answer.overlap:.2f} ({other.model.tag}: {other.overlap:.2f})"
    )
