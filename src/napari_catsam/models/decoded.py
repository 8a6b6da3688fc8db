"""What the mask decoder takes beside an embedding, and what it gives."""

from __future__ import annotations

from typing import NamedTuple

import torch

from napari_catsam.sam.stem import Skips

__all__ = ["Correction", "Decoded", "Detail"]

REACH = 2.0
"""What a head may add to a logit of an object that a refiner draws."""


class Decoded(NamedTuple):
    """What the decoder gives for N objects.

    Attributes
    ----------
    logits : Tensor, (N, K, h, w)
        Mask logits; K is 1 for the HQ head and 4 for SAM (one mask, then three readings of a click).
    scores : Tensor, (N, K)
        The IoU that SAM's head expects of each.
    """

    logits: torch.Tensor
    scores: torch.Tensor

    def with_first(self, logits: torch.Tensor, scores: torch.Tensor) -> Decoded:
        """Return the same with another first mask (N, h, w) and expected IoU (N,) of each object."""
        return Decoded(
            torch.cat([logits[:, None], self.logits[:, 1:]], 1),
            torch.cat([scores[:, None], self.scores[:, 1:]], 1),
        )


class Correction(NamedTuple):
    """What a trained head changes in SAM's masks of N objects.

    Attributes
    ----------
    mask : Tensor, (N, h, w)
        To be added to the logits of each of SAM's masks.
    trust : Tensor, (N,), or None
        Factor of what the refiner then changes, 0 to 2, from :meth:`HQHead.weigh_refiner`; None for a
        backbone that has no refiner.
    """

    mask: torch.Tensor
    trust: torch.Tensor | None = None

    def limit(self, share: torch.Tensor) -> Correction:
        """Return the same with a mask that adds less than :data:`REACH` to a logit.

        Of an object that the refiner draws the base model is hardly ever wrong all over. A head that has
        seen a few others wipes out some that are unlike them if it may; so limited it moves borders.

        Parameters
        ----------
        share : Tensor, (N,)
            How far each object is limited, 0 not at all to 1; what the refiner has of it.
        """
        limited, share = REACH * torch.tanh(self.mask / REACH), share[:, None, None]
        return self._replace(mask=torch.lerp(self.mask, limited, share))

    def add_to(self, decoded: Decoded) -> Decoded:
        """Return SAM's masks with the head's."""
        return Decoded(decoded.logits + self.mask[:, None], decoded.scores)


class Detail(NamedTuple):
    """What the decoder takes from images beside their embedding; no prompt changes it.

    Attributes
    ----------
    head : Tensor, (B, D/8, 4g, 4g), or None
        From :meth:`HQHead.detail`; None without a head.
    skips : Skips, or None
        What the stem describes finely; None for a backbone without skips.
    image : Tensor, (B, 3, S, S), or None
        The input itself; None for a backbone that does not look at it again.
    """

    head: torch.Tensor | None = None
    skips: Skips | None = None
    image: torch.Tensor | None = None

    def select(self, images: slice) -> Detail:
        """Return the part of some images of the batch."""
        skips = None if self.skips is None else Skips(*(part[images] for part in self.skips))
        head, image = (None if part is None else part[images] for part in (self.head, self.image))
        return Detail(head, skips, image)

    @property
    def tensors(self) -> tuple[torch.Tensor, ...]:
        """All that is there."""
        own = tuple(part for part in (self.head, self.image) if part is not None)
        return (*own, *(self.skips or ()))
