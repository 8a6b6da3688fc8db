"""Tells the user, in one sentence, what went wrong with something that was asked for."""

from __future__ import annotations

import logging

from napari.utils.notifications import show_error

from napari_catsam.errors import CatsamError
from napari_catsam.plugin.session import Session
from napari_catsam.plugin.wording import Trouble

__all__ = ["tell_trouble"]

_LOG = logging.getLogger(__name__)


def tell_trouble(session: Session, trouble: str, error: Exception) -> None:
    """Show an error as a notification and as the session's note.

    Parameters
    ----------
    session : Session
        Gets the note.
    trouble : str
        What could not be done, such as "cannot segment".
    error : Exception
        Why; one that is not ours is logged with its traceback.
    """
    if isinstance(error, CatsamError):
        text = f"{trouble}: {error}"
    else:
        _LOG.error("%s", trouble, exc_info=error)
        text = f"{trouble}: {type(error).__name__}: {error}"
    show_error(text)
    session.note = Trouble(text)
