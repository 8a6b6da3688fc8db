"""Goes on with the object that was begun when the work was saved last."""

from __future__ import annotations

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image

from napari_catsam.errors import CatsamError
from napari_catsam.plugin.connections import Connections
from napari_catsam.plugin.layers.planes import data_to_world, locate_plane
from napari_catsam.plugin.live.commands import LiveCommands
from napari_catsam.plugin.live.record import make_live_prompts
from napari_catsam.plugin.project.prompts_watch import PromptsWatch
from napari_catsam.plugin.project.record import PromptsRecord
from napari_catsam.plugin.session import Session
from napari_catsam.plugin.wording import Trouble

__all__ = ["LiveResume"]


class LiveResume:
    """Gives the prompts of an unfinished object again, once the user annotates its image.

    Parameters
    ----------
    viewer : ViewerModel
        Is moved to the plane of the object.
    session : Session
        Says when the user annotates.
    commands : LiveCommands
        Is given the prompts.
    prompts : PromptsWatch
        Keeps what is unfinished.
    connections : Connections
        Where the connections are kept.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        session: Session,
        commands: LiveCommands,
        prompts: PromptsWatch,
        connections: Connections,
    ) -> None:
        self._viewer, self._session = viewer, session
        self._commands, self._prompts = commands, prompts
        connections.add(session.events.annotating, self._on_annotating)
        connections.add(prompts.begun, self._on_begun)

    def _on_begun(self) -> None:
        if self._session.annotating:
            self._on_annotating(True)
        else:
            self._session.note = "press Annotate to go on with the object that was begun"

    def _on_annotating(self, annotating: bool) -> None:
        image, unfinished = self._prompts.image, self._prompts.unfinished
        record = None if image is None else unfinished.get(image)
        if not annotating or image is None or record is None or self._session.live is not None:
            return
        self._show_plane(image, record)
        try:
            plane = locate_plane(self._viewer, image, self._session.channels)
            prompts = make_live_prompts(record, plane)
        except CatsamError as error:
            self._session.note = Trouble(str(error))
            return
        for prompt in prompts:
            self._commands.give(prompt)
        unfinished.pop(image, None)

    def _show_plane(self, image: Image, record: PromptsRecord) -> None:
        """Move the sliders to the first prompt."""
        world = data_to_world(image, self._viewer.dims.units)(
            np.asarray(record.data[0][0], dtype=float)
        )
        first = self._viewer.dims.ndim - image.ndim
        for axis in self._viewer.dims.not_displayed:
            if axis >= first:
                self._viewer.dims.set_point(axis, float(world[axis - first]))
