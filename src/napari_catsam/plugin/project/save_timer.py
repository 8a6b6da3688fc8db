"""When the work is saved: a while after the last change, and not too long after the first."""

from __future__ import annotations

from contextlib import suppress

from qtpy.QtCore import QObject, QTimer, Signal

__all__ = ["SaveTimer"]

LONGEST_MORE_MS = 1500
"""How much longer than after the last change it may take from the first one. With two seconds for
the pause the rest of five seconds is for the writing itself."""


class SaveTimer(QObject):
    """Counts from the last and from the first of several changes.

    Parameters
    ----------
    parent : QObject
        Its owner.
    """

    due = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._quiet, self._latest = self._make_timer(), self._make_timer()

    def set_pause(self, seconds: float) -> None:
        """Set the time from the last change; one that is counted already ends as it was."""
        self._quiet.setInterval(round(1000 * seconds))
        self._latest.setInterval(round(1000 * seconds) + LONGEST_MORE_MS)

    def start(self) -> None:
        """Begin to count, or begin anew from this change."""
        self._quiet.start()
        if not self._latest.isActive():
            self._latest.start()

    def stop(self) -> None:
        """Count no more."""
        with suppress(RuntimeError):  # Qt has deleted them before
            self._quiet.stop()
            self._latest.stop()

    def _make_timer(self) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.timeout.connect(self.due)
        return timer
