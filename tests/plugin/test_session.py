from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari_catsam.plugin.session import Session, Variant


def test_a_better_adapter_is_used_and_its_scores_are_said(
    library: Any, adapter_factory: Callable[..., Any]
) -> None:
    session = Session(library=library)
    assert session.keep_adapter(adapter_factory(0.5, 0.7))
    assert session.variant is Variant.ADAPTED
    assert session.model.adapter is session.adapter
    assert "0.500 → 0.700 · better" in session.adaptation_note
    assert "scored on 1 object held out" in session.adaptation_note


def test_an_adapter_that_is_not_better_leaves_the_base_in_use(
    library: Any, adapter_factory: Callable[..., Any]
) -> None:
    session = Session(library=library)
    assert not session.keep_adapter(adapter_factory(0.7, 0.7))
    assert session.variant is Variant.BASE
    assert session.model.adapter is None
    assert "0.700 → 0.700 · not better" in session.adaptation_note


def test_a_gain_that_its_noise_explains_leaves_the_base_in_use(
    library: Any, adapter_factory: Callable[..., Any]
) -> None:
    session = Session(library=library)
    adapter = adapter_factory(0.5, 0.7)
    adapter.header.helps = False
    assert not session.keep_adapter(adapter)
    assert session.model.adapter is None
    assert "0.500 → 0.700 · not better" in session.adaptation_note


def test_an_adapter_waits_while_another_backbone_is_chosen(
    library: Any, adapter_factory: Callable[..., Any]
) -> None:
    session = Session(library=library)
    session.keep_adapter(adapter_factory())
    session.choose_backbone("vit_b")
    assert session.model.adapter is None
    assert not session.adapter_fits
    session.choose_backbone("vit_nano")
    assert session.adapter_fits


def test_an_opened_adapter_brings_its_backbone(
    library: Any, adapter_factory: Callable[..., Any]
) -> None:
    session = Session(library=library)
    session.open_adapter(adapter_factory(backbone="vit_b"))
    assert session.model.backbone == "vit_b"
    assert session.model.adapter is session.adapter


def test_every_change_is_told(library: Any) -> None:
    session, told = Session(library=library), []
    session.events.connect(lambda info: told.append(info.signal.name))
    session.device = "cpu"
    session.device = "cpu"
    session.activity = "loading"
    assert told == ["device", "activity"]


def test_two_sessions_share_nothing(library: Any) -> None:
    first, second = Session(library=library), Session(library=library)
    first.backbone = "vit_b"
    assert second.backbone == "vit_nano"
