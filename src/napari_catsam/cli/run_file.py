"""A run that is kept in a file, so that it goes on after an interruption."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

from napari_catsam.errors import TrainingError

if TYPE_CHECKING:
    from napari_catsam.models.adapter import Adapter
    from napari_catsam.types import Progress

__all__ = ["RunFile"]


class RunFile:
    """The state of one adaptation and the file that it is kept in.

    Parameters
    ----------
    path : Path
        Read now if it exists.

    Attributes
    ----------
    state : RunState
        For :func:`~napari_catsam.adaptation.train.fit`.
    found : bool
        Whether there was a run to go on with.
    stopped : bool
        Whether the run was asked to finish before its end.

    Raises
    ------
    TrainingError
        If the file is something else.
    UnreadableFileError
        If it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        from napari_catsam.adaptation.state import RunState

        self.path = path
        self.found = path.exists()
        self.state = RunState.load(path) if self.found else RunState()
        self.stopped = False

    def follow(
        self, run: Generator[Progress, bool | None, Adapter]
    ) -> Generator[Progress, bool | None, Adapter]:
        """Pass a run of :attr:`state` on, and write the file whenever the state was recorded."""
        stop: bool | None = None
        begun = False
        while True:
            facts = self.state.facts
            try:
                progress = run.send(stop)
            except StopIteration as end:
                self.state.save(self.path)
                adapter: Adapter = end.value
                return adapter
            except TrainingError as error:
                if begun or not self.found:
                    raise
                raise TrainingError(f"{self.path}: {error}") from error
            begun = True
            if self.state.facts is not facts:
                self.state.save(self.path)
            stop = yield progress
            self.stopped = bool(stop)

    def settle(self) -> None:
        """Remove the file of a run that ended by itself, now that its adapter is written."""
        if not self.stopped:
            self.path.unlink(missing_ok=True)
