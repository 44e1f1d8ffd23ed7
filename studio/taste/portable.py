"""A taste as one file: what a version learned, to carry from one studio to another.

A `.taste` file is a safetensors file, so that reading a stranger's runs nothing: the tensors of one
adapter on a base that every studio has, and in its header a card that says which base, by the
hashes of its files, and what was measured. What was rated, by whom and how, stays at home; the card
says how many ratings there were.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from studio.checkpoint import NAME, TUNED, Checkpoint, Checkpoints, model_files
from studio.errors import BadUpload, NotFound
from studio.latent import noise_from_seeds
from studio.registry import Registry
from studio.taste.blend import learned
from studio.taste.proof import Outcome

SUFFIX = ".taste"
FORMAT = 1
HEADER = "latent_studio_taste"
SHOWN = ("gain", "percentile", "diversity_kept", "drift", "samples")
MEASURED = (*SHOWN, "quality_kept", "departure", "accuracy", "ratings")
"""Figures of a fine-tune that travel, the SHOWN ones all or none; see
studio.taste.finetune.FineTuneResult."""

TRIED = range(4)
"""Seeds whose works a taste must be able to make."""


@dataclass(frozen=True)
class Taste:
    """What a file holds.

    Attributes:
        medium, base: the version it lies on; files: the hashes of that version's files by name.
        version: its name where it comes from.
        measured: some of MEASURED.
        blind: what came of a blind test of it, if one was taken.
        adapter: on the base alone, whatever it was taught after.
    """

    medium: str
    base: str
    files: Mapping[str, str]
    version: str
    measured: Mapping[str, float]
    blind: Outcome | None
    adapter: Mapping[str, Tensor]


def pack(checkpoints: Checkpoints, medium: str, version: str) -> bytes:
    """A fine-tuned version, and all it was fine-tuned from down to its base, as one file.

    Raises:
        NotFound: no such version, or it is a base, which needs no file.
        BadCheckpoint: it cannot be trusted.
    """
    from safetensors.torch import save

    base, adapter = learned(checkpoints, medium, version)
    if not adapter:
        raise NotFound("taste_file_of_base", version=version)
    own = checkpoints.find(medium, version).card
    card = {
        "format": FORMAT,
        "medium": medium,
        "base": base.version,
        "files": model_files(base.card),
        "version": version,
        "measured": known_figures(own.get("measured")),
    }
    if blind := Outcome.from_card(own):
        card |= blind.to_card()
    return save(dict(adapter), {HEADER: json.dumps(card)})


def read(path: Path) -> Taste:
    """Open a file that somebody brings.

    Raises:
        BadUpload: it is none of ours, damaged, or from a newer studio.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            card = json.loads((file.metadata() or {})[HEADER])
            if isinstance(card["format"], int) and card["format"] > FORMAT:
                raise BadUpload("taste_file_newer")
            adapter = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        found = Taste(
            str(card["medium"]),
            str(card["base"]),
            dict(card["files"]),
            str(card["version"]),
            known_figures(card["measured"]),
            Outcome.from_card(card),
            {name: tensor.float() for name, tensor in adapter.items()},
        )
        sound = all(NAME.fullmatch(name) for name in (found.medium, found.base, found.version))
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise BadUpload("taste_file_unreadable") from error
    if not sound or not all(tensor.isfinite().all() for tensor in found.adapter.values()):
        raise BadUpload("taste_file_unreadable")
    return found


def receive(registry: Registry, medium: str, path: Path, *, with_name: bool = False) -> str:
    """Keep the taste of a file as a version of this studio; its name here.

    Args:
        with_name: under the name it has in the file, if no other version has that: works name the
            version that made them. One that is there already is not written again.

    Raises:
        BadUpload: see `read`; or it belongs to another medium, to a base that is not here or is not
            the same, or does not fit it. Nothing is left behind.
        BadCheckpoint: it cannot be written.
    """
    taste = read(path)
    if taste.medium != medium:
        raise BadUpload("taste_file_other_medium")
    base = base_of(registry.checkpoints, taste)
    generator = registry.use(medium, base.version)
    try:
        tuned = generator.adapted(taste.adapter, taste.version)
        latents = tuned.map(noise_from_seeds(TRIED))
        with torch.no_grad():
            works = tuned.latent_features(latents.to(tuned.device))
    except (ValueError, RuntimeError, IndexError) as error:
        raise BadUpload("taste_file_unfitting") from error
    if not latents.isfinite().all() or not works.isfinite().all():
        raise BadUpload("taste_file_unfitting")
    told: dict[str, Any] = {"came_from": taste.version}
    if ratings := int(taste.measured.get("ratings", 0)):
        told["ratings"] = ratings
    if taste.blind:
        told |= taste.blind.to_card()
    name = None
    if with_name and taste.version.startswith(base.version + TUNED):
        folders = registry.checkpoints.folders(medium)
        if taste.version not in {folder.name for folder in folders}:
            name = taste.version
        elif is_same(registry.checkpoints, taste):
            return taste.version
    return registry.add_fine_tune(generator, taste.adapter, taste.measured, told, name)


def is_same(checkpoints: Checkpoints, taste: Taste) -> bool:
    """Whether the version of a taste's name has learned the very same: nobody gets at another's by
    naming it."""
    base, adapter = learned(checkpoints, taste.medium, taste.version)
    return (
        base.version == taste.base
        and adapter.keys() == taste.adapter.keys()
        and all(torch.equal(adapter[name].float(), taste.adapter[name]) for name in adapter)
    )


def base_of(checkpoints: Checkpoints, taste: Taste) -> Checkpoint:
    """The base that a taste lies on.

    Raises:
        BadUpload: it is not here, or has other files.
        BadCheckpoint: it is here and cannot be trusted.
    """
    try:
        base = checkpoints.find(taste.medium, taste.base)
    except NotFound as error:
        raise BadUpload("taste_file_no_base", base=taste.base) from error
    if not base.is_base or model_files(base.card) != taste.files:
        raise BadUpload("taste_file_no_base", base=taste.base)
    return base


def known_figures(measured: Any) -> dict[str, float]:
    """Of what a card says was measured, the figures that are figures; none if one of SHOWN is
    not."""
    if not isinstance(measured, Mapping):
        return {}
    found = {
        name: value
        for name in MEASURED
        if isinstance(value := measured.get(name), int | float) and math.isfinite(value)
    }
    return found if found.keys() >= set(SHOWN) else {}
