"""From a run that has ended to an adapter, and from a run that was stopped to one that goes on."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_catsam.adaptation.scoring import FIRST_OBJECTS, watch
from napari_catsam.adaptation.start import copy_values
from napari_catsam.adaptation.verdict import GAIN_OF_ENDS, GAIN_OF_FEW, judge
from napari_catsam.errors import TrainingError
from napari_catsam.models.adapter import Adapter, ObjectScore, ShotNote, cut_adapter

if TYPE_CHECKING:
    from napari_catsam.adaptation.state import RunState
    from napari_catsam.adaptation.trainer import Trainer
    from napari_catsam.types import Shot

__all__ = ["make_adapter", "record", "resume"]

RECIPE = ("annotated", "average", "decoder_share", "interpolation", "views")
"""What a run cannot change on its way: its losses and scores before and after would be of two kinds."""

OUTLOOK_OF_ENDS = ", and an end of an object that was learnt from says little of other images"
"""Said of an adapter that helps: in one image a road may gain where roads in other images lose."""


def make_adapter(run: Trainer) -> Adapter:
    """Cut the adapter out of a run's trainee, with all that its header says."""
    held = run.split.held
    verdict = judge(
        run.before,
        run.after,
        run.watched.weights,
        held_out=held != "none",
        gain_of_few=GAIN_OF_ENDS if held == "regions" else GAIN_OF_FEW,
    )
    channels = np.asarray(run.shots[0].image)
    outlook = OUTLOOK_OF_ENDS if verdict.helps and held == "regions" else ""
    words = (run.config.note, run.split.describe(run.watched.images), verdict.words + outlook)
    return cut_adapter(
        run.trainee,
        channels=1 if channels.ndim == 2 else channels.shape[2],
        pixel_size=run.config.pixel_size,
        shots=tuple(_describe(shot) for shot in run.shots),
        steps=run.schedule.step,
        seconds=run.schedule.seconds,
        score_before=run.score_before,
        score_after=run.watched.mean(run.after),
        scores=_list_scores(run),
        helps=verdict.helps,
        seed=run.config.seed,
        note="; ".join(word for word in words if word),
    )


def _list_scores(run: Trainer) -> tuple[ObjectScore, ...]:
    names = [(image.name, label) for image in run.watched.images for label in image.objects]
    rows = zip(names, run.before, run.after, strict=False)
    return tuple(ObjectScore(name, label, float(b), float(a)) for (name, label), b, a in rows)


def _describe(shot: Shot) -> ShotNote:
    masks = np.asarray(shot.masks)
    height, width = masks.shape
    return ShotNote(shot.name, height, width, len(np.unique(masks[masks != 0])))


def record(run: Trainer, state: RunState) -> None:
    """Write into ``state`` what the run needs to go on."""
    names = [name for name, p in run.trainee.named_parameters() if p.requires_grad]
    moments = run.optimiser.state_dict()["state"]
    groups: dict[str, dict[str, torch.Tensor]] = {
        "value": run.trainee.trained_tensors(),
        "mean": run.mean.values,
        "best": run.best or {},
    }
    for kind in ("step", "exp_avg", "exp_avg_sq"):
        groups[kind] = {names[i]: torch.as_tensor(v[kind]) for i, v in moments.items()}
    state.put(
        {
            "fits": _fingerprint(run),
            **run.schedule.record(),
            "averaged": run.mean.steps,
            "looks_without_rise": run.looks_without_rise,
            "peak": run.peak if math.isfinite(run.peak) else None,
            "scored": [len(run.watched.images), run.watched.limit],
            "loss": None if math.isnan(run.loss) else run.loss,
            "before": run.before.tolist(),
            "start": run.start.tolist(),
            "after": run.after.tolist(),
        },
        groups,
    )


def resume(run: Trainer, state: RunState) -> None:
    """Bring a run that has not begun to where ``state`` was recorded.

    Raises
    ------
    TrainingError
        If the state is that of a run on another model, other shots or another method.
    """
    facts: dict[str, Any] = state.facts
    found, wanted = facts.get("fits", {}), _fingerprint(run)
    for what, value in wanted.items():
        if (
            found.get(what, value if what == "recipe" else None) != value
        ):  # older ones name no recipe
            raise TrainingError(
                f"the stopped run had another {what}; go on with the same one, or start anew"
            )
    copy_values(state.group("value"), run.trainee)
    run.mean.restore(state.group("mean"), facts["averaged"])
    run.best = state.group("best") or None
    names = [name for name, p in run.trainee.named_parameters() if p.requires_grad]
    groups = {kind: state.group(kind) for kind in ("step", "exp_avg", "exp_avg_sq")}
    moments = {
        index: {kind: group[name].clone() for kind, group in groups.items()}
        for index, name in enumerate(names)
        if name in groups["step"]
    }
    run.optimiser.load_state_dict(run.optimiser.state_dict() | {"state": moments})
    run.before, run.after = np.array(facts["before"]), np.array(facts["after"])
    run.start = np.array(facts.get("start", facts["before"]))
    run.loss = math.nan if facts["loss"] is None else facts["loss"]
    # A record of before there was a limit of all objects names the images alone.
    images, limit = facts.get("scored", (facts.get("images", 1), FIRST_OBJECTS))
    run.watched = watch(run.split.scored, images, limit, run.config.seed)
    run.score_before = run.watched.mean(run.before)
    run.looks_without_rise = facts["looks_without_rise"]
    run.peak = -math.inf if facts["peak"] is None else facts["peak"]
    run.schedule.take_over(facts)


def _fingerprint(run: Trainer) -> dict[str, Any]:
    """Name what must be the same for a run to go on; the shots are hashed once."""
    if run.fits:
        return run.fits
    digest = hashlib.sha256()
    for shot in run.shots:
        for array in (shot.image, shot.masks, shot.ignore):
            if array is not None:  # in its own type: floats of all shots at once would be gigabytes
                value = np.ascontiguousarray(array)
                digest.update(f"{value.dtype} {value.shape}\n".encode())
                digest.update(value.data)
    held_out = [[image.name, *image.objects] for image in run.split.scored]
    run.fits = {
        "model": run.base.model_id,
        "method": run.config.method,
        "start": run.config.init,
        "seed": run.config.seed,
        "recipe": [getattr(run.config, name) for name in RECIPE],
        "set of shots": digest.hexdigest(),
        "choice of held-out masks": [run.split.held, *held_out],
        "mapping of intensities": asdict(run.intensity),
    }
    run.fits = json.loads(json.dumps(run.fits))  # as it is when read from a file
    return run.fits
