"""A compact convolutional network for tiny images, 8 to 64 pixels a side."""

from __future__ import annotations

from torch import Tensor, nn


class SimpleCifarNet(nn.Module):
    """Three stages of 3×3 convolutions with batch normalisation, global average pooling, and one
    linear layer.

    Takes ``(N, channels, H, W)`` with ``H, W ≥ 4``, also ``N = 0``; gives ``(N, num_classes)``
    logits. Each stage but the first halves the image, so one of 8 pixels ends as 2×2 and batch
    statistics exist for a single image too.
    """

    def __init__(
        self,
        num_classes: int,
        channels: int = 3,
        widths: tuple[int, int, int] = (32, 64, 128),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        first, second, third = widths
        self.stages = nn.Sequential(
            _block(channels, first),
            _block(first, first),
            nn.MaxPool2d(2),
            _block(first, second),
            _block(second, second),
            nn.MaxPool2d(2),
            _block(second, third),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(third, num_classes))

    def forward(self, images: Tensor) -> Tensor:
        pooled: Tensor = self.pool(self.stages(images)).flatten(1)
        logits: Tensor = self.classifier(pooled)
        return logits


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
