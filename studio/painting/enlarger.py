"""Twice the size, painted: a small network that draws the strokes that enlarging leaves out.

Pictures [B, 3, H, W] in -1..1 -> [B, 3, 2H, 2W]; twice over for a download of 1,024 pixels. It adds
to what bicubic enlargement gives (Kim et al., VDSR, 2016), works at the small size and rearranges
channels into pixels at its end (Shi et al., ESPCN, 2016).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WIDTH, DEPTH = 48, 6
BAND = 128
"""Rows that are enlarged at once: a picture of 512 pixels would need half a gigabyte."""


class Enlarger(nn.Module):
    """See the module. Its last layer begins at zero: what has learned nothing is bicubic."""

    def __init__(self, width: int = WIDTH, depth: int = DEPTH) -> None:
        super().__init__()
        self.enter = nn.Conv2d(3, width, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(width, width, 3, padding=1),
                nn.LeakyReLU(0.2),
                nn.Conv2d(width, width, 3, padding=1),
            )
            for _ in range(depth)
        )
        self.leave = nn.Conv2d(width, 12, 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        assert self.leave.bias is not None
        nn.init.zeros_(self.leave.bias)
        # An Equaliser: what repeats would be drawn sharply too.
        self.before: nn.Module = nn.Identity()

    def forward(self, pictures: Tensor) -> Tensor:
        x = self.enter(pictures)
        for block in self.blocks:
            x = x + block(x)
        return bicubic(pictures) + F.pixel_shuffle(self.leave(x), 2)

    @torch.inference_mode()
    def enlarged(self, pictures: Tensor, times: int = 1) -> Tensor:
        """Pictures [B, 3, H, W] in -1..1 at 2^times the size, on the CPU. Drawn in bands, each of
        which sees all the rows that it is drawn from."""
        device = self.leave.weight.device
        pictures = self.before(pictures.to(device)).cpu()
        # Rows on either side that a row is drawn from: one for each convolution.
        reach = 2 * len(self.blocks) + 2
        for _ in range(times):
            height = pictures.shape[2]
            bands = []
            for top in range(0, height, BAND):
                above = max(0, top - reach)
                below = min(height, top + BAND + reach)
                band = self(pictures[:, :, above:below].to(device))
                first = 2 * (top - above)
                bands.append(band[:, :, first : first + 2 * min(BAND, height - top)].cpu())
            pictures = torch.cat(bands, dim=2).clamp(-1, 1)
        return pictures


def bicubic(pictures: Tensor) -> Tensor:
    """What everybody else does: [B, 3, H, W] at twice the size."""
    return F.interpolate(pictures, scale_factor=2, mode="bicubic", align_corners=False)


def halved(pictures: Tensor) -> Tensor:
    """[B, 3, H, W] at half the size, without aliasing."""
    size = (pictures.shape[2] // 2, pictures.shape[3] // 2)
    return F.interpolate(pictures, size=size, mode="bicubic", antialias=True).clamp(-1, 1)
