"""Teaching an enlarger from works alone: each is made small, and it learns the way back.

Imports neither gradio nor the store. The mean of all ways back is a blur; features of a frozen
network, and an adversary that looks through the same, ask for one that could have been painted
(Ledig et al., SRGAN, 2017; Sauer et al., Projected GANs, 2021).
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from studio.painting.augment import augment
from studio.painting.data import Crops, Work, center_crops
from studio.painting.enlarger import Enlarger, bicubic, halved
from studio.painting.features import ImageFeatures
from studio.painting.model import Config, Discriminator
from studio.precision import autocast
from studio.training import follow_average, set_rate

TILE = 128
SIZE = 256
MEASURED = 64


@dataclass(frozen=True)
class Recipe:
    """What decides a run besides the works.

    Attributes:
        adversary: the adversary's gradient on the pictures, relative to that of the likeness.
        likeness: of features, beside that of pixels.
        blur: largest standard deviation, in pixels of the large picture, by which some works are
            blurred before they are made small: a painter's pictures are softer than works are.
    """

    batch_size: int = 32
    learning_rate: float = 4e-4
    adversary: float = 0.5
    likeness: float = 0.1
    blur: float = 1.0
    noise: float = 0.03
    ema: float = 0.999
    seed: int = 0


class Eyes(nn.Module):
    """The two finest levels of the frozen network, each by its own spread over works."""

    def __init__(self, features: ImageFeatures, works: Tensor) -> None:
        super().__init__()
        self.features = features
        with torch.no_grad():
            levels, _ = features(works)
        self.scales = [level.float().std(dim=(0, 2, 3), keepdim=True) for level in levels[:2]]

    def apart(self, levels: list[Tensor], others: list[Tensor]) -> Tensor:
        """Mean distance of two rows of pictures by their levels; a scalar."""
        return torch.stack(
            [
                ((one.float() - other.float()) / scale).abs().mean()
                for one, other, scale in zip(levels, others, self.scales, strict=False)
            ]
        ).mean()


def train_enlarger(
    works: list[Work],
    held_out: list[Work],
    minutes: float,
    device: str,
    recipe: Recipe | None = None,
    report: Callable[[dict], None] = lambda line: None,
    *,
    steps: int | None = None,
) -> tuple[Enlarger, dict[str, Any]]:
    """An averaged enlarger and what is measured of it, see `measure`.

    Args:
        works, held_out: to learn from, and to be measured on; at least 256 pixels a side.
        minutes: of wall time; ends after `steps` if that comes first.
    """
    recipe = recipe or Recipe()
    torch.manual_seed(recipe.seed)
    place = torch.device(device)
    crops = Crops(works, SIZE, place)
    features = ImageFeatures().to(place, memory_format=torch.channels_last)
    eyes = Eyes(features, tile(crops.draw(64)))
    enlarger = Enlarger().to(place, memory_format=torch.channels_last)
    average = copy.deepcopy(enlarger).requires_grad_(False)
    judge = Discriminator(Config()).to(place, memory_format=torch.channels_last)
    adam = torch.optim.Adam(enlarger.parameters(), recipe.learning_rate, betas=(0.9, 0.99))
    judge_adam = torch.optim.Adam(judge.heads.parameters(), 2e-4, betas=(0.0, 0.99))
    started, step, weight = time.monotonic(), 0, 0.0
    totals: dict[str, float] = {}
    while step != steps and (spent := (time.monotonic() - started) / (60 * minutes)) < 1:
        rate = min(1, (step + 1) / 100) * min(1, 4 * (1 - spent))
        set_rate(adam, recipe.learning_rate * rate)
        real = tile(crops.draw(recipe.batch_size)).contiguous(memory_format=torch.channels_last)
        small = spoiled(real, recipe)
        with autocast(place):
            drawn = enlarger(small).float()
            levels, _ = features(drawn)
            with torch.no_grad():
                real_levels, _ = features(real)
        pixels = (drawn - real).abs().mean()
        likeness = eyes.apart(levels, real_levels)
        loss = pixels + recipe.likeness * likeness
        if recipe.adversary:
            with autocast(place):
                projected = judge.projection(features(augment(drawn, 1.0))[0])
                with torch.no_grad():
                    other = tile(crops.draw(recipe.batch_size))
                    theirs = judge.projection(features(augment(other, 1.0))[0])
            judge.heads.requires_grad_(True)
            with autocast(place):
                on_real, on_drawn = judge(theirs), judge([p.detach() for p in projected])
            judged = (1 - on_real).relu().mean() + (1 + on_drawn).relu().mean()
            judge_adam.zero_grad(set_to_none=True)
            judged.backward()
            judge_adam.step()
            judge.heads.requires_grad_(False)
            with autocast(place):
                adversary = -judge(projected).mean()
            if step % 32 == 0:
                pull, push = (
                    torch.autograd.grad(part, drawn, retain_graph=True)[0].norm()
                    for part in (loss, adversary)
                )
                wanted = float(recipe.adversary * pull / push.clamp_min(1e-12))
                weight = wanted if not weight else 0.9 * weight + 0.1 * wanted
            loss = loss + weight * adversary
            totals["judged"] = totals.get("judged", 0.0) + float(judged.detach())
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()
        step += 1
        follow_average(average, enlarger, min(recipe.ema, step / (step + 10)))
        for name, value in (("pixels", pixels), ("likeness", likeness)):
            totals[name] = totals.get(name, 0.0) + float(value.detach())
        if step % 200 == 0:
            report({"step": step, **{k: round(v / 200, 4) for k, v in totals.items()}})
            totals = {}
    average.eval()
    figures = {
        **asdict(recipe),
        "steps": step,
        "works": len(works),
        "trained_on": place.type,
        "held_out": measure(average, eyes, held_out, place),
    }
    return average, figures


def tile(pictures: Tensor) -> Tensor:
    """One square of TILE pixels out of each of [B, 3, SIZE, SIZE]."""
    spare = pictures.shape[-1] - TILE
    tops, lefts = torch.randint(spare + 1, (2, len(pictures))).tolist()
    rows = [
        picture[:, top : top + TILE, left : left + TILE]
        for picture, top, left in zip(pictures, tops, lefts, strict=True)
    ]
    return torch.stack(rows)


def spoiled(pictures: Tensor, recipe: Recipe) -> Tensor:
    """Made small; most of them softer and noisier than works are."""
    deviation = float(torch.rand(()) * recipe.blur)
    if deviation > 0.2:
        offsets = torch.arange(-3, 4, device=pictures.device)
        taps = (-offsets.float().square() / (2 * deviation**2)).exp()
        taps = (taps / taps.sum()).expand(3, 1, 7)
        padded = F.pad(pictures, (3, 3, 3, 3), mode="reflect")
        pictures = F.conv2d(padded, taps[..., None], groups=3)
        pictures = F.conv2d(pictures, taps[:, :, None], groups=3)
    small = halved(pictures)
    grain = torch.rand(len(small), 1, 1, 1, device=small.device) * recipe.noise
    return small + grain * torch.randn_like(small)


@torch.no_grad()
def measure(enlarger: Enlarger, eyes: Eyes, works: list[Work], device: torch.device) -> dict:
    """Works made small and enlarged again, beside bicubic enlargement: twice and four times.

    `psnr` in dB (higher is nearer), `features` (lower is nearer) and `sharpness`: the energy of
    what is finer than two pixels, relative to the works'.
    """
    real = center_crops(works[:MEASURED], SIZE)
    figures: dict[str, Any] = {"works": len(real)}
    for times in (1, 2):
        small = real
        for _ in range(times):
            small = halved(small)
        plain = small
        for _ in range(times):
            plain = bicubic(plain)
        ways = {"ours": enlarger.enlarged(small, times), "bicubic": plain.clamp(-1, 1)}
        for name, made in ways.items():
            error = (made - real).square().mean(dim=(1, 2, 3)) / 4
            told = [eyes.features(rows.to(device))[0] for rows in (made, real)]
            figures[f"{name}_x{2**times}"] = {
                "psnr": round(float(-10 * error.log10().mean()), 2),
                "features": round(float(eyes.apart(*told)), 4),
                "sharpness": round(float(finest(made) / finest(real)), 3),
            }
    return figures


def finest(pictures: Tensor) -> Tensor:
    """Energy of what two neighbouring pixels do not share."""
    return (pictures - bicubic(halved(pictures))).square().mean()
