"""Training crops for LGNet. S crop side in pixels, B batch."""

from collections import Counter

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from core.lgnet.dataset import Sample
from core.lgnet.filters import top_hat

TARGET_SHARE = 0.65  # of the crops of an image with targets are laid around one
# of the crops are not scaled: how tightly masks fit differs between sets, and scaling hides which set an image is of
NATIVE_SHARE = 0.75
CLUTTER_SHARE = 0.5  # of the other crops are laid around what looks like a target and is none
CLUTTER_SIDE = 11  # pixels; of the top-hat that finds clutter


class CropSampler:
    """Random augmented crops from images kept in memory.

    `augment` "ours": crops at native scale, some at 0.7 to 1.5 times it, most of them laid around a target or around
    clutter, turned, mirrored, brighter or darker, with noise. "paper": the long side scaled to 0.5 to 2 crops, padded,
    cropped anywhere, mirrored, blurred half of the time (ILNet's recipe, which LGNet follows).

    Each source folder is drawn with equal probability, so that a small real set is not drowned by a large
    synthetic one; target-free sources share `background_share`.
    """

    def __init__(
        self, samples: list[Sample], side: int, seed: int, background_share: float = 0.25, augment: str = "ours"
    ) -> None:
        self.side, self.rng = side, np.random.default_rng(seed)
        self.crop = {"ours": self._crop, "paper": self._crop_of_the_paper}[augment]
        self.samples = samples
        counts = Counter(s.source for s in samples)
        with_targets = {s.source for s in samples if s.mask.any()}
        empty = len(counts) - len(with_targets)
        share = {  # of a source folder
            source: (1 - background_share) / len(with_targets) if source in with_targets else background_share / empty
            for source in counts
        }
        weights = np.array([share[s.source] / counts[s.source] for s in samples])
        self.weights = weights / weights.sum()

    def batch(self, size: int) -> tuple[Tensor, Tensor, list[int]]:
        """(images (B, 1, S, S) in [0, 1], masks (B, 1, S, S) of 0/1, sample numbers)."""
        numbers = self.rng.choice(len(self.samples), size=size, p=self.weights)
        crops = [self.crop(self.samples[i]) for i in numbers]
        return torch.stack([c[0] for c in crops]), torch.stack([c[1] for c in crops]), numbers.tolist()

    def _crop(self, sample: Sample) -> tuple[Tensor, Tensor]:
        rng, side = self.rng, self.side
        native = rng.random() < NATIVE_SHARE
        scale = 1.0 if native else float(np.exp(rng.uniform(np.log(0.7), np.log(1.5))))
        window = max(8, round(side / scale))  # pixels of the original that fill the crop
        image = torch.from_numpy(sample.image.unit01())[None]
        mask = torch.from_numpy(sample.mask.astype(np.float32))[None]
        h, w = sample.mask.shape
        pad = (0, max(0, window - w), 0, max(0, window - h))
        image, mask = F.pad(image[None], pad, mode="replicate")[0], F.pad(mask, pad)
        h, w = mask.shape[1:]
        if (focus := self._focus(sample)) is not None:
            top = int(np.clip(focus[0] - rng.integers(window), 0, h - window))
            left = int(np.clip(focus[1] - rng.integers(window), 0, w - window))
        else:
            top, left = int(rng.integers(h - window + 1)), int(rng.integers(w - window + 1))
        image = image[:, top : top + window, left : left + window]
        mask = mask[:, top : top + window, left : left + window]
        if window != side:
            image = F.interpolate(image[None], (side, side), mode="bilinear", align_corners=False)[0]
            # centre-aligned: labels half a pixel off are learnt by the network
            mask = F.interpolate(mask[None], (side, side), mode="nearest-exact")[0]
        turns = int(rng.integers(4))
        image, mask = torch.rot90(image, turns, (1, 2)), torch.rot90(mask, turns, (1, 2))
        if rng.random() < 0.5:
            image, mask = image.flip(2), mask.flip(2)
        gain, offset = float(np.exp(rng.normal(0, 0.15))), float(rng.normal(0, 0.05))
        image = (image * gain + offset + torch.randn(image.shape) * float(rng.uniform(0, 0.015))).clamp(0, 1)
        return image, mask

    def _focus(self, sample: Sample) -> tuple[int, int] | None:
        """(row, column) that a crop must hold: a target's pixel, a pixel of clutter, or None for any crop."""
        if sample.mask.any() and self.rng.random() < TARGET_SHARE:
            ys, xs = np.nonzero(sample.mask)
            k = self.rng.integers(len(ys))
            return int(ys[k]), int(xs[k])
        if self.rng.random() < CLUTTER_SHARE:
            clutter = np.where(sample.mask, 0.0, top_hat(sample.image.unit01(), CLUTTER_SIDE)).astype(np.float64) ** 2
            if total := clutter.sum():
                return divmod(int(self.rng.choice(clutter.size, p=clutter.ravel() / total)), clutter.shape[1])
        return None

    def _crop_of_the_paper(self, sample: Sample) -> tuple[Tensor, Tensor]:
        rng, side = self.rng, self.side
        scale = float(rng.uniform(0.5, 2.0)) * side / max(sample.mask.shape)
        height, width = (max(1, round(n * scale)) for n in sample.mask.shape)
        image = torch.from_numpy(sample.image.unit01())[None, None]
        mask = torch.from_numpy(sample.mask.astype(np.float32))[None, None]
        image = F.interpolate(image, (height, width), mode="bilinear", align_corners=False)
        mask = F.interpolate(mask, (height, width), mode="nearest-exact")
        pad = (0, max(0, side - width), 0, max(0, side - height))
        image, mask = F.pad(image, pad)[0], F.pad(mask, pad)[0]
        top, left = (int(rng.integers(n - side + 1)) for n in image.shape[1:])
        image, mask = (x[:, top : top + side, left : left + side] for x in (image, mask))
        if rng.random() < 0.5:
            image, mask = image.flip(2), mask.flip(2)
        if rng.random() < 0.5:
            image = gaussian_blur(image, [7, 7], [max(0.05, float(rng.random()))])  # sigma in pixels
        return image, mask
