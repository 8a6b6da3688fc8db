"""The state of one widget, in one place: what is chosen, what runs, what came out."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from psygnal import SignalGroupDescriptor

from napari_catsam.plugin.engine import ModelChoice
from napari_catsam.plugin.library import Library, LibraryLike
from napari_catsam.plugin.live import LiveObject
from napari_catsam.plugin.wording import describe_scores

__all__ = ["DEVICES", "PASSING", "Session", "Variant"]

DEVICES = ("auto", "cpu", "cuda", "mps")
"""What can be asked for without loading torch; what is not there is refused when it is used."""

PASSING = ("activity", "note", "progress", "live", "annotating", "clicks_positive")
"""Fields of a session that change nothing of what is chosen."""


class Variant(StrEnum):
    """Which of two models is used."""

    BASE = "base"
    ADAPTED = "adapted"


@dataclass
class Session:
    """What one widget works with; it knows no widget and no layer.

    Every field has a signal of its name in ``events`` that is emitted when its value changes.

    Parameters
    ----------
    library : LibraryLike
        Models and training.
    backbone, device, method : str
        Names.
    budget : float
        Seconds for an adaptation.
    adapter : Adapter or None
        From the last adaptation or from a file.
    variant : Variant
        Whether the adapter is used.
    activity : str
        What runs, empty when nothing does.
    note : str
        What the last action came to, empty once it is out of date.
    adaptation_note : str
        Scores of the adapter.
    segmenting : bool
        Whether a segmentation runs or waits.
    adapting : bool
        Whether an adaptation runs or waits.
    annotating : bool
        Whether prompts on the canvas are answered at once.
    live : LiveObject or None
        The object that is being annotated.
    clicks_positive : bool
        Whether a plain click is inside of the object.
    progress : float or None
        How much of it is done, 0..1; negative while that is unknown, None when none runs.
    """

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    library: LibraryLike = field(default_factory=Library)
    backbone: str = "vit_nano"
    device: str = "auto"
    method: str = "cat-a"
    budget: float = 60.0
    adapter: Any = None
    variant: Variant = Variant.BASE
    activity: str = ""
    note: str = ""
    adaptation_note: str = ""
    segmenting: bool = False
    adapting: bool = False
    annotating: bool = False
    live: LiveObject | None = None
    clicks_positive: bool = True
    progress: float | None = None

    @property
    def adapter_fits(self) -> bool:
        """Whether there is an adapter for the chosen backbone."""
        return self.adapter is not None and self.adapter.header.backbone == self.backbone

    def name_variant(self, variant: Variant) -> str:
        """Name the base or the adapted model."""
        if variant is Variant.BASE:
            return "base model"
        return f"adapted ({self.adapter.header.method})" if self.adapter_fits else "adapted"

    @property
    def base(self) -> ModelChoice:
        """The chosen model without an adapter."""
        return ModelChoice(self.backbone, self.device)

    @property
    def model(self) -> ModelChoice:
        """The model that segments."""
        adapted = self.variant is Variant.ADAPTED and self.adapter_fits
        return ModelChoice(self.backbone, self.device, self.adapter if adapted else None)

    def choose_backbone(self, name: str) -> None:
        """Choose a backbone; an adapter of another one waits until it fits again."""
        self.backbone = name
        if not self.adapter_fits:
            self.variant = Variant.BASE

    def keep_adapter(self, adapter: Any) -> bool:
        """Take a new adapter, and use it only if its score is better than that of the base.

        Returns
        -------
        bool
            Whether it is used.
        """
        header = adapter.header
        before, after = header.score_before, header.score_after
        better = before is not None and after is not None and after > before
        self.adapter = adapter
        self.variant = Variant.ADAPTED if better and self.adapter_fits else Variant.BASE
        self.adaptation_note = describe_scores(header)
        return better

    def open_adapter(self, adapter: Any) -> None:
        """Take an adapter that the user chose: its backbone, and the adapter in it."""
        self.backbone = adapter.header.backbone
        self.adapter = adapter
        self.variant = Variant.ADAPTED
        self.adaptation_note = describe_scores(adapter.header)
