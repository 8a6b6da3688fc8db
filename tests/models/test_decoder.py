"""The decoder's rewrites equal what they replace."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from napari_catsam.models.catsam import PromptTensors
from napari_catsam.models.head import HQHead, convolve_each
from napari_catsam.models.loading import load_model
from napari_catsam.sam.backbones import get_backbone, seeded_sam


def test_convolving_each_object_equals_a_grouped_convolution() -> None:
    maps, kernels = torch.randn(3, 5, 12, 10), torch.randn(3, 5, 3, 3)
    grouped = F.conv2d(maps.reshape(1, 15, 12, 10), kernels, padding=1, groups=3)[0]
    torch.testing.assert_close(convolve_each(maps, kernels), grouped, atol=1e-5, rtol=1e-5)


def test_the_folded_hypernetwork_equals_the_unfolded_one() -> None:
    head = HQHead(get_backbone("tiny"))
    token, upscaled = torch.randn(4, 32), torch.randn(4, 4, 16, 16)
    detail = torch.randn(1, 4, 16, 16)
    features = head.refine_mask_features(upscaled) + detail
    plain = torch.einsum("nc,nchw->nhw", head.hypernetwork(token), features)
    torch.testing.assert_close(head.mask(token, upscaled, detail), plain, atol=1e-5, rtol=1e-5)


def test_sam_method_equals_segment_anything() -> None:
    sam, model = seeded_sam("tiny"), load_model("tiny")
    image, boxes = torch.randn(1, 3, 64, 64), torch.tensor([[3.0, 4.0, 30.0, 40.0]])
    with torch.no_grad():
        features = sam.image_encoder(image)
        sparse, dense = sam.prompt_encoder(points=None, boxes=boxes, masks=None)
        masks, scores = sam.mask_decoder.predict_masks(
            features, sam.prompt_encoder.get_dense_pe(), sparse, dense
        )
        encoded = model.encode(image)
        decoded = model.decode(encoded.features, model.detail(encoded), PromptTensors(boxes=boxes))
    torch.testing.assert_close(decoded.logits, masks, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(decoded.scores, scores, atol=1e-4, rtol=1e-4)


def test_a_head_that_adds_to_the_base_keeps_the_three_readings_of_a_click() -> None:
    model = load_model("tiny").with_method("hq")
    assert model.head is not None
    model.head.adds_base = True
    torch.nn.init.zeros_(model.head.hypernetwork.layers[-1].weight)
    torch.nn.init.zeros_(model.head.hypernetwork.layers[-1].bias)
    click = PromptTensors(points=torch.tensor([[[30.0, 20.0]]]), labels=torch.ones(1, 1))
    with torch.no_grad():
        encoded = model.encode(torch.randn(1, 3, 64, 64))
        decoded = model.decode(encoded.features, model.detail(encoded), click)
    assert decoded.logits.shape == (1, 4, 16, 16)
    assert decoded.scores.shape == (1, 4)
    assert len(decoded.logits[0].flatten(1).unique(dim=0)) == 4
