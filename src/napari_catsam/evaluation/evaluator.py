"""Evaluation of a model over labelled images: prompts from each object, then its IoU."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import asdict, dataclass
from math import isnan, nan
from operator import length_hint
from statistics import fmean
from time import monotonic
from typing import TYPE_CHECKING, Any

from napari_catsam._version import __version__
from napari_catsam.errors import ShotError
from napari_catsam.evaluation.config import EvaluationConfig
from napari_catsam.evaluation.measurement import ObjectScore, measure_image
from napari_catsam.evaluation.metrics import Confusion, rank_correlation
from napari_catsam.prediction.predictor import Predictor
from napari_catsam.types import Progress, Shot

if TYPE_CHECKING:
    from napari_catsam.evaluation.clicks import PredictorLike
    from napari_catsam.evaluation.folders import Sample
    from napari_catsam.models.catsam import CatSam

__all__ = ["Evaluation", "ImageScore", "evaluate", "iterate_evaluation"]

_DEFAULT = EvaluationConfig()


@dataclass(frozen=True)
class ImageScore:
    """What was measured on one image.

    Attributes
    ----------
    name : str
        Of the image.
    n_objects : int
        Objects that were measured.
    iou_mean_object : float
        Mean IoU of its objects, 0..1; NaN without objects.
    iou_union : float
        IoU of the union of all predictions with the union of all objects; NaN without objects.
    """

    name: str
    n_objects: int
    iou_mean_object: float
    iou_union: float


@dataclass(frozen=True)
class Evaluation:
    """What was measured over a set of images.

    Attributes
    ----------
    iou_mean_object : float
        Mean over all objects of all images, each weighing the same, after the last click; 0..1.
    iou_dataset : float
        Foreground IoU of one confusion matrix over all pixels, the union of the predictions of an
        image against the union of the objects measured; 0..1, as the CAT-SAM paper measures.
    iou_by_click : tuple of float
        Mean over all objects after each click; empty for boxes.
    iou_box_itself, iou_ellipse : float
        Mean over the same objects if the mask were their tight box, or the ellipse inscribed in it,
        whatever the prompt; 0..1.
    rank_correlation : float
        Spearman's correlation of the IoU that the model expects and the true one, over all objects;
        -1..1, NaN for fewer than 3 objects or where one of the two is constant.
    n_images, n_objects : int
        How many were measured; images without objects count as images.
    per_image : tuple of ImageScore
        In the order of the images.
    model, method : str
        Names of backbone and tuning method.
    prompt, clicks, smallest, limit_objects
        As in :class:`~napari_catsam.evaluation.config.EvaluationConfig`.
    version : str
        Of napari-catsam.
    """

    iou_mean_object: float
    iou_dataset: float
    iou_by_click: tuple[float, ...]
    iou_box_itself: float
    iou_ellipse: float
    rank_correlation: float
    n_images: int
    n_objects: int
    per_image: tuple[ImageScore, ...]
    model: str
    method: str
    prompt: str
    clicks: int
    smallest: int
    limit_objects: int | None
    version: str = __version__

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, ``None`` in place of NaN."""
        values = asdict(self) | {"per_image": [_plain(asdict(row)) for row in self.per_image]}
        return _plain(values)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {k: None if isinstance(v, float) and isnan(v) else v for k, v in values.items()}


def evaluate(
    model: CatSam,
    samples: Iterable[Sample | Shot],
    prompt: str = "box",
    progress: Callable[[Progress], object] | None = None,
    *,
    clicks: int = 1,
    smallest: int = 1,
    limit_objects: int | None = None,
    predictor: PredictorLike | None = None,
) -> Evaluation:
    """Measure a model on labelled images.

    Parameters
    ----------
    model : CatSam
        In evaluation mode.
    samples : iterable of Sample or Shot
        Read one at a time; of a :class:`~napari_catsam.evaluation.folders.SampleFolder` only one
        image is in memory.
    prompt, clicks, smallest, limit_objects
        As in :class:`~napari_catsam.evaluation.config.EvaluationConfig`.
    progress : callable, optional
        Called after each image.
    predictor : PredictorLike, optional
        What segments with the model; a :class:`~napari_catsam.Predictor` when left out.

    Raises
    ------
    UnknownNameError, PromptError
        If there is no such kind of prompt, or it does not go with the number of clicks.
    ShotError
        If no image holds an object to measure.
    """
    config = EvaluationConfig(prompt, clicks, smallest, limit_objects)
    steps = iterate_evaluation(model, samples, config, predictor)
    while True:
        try:
            done = next(steps)
        except StopIteration as end:
            result: Evaluation = end.value
            return result
        if progress is not None:
            progress(done)


def iterate_evaluation(
    model: CatSam,
    samples: Iterable[Sample | Shot],
    config: EvaluationConfig = _DEFAULT,
    predictor: PredictorLike | None = None,
) -> Generator[Progress, bool | None, Evaluation]:
    """Measure a model image by image; :func:`evaluate`, which says more, as a generator.

    Yields
    ------
    Progress
        After each image; ``iou_now`` is the mean over the objects so far. Send ``True`` to finish
        with the images so far.

    Returns
    -------
    Evaluation

    Raises
    ------
    ShotError
        If no image holds an object to measure.
    """
    predictor = Predictor(model) if predictor is None else predictor
    total, start = length_hint(samples), monotonic()
    scores: list[ObjectScore] = []
    rows: list[ImageScore] = []
    confusion = Confusion()
    for sample in samples:
        of_image, pixels = measure_image(predictor, sample, config)
        scores += of_image
        confusion += pixels
        rows.append(ImageScore(sample.name, len(of_image), _mean_iou(of_image), pixels.iou))
        step, seconds = len(rows), monotonic() - start
        stop = yield Progress(
            step, max(step, total), seconds, iou_now=_mean_iou(scores), stage=sample.name
        )
        if stop:
            break
    return _summarise(model, config, scores, confusion, rows)


def _summarise(
    model: CatSam,
    config: EvaluationConfig,
    scores: list[ObjectScore],
    confusion: Confusion,
    rows: list[ImageScore],
) -> Evaluation:
    if not scores:
        raise ShotError(f"none of {len(rows)} masks holds an object; there is nothing to measure")
    by_click = tuple(fmean(ious) for ious in zip(*(s.ious for s in scores), strict=True))
    return Evaluation(
        iou_mean_object=by_click[-1],
        iou_dataset=confusion.iou,
        iou_by_click=by_click if config.prompt == "point" else (),
        iou_box_itself=_mean([s.baselines.box for s in scores]),
        iou_ellipse=_mean([s.baselines.ellipse for s in scores]),
        rank_correlation=rank_correlation([s.expected for s in scores], [s.iou for s in scores]),
        n_images=len(rows),
        n_objects=len(scores),
        per_image=tuple(rows),
        model=model.backbone.name,
        method=model.method,
        prompt=config.prompt,
        clicks=config.clicks,
        smallest=config.smallest,
        limit_objects=config.limit_objects,
    )


def _mean_iou(scores: list[ObjectScore]) -> float:
    return fmean(score.iou for score in scores) if scores else nan


def _mean(values: list[float]) -> float:
    # A guess that lies in ignored pixels alone has no IoU.
    known = [value for value in values if not isnan(value)]
    return fmean(known) if known else nan
