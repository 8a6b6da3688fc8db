"""Shows a session in the views: what is chosen, what runs, what can be done, what to do next."""

from __future__ import annotations

from napari.components import ViewerModel

from napari_catsam.errors import CatsamError
from napari_catsam.plugin.adapt.view import AdaptView
from napari_catsam.plugin.commands import read_drawn
from napari_catsam.plugin.dock.segment_view import SegmentView
from napari_catsam.plugin.dock.status_view import StatusView
from napari_catsam.plugin.session import DEVICES, Session, Variant
from napari_catsam.plugin.wording import Trouble, describe_doing, describe_live, describe_prompts

__all__ = ["Presenter"]


class Presenter:
    """Brings what a session holds to the views; changes nothing in it.

    Parameters
    ----------
    viewer : ViewerModel
        Where the prompts are drawn.
    session : Session
        What is shown.
    segment_view, adapt_view, status : QWidget
        Where.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        session: Session,
        segment_view: SegmentView,
        adapt_view: AdaptView,
        status: StatusView,
    ) -> None:
        self._viewer, self._session = viewer, session
        self._segment, self._adapt, self._status = segment_view, adapt_view, status

    def show_session(self) -> None:
        """Show what is chosen, and the rest."""
        session, segment, adapt = self._session, self._segment, self._adapt
        segment.backbone.set_choices(
            [(n, n) for n in session.library.backbones()], session.backbone
        )
        segment.device.set_choices([(name, name) for name in DEVICES], session.device)
        variants = list(Variant) if session.adapter_fits else [Variant.BASE]
        segment.variant.set_choices(
            [(session.name_variant(v), v) for v in variants], session.variant
        )
        adapt.show_methods(session.library.methods(), session.method)
        adapt.time.show_seconds(int(session.budget))
        adapt.show_score(session.adaptation_note)
        self.show_state()

    def show_state(self) -> None:
        """Show what runs, what can be done, and what to do next."""
        session = self._session
        ready, hint = self._next_step()
        self._show_status(ready, hint)
        self._segment.set_ready(ready=ready and not session.segmenting)
        self._adapt.set_ready(
            adapt=not session.adapting and self._adapt.masks.value is not None,
            stop=session.adapting and session.progress is not None and session.progress >= 0,
            save=session.model.adapter is not None,
        )
        self._adapt.show_progress(session.progress)

    def _show_status(self, ready: bool, hint: str) -> None:
        session = self._session
        doing = describe_doing(session)
        self._status.show_doing(doing, busy=bool(session.activity))
        # While all is there and something runs, there is nothing to do but to wait.
        waits = bool(session.activity) and ready
        text = session.note or ("" if waits else hint)
        self._status.show_message(text, trouble=isinstance(session.note, Trouble))

    def _next_step(self) -> tuple[bool, str]:
        """Return whether Segment can be pressed, and what to do next."""
        view = self._segment
        if self._session.annotating:
            return False, describe_live(self._session)
        try:
            drawn = read_drawn(
                self._viewer,
                view.image.value,
                view.shapes.value,
                view.points.value,
                self._session.channels,
            )
        except CatsamError as error:
            return False, str(error)
        return True, f"press Segment: {describe_prompts(drawn.prompts)}"
