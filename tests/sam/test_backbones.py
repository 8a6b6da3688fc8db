"""The table of backbones has the published sizes, and builds them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from napari_catsam.errors import UnknownNameError
from napari_catsam.sam.backbones import (
    BACKBONES,
    build_sam,
    get_backbone,
    list_backbones,
    seeded_sam,
)
from napari_catsam.sam.checkpoints import sam_shapes
from napari_catsam.sam.stem import ChannelNorm, ConvStem

KEYS_FILE = Path(__file__).parent.parent / "parity" / "official_keys.json"
LAYOUTS = json.loads(KEYS_FILE.read_text())
OFFICIAL = ["vit_b", "vit_l", "vit_h"]


@pytest.mark.parametrize("name", OFFICIAL)
def test_built_backbones_have_the_published_keys_and_shapes(name: str) -> None:
    published = {key: tuple(shape) for key, shape in LAYOUTS[f"sam/{name}"].items()}
    assert sam_shapes(name) == published


@pytest.mark.parametrize("name", OFFICIAL)
def test_rows_state_the_published_sizes(name: str) -> None:
    row, shapes = get_backbone(name), LAYOUTS[f"sam/{name}"]
    assert shapes["image_encoder.pos_embed"] == [1, row.grid, row.grid, row.width]
    assert f"image_encoder.blocks.{row.depth - 1}.norm1.weight" in shapes
    assert f"image_encoder.blocks.{row.depth}.norm1.weight" not in shapes
    for index in range(row.depth):
        length, width = shapes[f"image_encoder.blocks.{index}.attn.rel_pos_h"]
        side = row.grid if index in row.global_blocks else row.window
        assert length == 2 * side - 1
        assert width == row.width // row.heads
    assert shapes["mask_decoder.iou_token.weight"] == [1, row.decoder_width]


@pytest.mark.parametrize("name", OFFICIAL)
def test_official_rows_change_nothing_of_sam(name: str) -> None:
    row = get_backbone(name)
    assert (row.image_size, row.resize, row.stem) == (1024, "pad", "patch")
    assert not row.box_prior
    assert (row.grid, row.low_resolution) == (64, 256)


@pytest.mark.parametrize("row", BACKBONES.values(), ids=BACKBONES)
def test_every_row_is_consistent(row) -> None:
    assert row.width % row.heads == 0
    assert row.width % 32 == 0  # CAT-SAM-A's rank
    assert row.decoder_width % 8 == 0
    assert row.image_size % 16 == 0
    assert row.global_blocks[-1] == row.depth - 1
    assert BACKBONES[row.name] is row


def test_vit_nano_has_sams_decoder_so_that_every_method_fits_it() -> None:
    refiner = "mask_decoder.refiner."
    nano = {k: v for k, v in sam_shapes("vit_nano").items() if not k.startswith(refiner)}
    official = sam_shapes("vit_b")
    for part in ("mask_decoder.", "prompt_encoder."):
        assert {k: v for k, v in nano.items() if k.startswith(part)} == {
            k: v for k, v in official.items() if k.startswith(part)
        }


def test_vit_nano_fits_into_25_megabytes_in_half_precision() -> None:
    values = sum(torch.Size(shape).numel() for shape in sam_shapes("vit_nano").values())
    assert 2 * values < 25e6


def test_vit_nano_embeds_an_image_on_a_grid_of_its_size() -> None:
    row = get_backbone("vit_nano")
    sam = build_sam("vit_nano")
    assert isinstance(sam.image_encoder.patch_embed, ConvStem)
    with torch.no_grad():
        features = sam.image_encoder(torch.randn(1, 3, row.image_size, row.image_size))
    assert features.shape == (1, row.decoder_width, row.grid, row.grid)


def test_users_see_the_backbones_smallest_first_and_not_the_test_one() -> None:
    assert list_backbones() == ["vit_nano", *OFFICIAL]


@pytest.mark.parametrize("build", [get_backbone, build_sam, seeded_sam, sam_shapes])
def test_an_unknown_name_is_refused_with_a_hint(build) -> None:
    with pytest.raises(
        UnknownNameError, match=r"unknown model 'vit-b', expected one of .*vit_nano.* mean 'vit_b'"
    ):
        build("vit-b")


def test_the_seed_alone_draws_the_weights() -> None:
    one, other, again = (seeded_sam("tiny", seed).state_dict() for seed in (1, 2, 1))
    assert all(torch.equal(value, again[key]) for key, value in one.items())
    assert not torch.equal(one["image_encoder.pos_embed"], other["image_encoder.pos_embed"])
    assert one["image_encoder.pos_embed"].abs().sum() > 0


def test_a_built_sam_is_in_evaluation_mode_and_float32() -> None:
    sam = build_sam("tiny")
    assert not sam.training
    assert {value.dtype for value in sam.state_dict().values()} == {torch.float32}


@pytest.mark.parametrize("size", [(64, 64), (32, 96)])
def test_the_stem_gives_one_token_for_16_by_16_pixels(size: tuple[int, int]) -> None:
    tokens = ConvStem(32)(torch.randn(2, 3, *size))
    assert tokens.shape == (2, size[0] // 16, size[1] // 16, 32)


def test_channel_norm_is_layer_norm_over_the_channels() -> None:
    norm, x = ChannelNorm(6), torch.randn(2, 6, 4, 5)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    expected = torch.nn.functional.layer_norm(
        x.permute(0, 2, 3, 1), (6,), norm.weight, norm.bias, norm.eps
    ).permute(0, 3, 1, 2)
    torch.testing.assert_close(norm(x), expected)
