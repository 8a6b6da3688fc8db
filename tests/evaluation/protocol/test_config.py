from __future__ import annotations

import pytest

from napari_catsam.errors import TrainingError, UnknownNameError
from napari_catsam.evaluation.protocol.config import ProtocolConfig


@pytest.mark.parametrize(
    ("shots", "epochs", "batch", "check_every"),
    [("1", 2000, 1, 20), ("16", 200, 4, 2), ("full", 30, 4, 1)],
)
def test_the_schedule_is_the_papers(shots: str, epochs: int, batch: int, check_every: int) -> None:
    assert ProtocolConfig(shots=shots).schedule == (epochs, batch, check_every)


def test_given_numbers_take_the_place_of_the_papers() -> None:
    config = ProtocolConfig(shots="16", epochs=3, check_every=1)
    assert config.schedule == (3, 4, 1)
    assert config.settled() == ProtocolConfig(shots="16", epochs=3, batch=4, check_every=1)


def test_the_rate_falls_by_a_cosine_an_epoch() -> None:
    config = ProtocolConfig()
    assert config.rate(0) == 1e-3
    assert config.rate(1000) == pytest.approx((1e-3 + 1e-5) / 2)
    assert config.rate(1999) == pytest.approx(1e-5, rel=1e-3)
    assert config.rate(20) == config.rate(20) < config.rate(19)


@pytest.mark.parametrize(
    ("method", "dataset", "crops"),
    [
        ("cat-a", "kvasir", True),
        ("cat-a", "whu", True),
        ("cat-t", "whu", True),
        ("cat-t", "kvasir", False),
        ("cat-t", "sbu", False),
        ("hq", "sbu", True),
    ],
)
def test_only_cat_t_on_kvasir_and_sbu_is_not_cropped(
    method: str, dataset: str, crops: bool
) -> None:
    assert ProtocolConfig(method=method).crops(dataset) is crops
    assert not ProtocolConfig(method=method, augment="flips").crops(dataset)


@pytest.mark.parametrize(
    "wrong",
    [
        {"shots": "5"},
        {"views": "new"},
        {"select": "best"},
        {"augment": "some"},
        {"init": "zero"},
        {"resize": "crop"},
        {"epochs": 0},
        {"batch": 0},
        {"check_every": 0},
        {"test_limit": 0},
        {"learning_rate": 0.0},
        {"final_learning_rate": -1.0},
        {"weight_decay": -1.0},
        {"seed": -1},
    ],
)
def test_what_is_out_of_range_is_named(wrong: dict) -> None:
    (name,) = wrong
    with pytest.raises(TrainingError, match=name):
        ProtocolConfig(**wrong)


@pytest.mark.parametrize(
    "wrong", [{"method": "cat"}, {"prompts": ("boxes",)}, {"test_prompt": "click"}]
)
def test_unknown_names_are_listed_with_the_known_ones(wrong: dict) -> None:
    with pytest.raises(UnknownNameError, match="expected one of"):
        ProtocolConfig(**wrong)
