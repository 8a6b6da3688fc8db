"""An adapter file says what it fits, and whatever does not fit is refused in one sentence."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from napari_catsam import __version__
from napari_catsam.errors import AdapterError, AdapterMismatchError, UnreadableFileError
from napari_catsam.models.adapter import (
    Adapter,
    AdapterHeader,
    ShotNote,
    apply_adapter,
    cut_adapter,
    load_adapter,
)
from napari_catsam.models.catsam import CatSam
from napari_catsam.models.loading import load_model
from napari_catsam.sam.backbones import build_sam, get_backbone, seeded_sam
from napari_catsam.types import Intensity

METADATA = "napari_catsam_adapter"


@pytest.fixture(scope="module")
def base() -> CatSam:
    return load_model("tiny")


@pytest.fixture
def adapter(base: CatSam) -> Adapter:
    return cut_adapter(base.with_method("cat-a", seed=5), steps=12, note="polyps")


@pytest.fixture
def path(adapter: Adapter, tmp_path: Path) -> Path:
    return adapter.save(tmp_path / "polyps.safetensors")


def write(path: Path, tensors: dict[str, torch.Tensor], header: object) -> Path:
    """Write a file with any header, as a JSON value or as text."""
    text = header if isinstance(header, str) else json.dumps(header)
    save_file(tensors, path, {METADATA: text})
    return path


# -------------------------------------------------------------------------------- saved content


def test_every_field_of_the_header_comes_back(tmp_path: Path, adapter: Adapter) -> None:
    header = AdapterHeader(
        method="cat-a",
        backbone="tiny",
        backbone_sha256="ab" * 32,
        resize="stretch",
        input_size=64,
        intensity=Intensity("limits", 3000.5, -7),
        channels=1,
        pixel_size=(0.5, 0.25),
        shots=(ShotNote("coins", 303, 384, 24), ShotNote("Zürich 東京", 1, 2, 3)),
        steps=400,
        seconds=61.5,
        score_before=0.5,
        score_after=0.75,
        seed=7,
        note='two\nlines, "quotes" and µm',
    )
    saved = Adapter(header, adapter.tensors).save(tmp_path / "a.safetensors")
    assert load_adapter(saved).header == header


def test_unknown_scores_and_pixel_size_come_back_as_none(path: Path) -> None:
    header = load_adapter(path).header
    assert header.score_before is None
    assert header.score_after is None
    assert header.pixel_size is None
    assert header.shots == ()


def test_a_cut_adapter_knows_the_model_and_when_it_was_made(base: CatSam, adapter: Adapter) -> None:
    header = adapter.header
    assert (header.method, header.backbone, header.input_size) == ("cat-a", "tiny", 64)
    assert header.backbone_sha256 == base.backbone_sha256
    assert (header.resize, header.intensity) == (base.resize, base.intensity)
    assert (header.steps, header.note, header.version) == (12, "polyps", __version__)
    assert datetime.fromisoformat(header.date).tzinfo is not None


def test_a_cut_adapter_has_its_own_memory(base: CatSam) -> None:
    model = base.with_method("cat-t")
    cut = cut_adapter(model)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.zero_()
    assert cut.tensors["head.token"].abs().sum() > 0


@pytest.mark.parametrize("method", ["cat-a", "cat-t", "hq"])
def test_the_file_holds_exactly_the_trained_parameters(
    base: CatSam, method: str, tmp_path: Path
) -> None:
    model = base.with_method(method)
    saved = cut_adapter(model).save(tmp_path / "a.safetensors")
    with safe_open(saved, framework="pt") as file:
        keys = set(file.keys())
    assert keys == {name for name, p in model.named_parameters() if p.requires_grad}
    assert load_adapter(saved).parameters == sum(
        p.numel() for p in model.parameters() if p.requires_grad
    )


def test_the_hash_follows_the_tensors_and_not_the_header(path: Path, adapter: Adapter) -> None:
    again = load_adapter(path)
    assert again.sha256 == adapter.sha256
    assert Adapter(replace(again.header, note="x"), again.tensors).sha256 == adapter.sha256
    changed = {**again.tensors, "head.token": again.tensors["head.token"] + 1}
    assert Adapter(again.header, changed).sha256 != adapter.sha256


def test_a_method_that_trains_nothing_has_no_adapter(base: CatSam) -> None:
    with pytest.raises(AdapterError, match="method 'sam' trains nothing"):
        cut_adapter(base)


# ------------------------------------------------------------------------------------- applying


def test_an_applied_adapter_brings_weights_resize_and_intensity(
    base: CatSam, adapter: Adapter
) -> None:
    header = replace(adapter.header, resize="stretch", intensity=Intensity("limits", 5, 9))
    model = apply_adapter(base, Adapter(header, adapter.tensors))
    assert (model.method, model.resize, model.intensity) == ("cat-a", "stretch", header.intensity)
    assert all(torch.equal(v, adapter.tensors[k]) for k, v in model.trained_tensors().items())
    assert (base.method, base.resize) == ("sam", "pad")


def test_an_applied_adapter_shares_the_frozen_weights_but_not_its_own(
    base: CatSam, adapter: Adapter
) -> None:
    model = apply_adapter(base, adapter)
    frozen = base.frozen_tensors()
    assert all(v.data_ptr() == frozen[k].data_ptr() for k, v in model.frozen_tensors().items())
    own = model.trained_tensors()
    assert all(v.data_ptr() != own[k].data_ptr() for k, v in adapter.tensors.items())


def test_an_adapter_replaces_the_one_before(base: CatSam, adapter: Adapter) -> None:
    before = apply_adapter(base, cut_adapter(base.with_method("cat-t")))
    assert apply_adapter(before, adapter).model_id == apply_adapter(base, adapter).model_id


def test_an_adapter_without_a_hash_fits_any_weights_of_its_backbone(adapter: Adapter) -> None:
    other = CatSam(get_backbone("tiny"), seeded_sam("tiny", seed=9))
    header = replace(adapter.header, backbone_sha256="")
    assert apply_adapter(other, Adapter(header, adapter.tensors)).method == "cat-a"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"backbone": "vit_b"}, "this adapter is for vit_b, the loaded model is tiny; choose"),
        ({"input_size": 1024}, "this adapter is for an input of 1024 pixels, tiny has 64"),
        ({"backbone_sha256": "0" * 64}, r"trained on other weights of tiny \(000000000000, loaded"),
        ({"method": "cat-z"}, "cannot be used: unknown method 'cat-z', expected one of"),
        ({"method": "sam"}, "parameters do not fit sam on tiny"),
        ({"method": "cat-t"}, "parameters do not fit cat-t on tiny"),
    ],
)
def test_an_adapter_of_something_else_is_refused(
    base: CatSam, adapter: Adapter, change: dict[str, object], expected: str
) -> None:
    with pytest.raises(AdapterMismatchError, match=expected):
        apply_adapter(base, Adapter(replace(adapter.header, **change), adapter.tensors))  # type: ignore[arg-type]


def test_an_adapter_of_other_weights_is_refused(adapter: Adapter) -> None:
    other = CatSam(get_backbone("tiny"), build_sam("tiny"))
    with pytest.raises(AdapterMismatchError, match="load the weights that it was trained on"):
        apply_adapter(other, adapter)


@pytest.mark.parametrize("wrong", ["missing", "extra", "shape"])
def test_missing_extra_and_misshapen_tensors_are_named(
    base: CatSam, adapter: Adapter, wrong: str
) -> None:
    tensors = dict(adapter.tensors)
    token = tensors.pop("head.token")
    if wrong == "extra":
        tensors |= {"head.token": token, "head.extra": token}
    if wrong == "shape":
        tensors["head.token"] = token[:, :3]
    first = "head.extra" if wrong == "extra" else "head.token"
    expected = f"do not fit cat-a on tiny: 1 differ, the first is {first}"
    with pytest.raises(AdapterMismatchError, match=expected):
        apply_adapter(base, Adapter(adapter.header, tensors))


# --------------------------------------------------------------------------------- broken files


@pytest.mark.parametrize("kept", [0.0, 0.001, 0.3, 0.99])
def test_a_truncated_file_is_refused(path: Path, kept: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(
        AdapterError, match=r"polyps.safetensors is truncated or no safetensors file"
    ):
        load_adapter(path)


def test_a_file_of_another_format_is_refused(tmp_path: Path, adapter: Adapter) -> None:
    path = tmp_path / "a.pth"
    torch.save(adapter.tensors, path)
    with pytest.raises(AdapterError, match="truncated or no safetensors file"):
        load_adapter(path)


def test_a_safetensors_file_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(3)}, path, {"format": "pt"})
    with pytest.raises(
        AdapterError, match=r"other.safetensors is no adapter of napari-catsam; cut"
    ):
        load_adapter(path)


@pytest.mark.parametrize("name", ["missing.safetensors", ""])
def test_a_missing_file_and_a_folder_are_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnreadableFileError, match=r"there is no file .*; check the path"):
        load_adapter(tmp_path / name)


def good_header() -> dict[str, object]:
    header: dict[str, object] = json.loads(AdapterHeader("cat-a", "tiny").to_json())
    return header


def test_an_adapter_of_a_newer_format_asks_for_an_update(tmp_path: Path) -> None:
    path = write(tmp_path / "a.safetensors", {"x": torch.zeros(1)}, good_header() | {"format": 3})
    with pytest.raises(AdapterError, match=r"has format 3, .* reads up to 2; update napari-catsam"):
        load_adapter(path)


def test_unknown_fields_of_the_same_format_are_ignored(tmp_path: Path) -> None:
    path = write(tmp_path / "a.safetensors", {"x": torch.zeros(1)}, good_header() | {"mood": "ok"})
    assert load_adapter(path).header.backbone == "tiny"


@pytest.mark.parametrize(
    "header",
    [
        "no JSON",
        "[]",
        "3",
        '"text"',
        "null",
        {},
        {"format": 1},
        {"format": "1"},
        {"format": 1, "method": "cat-a"},
        good_header() | {"intensity": {"mode": "gamma"}},
        good_header() | {"intensity": {"low": "a"}},
        good_header() | {"intensity": None},
        good_header() | {"shots": 5},
        good_header() | {"shots": [{"name": "a"}]},
        good_header() | {"pixel_size": [1, 2, 3]},
        good_header() | {"resize": "crop"},
        good_header() | {"method": 5},
        good_header() | {"backbone": None},
    ],
)
def test_a_damaged_header_is_refused(tmp_path: Path, header: object) -> None:
    path = write(tmp_path / "a.safetensors", {"x": torch.zeros(1)}, header)
    with pytest.raises(AdapterError, match="the adapter's header cannot be read"):
        load_adapter(path)


# --------------------------------------------------------------------------------------- saving


def test_a_saved_adapter_replaces_the_file_and_leaves_nothing_else(
    path: Path, base: CatSam
) -> None:
    other = cut_adapter(base.with_method("cat-t"))
    assert other.save(str(path)) == path
    assert load_adapter(path).header.method == "cat-t"
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("call", ["write_bytes", "replace"])
def test_a_failure_leaves_the_old_file_and_no_other(
    path: Path, base: CatSam, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    before = path.read_bytes()

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, call, fail)
    with pytest.raises(UnreadableFileError, match=r"cannot write .*: No space left on device"):
        cut_adapter(base.with_method("cat-t")).save(path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_an_interruption_leaves_the_old_file_and_no_other(
    path: Path, base: CatSam, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_bytes()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        cut_adapter(base.with_method("cat-t")).save(path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path, adapter: Adapter) -> None:
    with pytest.raises(UnreadableFileError, match=r"cannot write .*nowhere.*: No such file"):
        adapter.save(tmp_path / "nowhere" / "a.safetensors")


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_colleagues_can_read_a_saved_adapter(path: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
