"""Speed of the image encoder and of a click beside segment_anything and the released layout.

    python -m benchmarks.encoder --backbone vit_b --repeats 5

Weights are random: they do not change the work. Every comparison first checks that both sides compute
the same thing.
"""

from __future__ import annotations

import argparse
import platform

import torch

from benchmarks.released_layout import released_decode, released_token_encode
from benchmarks.timing import Comparison, compare
from napari_catsam.models.catsam import CatSam, PromptTensors
from napari_catsam.models.decoded import Detail
from napari_catsam.sam.backbones import get_backbone, seeded_sam


def compare_encoder(backbone: str, repeats: int) -> Comparison:
    """Time plain SAM's encoder: the package ``segment_anything`` against ours."""
    peer = seeded_sam(backbone)
    ours = CatSam(get_backbone(backbone), seeded_sam(backbone))
    image = random_image(backbone)
    check_equal(peer.image_encoder(image), ours.encode(image).features)
    return compare(
        f"{backbone} encoder, segment_anything / ours",
        lambda: peer.image_encoder(image),
        lambda: ours.encode(image),
        repeats,
    )


def compare_method(backbone: str, method: str, repeats: int) -> Comparison:
    """Time a method's encoder against our plain one: what tuning costs."""
    plain = CatSam(get_backbone(backbone), seeded_sam(backbone))
    tuned, image = plain.with_method(method), random_image(backbone)
    return compare(
        f"{backbone} encoder, ours plain / ours {method}",
        lambda: plain.encode(image),
        lambda: tuned.encode(image),
        repeats,
    )


def compare_token_encoder(backbone: str, repeats: int) -> Comparison:
    """Time CAT-SAM-T's encoder: the released attention layout against ours."""
    ours = CatSam(get_backbone(backbone), seeded_sam(backbone), "cat-t")
    peer, image = seeded_sam(backbone).image_encoder, random_image(backbone)
    assert ours.head is not None
    tokens = [project(ours.head.token) for project in ours.tuner.projections]
    check_equal(released_token_encode(peer, tokens, image), ours.encode(image).features)
    return compare(
        f"{backbone} CAT-T encoder, released layout / ours",
        lambda: released_token_encode(peer, tokens, image),
        lambda: ours.encode(image),
        repeats,
    )


def compare_click(backbone: str, repeats: int) -> Comparison:
    """Time one click on an embedded image: the released decoder's layout against ours."""
    row = get_backbone(backbone)
    model = CatSam(row, seeded_sam(backbone), "cat-a")
    features = torch.randn(1, row.decoder_width, row.grid, row.grid)
    early = torch.randn(1, row.grid, row.grid, row.width)
    assert model.head is not None
    detail = Detail(model.head.detail(features, early))
    middle = torch.full((1, 1, 2), row.image_size / 2)
    click = PromptTensors(points=middle, labels=torch.ones(1, 1, dtype=torch.long))
    check_equal(
        released_decode(model, features, early, click),
        model.decode(features, detail, click).logits[:, 0],
    )
    return compare(
        f"{backbone} click, released layout / ours",
        lambda: released_decode(model, features, early, click),
        lambda: model.decode(features, detail, click),
        repeats,
    )


def random_image(backbone: str) -> torch.Tensor:
    """Draw a normalised input (1, 3, S, S)."""
    side = get_backbone(backbone).image_size
    return torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(0))


def check_equal(peer: torch.Tensor, ours: torch.Tensor) -> None:
    """Raise unless both sides of a comparison computed the same."""
    torch.testing.assert_close(ours, peer, atol=1e-3, rtol=1e-3)


def describe_machine() -> str:
    """Return what a reader needs to place the figures."""
    return (
        f"torch {torch.__version__}, {torch.get_num_threads()} threads, float32, "
        f"{platform.machine()}, {platform.system()}"
    )


@torch.no_grad()
def main() -> None:
    """Run all comparisons and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="vit_b")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", choices=["encoder", "cat-a", "cat-t", "click"], default=None)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(describe_machine())
    runs = {
        "encoder": compare_encoder,
        "cat-a": lambda name, repeats: compare_method(name, "cat-a", repeats),
        "cat-t": compare_token_encoder,
        "click": compare_click,
    }
    for key, run in runs.items():
        if options.only in (None, key):
            print(run(options.backbone, options.repeats), flush=True)


if __name__ == "__main__":
    main()
