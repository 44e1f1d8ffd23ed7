"""How near a painting comes to the works that the painter learned from.

Features of those works lie beside the checkpoint, never the works themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from studio.checkpoint import Checkpoint
from studio.medium import Source
from studio.painting.data import Collection, center_crops
from studio.painting.features import COMPARED_AT, JUDGE, ImageFeatures

NEAREST = 3
"""Works that are named for each painting."""


class Originality:
    """The works that a painter learned from, to be looked up by their features."""

    def __init__(self, index: Mapping[str, Tensor], works: Sequence[Mapping[str, str]]) -> None:
        """See `originality_index`."""
        self.train = index["train"].float()
        self.works = [work for work in works if work["split"] == "train"]
        held_out = index["held_out"].float()
        # As near as works by the same hands come to each other when nobody copies.
        self.usual = torch.cdist(held_out, self.train).min(1).values.sort().values

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Originality:
        """Raises: BadCheckpoint: the checkpoint carries no originality index."""
        return cls(load_index(checkpoint), checkpoint.document("works"))

    def nearest(self, features: Tensor, count: int = NEAREST) -> list[list[Source]]:
        """The training works nearest to each of the pooled features [B, 1280], nearest first."""
        count = min(count, len(self.train))
        distances, rows = torch.cdist(features.float(), self.train).topk(count, largest=False)
        found = []
        for near, picked in zip(distances, rows.tolist(), strict=True):
            below = torch.searchsorted(self.usual, near[:1].contiguous()).item()
            share = below / len(self.usual) if len(self.usual) else None
            found.append(
                [
                    Source(
                        self.works[row]["file"],
                        self.works[row]["artist"],
                        self.works[row]["title"],
                        self.works[row]["year"],
                        round(float(distance), 3),
                        None if share is None else round(share, 3),
                    )
                    for distance, row in zip(near, picked, strict=True)
                ]
            )
        return found


def originality_index(
    network: ImageFeatures, collection: Collection, size: int
) -> tuple[dict[str, Tensor], list[dict[str, str]], dict]:
    """Features of collected works, what is known of each, and the summary for the card.

    The pictures themselves stay where they are. Features [N, 1280] of the works that were trained
    on and of those held out are kept as half floats: `train`, `held_out`, and what the judge sees
    in the same, `judged_train` and `judged_held_out`. A work's row says its split.
    """
    parts = {
        "train": collection.split("train"),
        "held_out": collection.split("validation") + collection.split("test"),
    }
    device = next(network.parameters()).device
    judge = ImageFeatures(JUDGE).to(device)
    index = {}
    for name, works in parts.items():
        whole = center_crops(works, size).to(device)
        compared = center_crops(works, min(size, COMPARED_AT)).to(device)
        index[name] = network.pooled(compared).cpu().half()
        index[f"judged_{name}"] = judge.pooled(whole, whole=True).cpu().half()
    known = [
        {
            "file": f"{work.path.parent.name}/{work.path.name}",
            "artist": work.artist,
            "title": work.title,
            "year": work.year,
            "split": name,
        }
        for name, works in parts.items()
        for work in works
    ]
    return index, known, collection.summary()


def load_index(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """Raises: BadCheckpoint: the checkpoint carries no originality index."""
    return checkpoint.tensors("originality")
