"""Makes torchvision importable beside a CPU build of torch from another index.

Its wheel then misses its compiled operators, and the import fails on `nms` although nothing here
detects boxes. Declaring the two operators is enough for transforms, datasets and utils.
"""

import sys
from importlib import import_module

import torch

_kept: list[torch.library.Library] = []


def ensure() -> None:
    """Import torchvision, declaring its missing operators if that is what stops it."""
    try:
        import_module("torchvision")
    except RuntimeError:
        for name in [n for n in sys.modules if n.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _kept.append(library)  # a collected library takes its operators back
        import_module("torchvision")
