"""What an evaluation is asked to do."""

from __future__ import annotations

from dataclasses import dataclass

from napari_catsam.errors import PromptError, ShotError, UnknownNameError
from napari_catsam.evaluation.objects import PROMPT_KINDS

__all__ = ["EvaluationConfig"]


@dataclass(frozen=True)
class EvaluationConfig:
    """Which objects are measured, and how the model is asked for them.

    Parameters
    ----------
    prompt : {"box", "point"}
        The tight box of each object, or its most interior pixel.
    clicks : int
        With ``point``, how many clicks an object gets, the later ones corrective
        (:mod:`napari_catsam.evaluation.clicks`).
    smallest : int
        Objects of fewer pixels are not measured.
    limit_objects : int, optional
        Measure at most so many objects an image, evenly spread over their numbers.

    Raises
    ------
    UnknownNameError
        If there is no such kind of prompt.
    PromptError
        If there is no click, or several with boxes.
    ShotError
        If no object could be measured.
    """

    prompt: str = "box"
    clicks: int = 1
    smallest: int = 1
    limit_objects: int | None = None

    def __post_init__(self) -> None:
        if self.prompt not in PROMPT_KINDS:
            raise UnknownNameError("prompt", self.prompt, PROMPT_KINDS)
        if self.clicks < 1:
            raise PromptError(f"clicks is {self.clicks}, it must be 1 or more")
        if self.clicks > 1 and self.prompt != "point":
            raise PromptError(
                f"{self.clicks} clicks were asked for with the prompt {self.prompt!r}; "
                "corrective clicks need the prompt 'point'"
            )
        if self.smallest < 1:
            raise ShotError(f"smallest is {self.smallest}, it must be 1 pixel or more")
        if self.limit_objects is not None and self.limit_objects < 1:
            raise ShotError(f"limit_objects is {self.limit_objects}, it must be 1 or more")
