"""The course of one training: its losses and the scores of its checks."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from napari_catsam.types import Progress

__all__ = ["TrainingCurves"]


@dataclass(eq=False)
class TrainingCurves:
    """What was told of a run so far.

    Attributes
    ----------
    losses : list of (int, float)
        Step and loss of it.
    scores : list of (int, float)
        Step and mean IoU of held-out masks: at step 0 that of the model as it came, then from
        each look at them.
    before : float or None
        That of the model as it came.
    """

    losses: list[tuple[int, float]] = field(default_factory=list)
    scores: list[tuple[int, float]] = field(default_factory=list)
    before: float | None = None

    def add(self, progress: Progress) -> None:
        """Take what is new; a score that was told before is not."""
        if math.isfinite(progress.loss) and (not self.losses or progress.step > self.losses[-1][0]):
            self.losses.append((progress.step, progress.loss))
        if math.isfinite(progress.iou_before):
            if self.before is None:
                self.scores.insert(0, (0, progress.iou_before))
            self.before = progress.iou_before
        score = progress.iou_now
        if math.isfinite(score) and (not self.scores or score != self.scores[-1][1]):
            self.scores.append((progress.step, score))

    @property
    def last_step(self) -> int:
        """The newest step that is known."""
        known = [points[-1][0] for points in (self.losses, self.scores) if points]
        return max(known, default=0)
