"""What people can name in a painting, measured from its pixels alone (CIE Lab, D65)."""

from __future__ import annotations

import torch
from torch import Tensor

UNITS = {
    "brightness": "mean lightness, 0-100",
    "warmth": "mean yellow minus blue (Lab b*)",
    "saturation": "mean chroma",
    "contrast": "standard deviation of lightness",
    "busyness": "mean step of lightness between neighbouring pixels of a 64 px copy",
    "light_above": "lightness of the upper minus the lower third",
    "greenness": "mean green minus red (Lab -a*)",
    "centre_light": "lightness of the middle minus the border",
    "side_light": "lightness of the right minus the left third",
}
_TO_XYZ = torch.tensor(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_WHITE = torch.tensor([0.95047, 1.0, 1.08883])

GRID = 4
LAB_SPREADS = (20.0, 7.0, 13.0)
"""Standard deviations of L, a and b among the cells of the shipped painters' samples."""
COLOURS = {"tone": 20.5, "palette": 16.5, "light": 10.3, "places": 4.9}
"""Kinds of what is seen in colours, and scales that let each differ from painting to painting by
half as much as what is painted."""


def lab(pictures: Tensor) -> Tensor:
    """sRGB pictures [B, 3, H, W] in 0..1 to Lab [B, 3, H, W] (L 0-100)."""
    linear = torch.where(
        pictures <= 0.04045, pictures / 12.92, ((pictures + 0.055) / 1.055).clamp_min(0) ** 2.4
    )
    to_xyz, white = _TO_XYZ.to(pictures.device), _WHITE.to(pictures.device)
    xyz = torch.einsum("ij,bjhw->bihw", to_xyz, linear) / white[:, None, None]
    f = torch.where(xyz > 0.008856, xyz.clamp_min(1e-8) ** (1 / 3), 7.787 * xyz + 16 / 116)
    x, y, z = f.unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=1)


def measure(pictures: Tensor) -> dict[str, Tensor]:
    """Attributes, each [B], of pictures [B, 3, H, W] in -1..1."""
    if not len(pictures):
        return {name: torch.zeros(0) for name in UNITS}
    small = torch.nn.functional.adaptive_avg_pool2d(pictures.float(), 64)
    light, a, b = lab((small + 1) / 2).unbind(1)
    third = light.shape[1] // 3
    quarter = light.shape[1] // 4
    middle = light[:, quarter:-quarter, quarter:-quarter]
    border = (light.sum((1, 2)) - middle.sum((1, 2))) / (light[0].numel() - middle[0].numel())
    steps = light.diff(dim=1).abs().mean((1, 2)) + light.diff(dim=2).abs().mean((1, 2))
    return {
        "brightness": light.mean((1, 2)),
        "warmth": b.mean((1, 2)),
        "saturation": torch.hypot(a, b).mean((1, 2)),
        "contrast": light.std((1, 2)),
        "busyness": steps / 2,
        "light_above": light[:, :third].mean((1, 2)) - light[:, -third:].mean((1, 2)),
        "greenness": -a.mean((1, 2)),
        "centre_light": middle.mean((1, 2)) - border,
        "side_light": light[:, :, -third:].mean((1, 2)) - light[:, :, :third].mean((1, 2)),
    }


def colours(pictures: Tensor) -> list[Tensor]:
    """Of pictures [B, 3, R, R] in -1..1, as COLOURS: how light they are [B, 1], in which colours
    [B, 2], where light falls [B, 16] and where colours lie [B, 32], from the mean Lab of each cell
    of a grid (Kasutani & Yamada, The MPEG-7 color layout descriptor, 2001).

    Pooled features of an image network, trained to know a dog in any light and on either side, say
    little of light, palette and composition, which people who rate paintings look at.
    """
    cells = torch.nn.functional.adaptive_avg_pool2d(lab((pictures.float() + 1) / 2), GRID)
    cells = cells.flatten(2) / torch.tensor(LAB_SPREADS, device=cells.device)[:, None]
    mean = cells.mean(2, keepdim=True)
    away = cells - mean
    seen = [mean[:, :1], mean[:, 1:], away[:, :1], away[:, 1:]]
    return [scale * part.flatten(1) for scale, part in zip(COLOURS.values(), seen, strict=True)]
