"""All connections of one widget in one list, so that they can all be undone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakMethod

__all__ = ["Connections"]


@dataclass(eq=False)
class Connections:
    """Signals of Qt, psygnal and napari with the methods that listen to them.

    Methods are held weakly, so that the list keeps no widget alive.
    """

    _kept: list[tuple[Any, WeakMethod[Any], Any]] = field(default_factory=list)

    def add(self, signal: Any, slot: Callable[..., Any], owner: Any = None) -> None:
        """Connect a bound method; ``owner`` names what :meth:`drop` is told of later."""
        signal.connect(slot)
        self._kept.append((signal, WeakMethod(slot), owner))

    def drop(self, owner: Any) -> None:
        """Undo the connections of one owner."""
        for entry in [kept for kept in self._kept if kept[2] == owner]:
            self._kept.remove(entry)
            _disconnect(*entry[:2])

    def close(self) -> None:
        """Undo all connections, the last one first."""
        while self._kept:
            _disconnect(*self._kept.pop()[:2])


def _disconnect(signal: Any, reference: WeakMethod[Any]) -> None:
    slot = reference()
    # A signal or a listener that is gone has taken the connection with it.
    with suppress(TypeError, RuntimeError, ValueError):
        if slot is not None:
            signal.disconnect(slot)
