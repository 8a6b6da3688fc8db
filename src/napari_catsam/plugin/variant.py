"""The two models of a session: the one that is chosen, and that one with an adapter."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Variant"]


class Variant(StrEnum):
    """Which of two models is used."""

    BASE = "base"
    ADAPTED = "adapted"
