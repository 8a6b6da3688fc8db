"""What the demo measured."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import numpy as np

__all__ = ["CoinScore", "DemoResult"]


@dataclass(frozen=True)
class CoinScore:
    """One coin: its number, whether it was trained on, and its IoU with the reference."""

    coin: int
    trained_on: bool
    before: float
    after: float


@dataclass(frozen=True)
class DemoResult:
    """What the demo measured.

    Attributes
    ----------
    model : str
        The backbone.
    scores : tuple of CoinScore
        One a coin.
    steps : int
        Training steps.
    seconds : float
        Training time.
    in_use : str
        Which model the widget chose after the adaptation.
    files : tuple of str
        What was written.
    """

    model: str
    scores: tuple[CoinScore, ...]
    steps: int
    seconds: float
    in_use: str
    files: tuple[str, ...]

    def mean(self, when: str) -> float:
        """Mean IoU ``before`` or ``after`` of the coins that were not trained on."""
        return float(np.mean([getattr(s, when) for s in self.scores if not s.trained_on]))

    def to_json(self) -> str:
        """Return the content of ``scores.json``."""
        content = asdict(self) | {
            "mean_before": round(self.mean("before"), 4),
            "mean_after": round(self.mean("after"), 4),
            "reference": "edges, a threshold and a watershed; not drawn by hand",
            "means_are_of": "the coins that were not trained on",
        }
        return json.dumps(content, indent=2) + "\n"
