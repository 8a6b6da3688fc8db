"""What an adapter file says of itself: what it fits, and how it came to be."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from napari_catsam._version import __version__
from napari_catsam.errors import AdapterError
from napari_catsam.types import Intensity

__all__ = ["FORMAT", "AdapterHeader", "ObjectScore", "ShotNote"]

FORMAT = 2
"""The newest layout that is read. Adapters are written as 1, the first, unless they need the second:
one that isolates the base would give other masks where that field is not known."""


@dataclass(frozen=True)
class ShotNote:
    """What an adapter remembers of one training image.

    Attributes
    ----------
    name : str
        Where it came from.
    height, width : int
        Its size in pixels.
    objects : int
        How many masks it had.
    """

    name: str
    height: int
    width: int
    objects: int


@dataclass(frozen=True)
class ObjectScore:
    """How well one held-out object was found, by the base model and by the adapter.

    Attributes
    ----------
    shot : str
        Name of its image.
    label : int
        Its number in the masks of that image.
    before, after : float
        Intersection over union.
    """

    shot: str
    label: int
    before: float
    after: float


@dataclass(frozen=True)
class AdapterHeader:
    """What an adapter fits, and how it came to be.

    Attributes
    ----------
    method, backbone : str
        Names of the tuning method and of the frozen model.
    backbone_sha256 : str
        Hash of the frozen tensors (:attr:`CatSam.backbone_sha256`); empty if it is not known.
    resize : {"pad", "stretch"}
        How images are brought to the input.
    input_size : int
        Side of the input in pixels.
    intensity : Intensity
        How pixel values become 0..255.
    adds_base : bool
        Whether the HQ head's mask is added to SAM's own (:class:`HQHead`).
    isolated : bool
        Whether nothing that is trained takes part in the attention of what is frozen
        (:attr:`HQHead.isolated`), so that an untrained adapter gives exactly the base model's masks.
    channels : int
        Channels of the training images.
    pixel_size : tuple of float or None
        Row and column spacing of the training images, where it is known.
    shots : tuple of ShotNote
        The training images.
    steps : int
        Training steps.
    seconds : float
        Training time.
    score_before, score_after : float or None
        Mean object IoU on held-out masks, of the base model and of this adapter.
    scores : tuple of ObjectScore
        The same for each held-out object.
    helps : bool or None
        Whether the gain is more than the noise of the score explains; None where nobody looked.
    seed : int
        Of the training.
    version, date, note : str
        Package version, ISO date in UTC, the user's words.
    format : int
        Version of this layout.
    """

    method: str
    backbone: str
    backbone_sha256: str = ""
    resize: str = "pad"
    input_size: int = 1024
    intensity: Intensity = field(default_factory=Intensity)
    adds_base: bool = False
    isolated: bool = False
    channels: int = 3
    pixel_size: tuple[float, float] | None = None
    shots: tuple[ShotNote, ...] = ()
    steps: int = 0
    seconds: float = 0.0
    score_before: float | None = None
    score_after: float | None = None
    scores: tuple[ObjectScore, ...] = ()
    helps: bool | None = None
    seed: int = 0
    version: str = __version__
    date: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    note: str = ""
    format: int = 1

    def to_json(self) -> str:
        """Return the header as a line of JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> AdapterHeader:
        """Read what :meth:`to_json` wrote.

        Raises
        ------
        AdapterError
            If it is not such a header, or of a newer format.
        """
        try:
            values: dict[str, Any] = json.loads(text)
            if values["format"] > FORMAT:
                raise AdapterError(
                    f"this adapter has format {values['format']}, this version of napari-catsam "
                    f"reads up to {FORMAT}; update napari-catsam"
                )
            known = {f.name for f in fields(cls)}
            values = {k: v for k, v in values.items() if k in known}
            for name in ("method", "backbone", "backbone_sha256"):
                if not isinstance(values[name], str):
                    raise ValueError(f"{name} is {values[name]!r}, expected a name")
            if values["resize"] not in ("pad", "stretch"):
                raise ValueError(f"resize is {values['resize']!r}, expected pad or stretch")
            values["intensity"] = Intensity(**values["intensity"])
            values["shots"] = tuple(ShotNote(**shot) for shot in values["shots"])
            values["scores"] = tuple(ObjectScore(**row) for row in values.get("scores", ()))
            if values["pixel_size"] is not None:
                row, column = values["pixel_size"]
                values["pixel_size"] = (row, column)
            return cls(**values)
        except (ValueError, KeyError, TypeError) as error:
            raise AdapterError(f"the adapter's header cannot be read: {error}") from error
