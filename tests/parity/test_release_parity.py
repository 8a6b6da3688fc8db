"""The released API on regenerated weights gives the numbers that the released code computed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage.data import coins

from napari_catsam import CATSAMA, CATSAMT
from napari_catsam.adaptation.losses import bce_dice_loss
from napari_catsam.models.official_inputs import list_prompts
from napari_catsam.models.release import release_name
from tests.parity.official_checkpoint import state_dict

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
VARIANTS = {"cat-a": CATSAMA, "cat-t": CATSAMT}


@pytest.fixture(scope="module", params=sorted(VARIANTS))
def released(request: pytest.FixtureRequest) -> tuple:
    reference = np.load(HERE / f"{request.param}_vit_b_seed7_coins.npz")
    model = VARIANTS[request.param](model_type="vit_b")
    model.load_state_dict(state_dict(request.param, "vit_b", 7))
    image = torch.from_numpy(coins().astype(np.float32)).repeat(3, 1, 1)
    model.set_infer_img(img=image)
    return model, image, reference


def prompt(reference, kind: str) -> dict[str, torch.Tensor]:
    name = {"boxes": "box_coords", "points": "point_coords"}[kind]
    return {name: torch.from_numpy(reference[kind]).float()}


def unpack(packed: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return np.unpackbits(packed)[: np.prod(shape)].reshape(shape).astype(bool)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_embeddings_equal_those_of_the_released_code(released: tuple) -> None:
    model, _, reference = released
    features, early = model._encoded.features, model._encoded.early
    torch.testing.assert_close(
        features[0, ::16, ::8, ::8].numpy(), reference["embedding_sample"], atol=1e-4, rtol=0
    )
    torch.testing.assert_close(
        early[0, ::8, ::8, ::48].numpy(), reference["interm0_sample"], atol=1e-4, rtol=0
    )


@pytest.mark.parametrize("kind", ["boxes", "points"])
def test_logits_agree_to_a_thousandth_and_masks_to_iou_0999(released: tuple, kind: str) -> None:
    model, image, reference = released
    with torch.no_grad():
        coordinates = prompt(reference, kind)
        prompts = list_prompts(1, coordinates.get("point_coords"), coordinates.get("box_coords"))
        logits = model._decode(model._encoded, [image], prompts)[0][:, 0]
    expected = reference[f"{kind}_logits_sub"].reshape(2, *logits[0, ::6, ::6].shape)
    assert np.abs(logits[:, ::6, ::6].numpy() - expected).max() < 1e-3
    masks = unpack(reference[f"{kind}_masks"], (2, *image.shape[1:]))
    assert all(iou(a, b) >= 0.999 for a, b in zip(masks, logits.numpy() > 0, strict=True))


@pytest.mark.parametrize("kind", ["boxes", "points"])
def test_infer_returns_the_released_union(released: tuple, kind: str) -> None:
    model, image, reference = released
    united = model.infer(**prompt(reference, kind))
    assert [one.shape for one in united] == [(1, 1, *image.shape[1:])]
    expected = unpack(reference[f"{kind}_infer"], tuple(image.shape[1:]))
    assert iou(expected, united[0][0, 0].numpy() > 0) >= 0.999


def ellipses(boxes: np.ndarray, shape: tuple[int, int]) -> torch.Tensor:
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    x0, y0, x1, y1 = (boxes[:, i, None, None] for i in range(4))
    across = (columns - (x0 + x1) / 2) / ((x1 - x0) / 2)
    down = (rows - (y0 + y1) / 2) / ((y1 - y0) / 2)
    return torch.from_numpy((across**2 + down**2 <= 1).astype(np.float32))


def test_first_training_step_has_the_released_loss_and_gradients(released: tuple) -> None:
    model, image, reference = released
    targets = ellipses(reference["boxes"], tuple(image.shape[1:]))
    trained = {k: p for k, p in model.catsam.named_parameters() if p.requires_grad}
    before = {k: p.detach().clone() for k, p in trained.items()}
    optimizer = torch.optim.AdamW(trained.values(), lr=1e-3, weight_decay=1e-4)

    def compute_loss() -> torch.Tensor:
        return bce_dice_loss(model([image], **prompt(reference, "boxes"))[0][:, 0], targets)

    loss = compute_loss()
    assert loss.item() == pytest.approx(reference["losses"][0], rel=0.01)
    loss.backward()
    norms = json.loads(str(reference["grad_norms"]))
    found = {release_name(k): p.grad.norm().item() for k, p in trained.items()}
    # The token has two names there; named_parameters() gives the first of them.
    found["image_encoder.hq_token"] = found.pop("mask_decoder.hf_token.weight")
    assert found.keys() == norms.keys()
    for key, norm in norms.items():
        assert found[key] == pytest.approx(norm, rel=0.01), key
    optimizer.step()
    with torch.no_grad():
        second = compute_loss().item()
    # AdamW's first step is sign-like: a few per cent.
    assert second == pytest.approx(reference["losses"][1], rel=0.05)
    with torch.no_grad():
        for key, parameter in trained.items():
            parameter.copy_(before[key])
            parameter.grad = None
