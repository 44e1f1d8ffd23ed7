"""How a fine-tune says how far it is, and hears that it should stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from studio.medium import Generator

Progress = Callable[[float, dict[str, Any]], None]


class FineTuneCancelled(Exception):
    """Somebody does not want this fine-tune any more; nothing was changed."""


class Teller:
    """Tells `progress`, with the works of fixed noise as they change.

    Args:
        preview_noise: [P, 128].
        progress: called with a share of the work done and `stage`, and with `artworks` where a
            mapping is given.
        is_cancelled: asked before every batch of works.
    """

    def __init__(
        self,
        generator: Generator,
        preview_noise: Tensor | None,
        progress: Progress | None,
        is_cancelled: Callable[[], bool] | None,
    ) -> None:
        self.generator = generator
        self.preview_noise = preview_noise
        self.progress = progress
        self.is_cancelled = is_cancelled

    def tell(
        self, share: float, stage: str, mapping: nn.Module | None = None, **values: Any
    ) -> None:
        """Raises: FineTuneCancelled."""
        self.stop_if_cancelled()
        if self.progress is None:
            return
        if mapping is not None and self.preview_noise is not None:
            with torch.no_grad():
                latents = mapping(self.preview_noise.to(self.generator.device)).cpu()
            values["artworks"] = self.generator.decode(latents)
        self.progress(share, {"stage": stage, **values})

    def stop_if_cancelled(self) -> None:
        """Raises: FineTuneCancelled."""
        if self.is_cancelled is not None and self.is_cancelled():
            raise FineTuneCancelled
