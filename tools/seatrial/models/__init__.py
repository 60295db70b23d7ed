"""Models: any classifier of torchvision or timm, a small one of ours, or the user's own.

:func:`build` gives one by name, :func:`features` its penultimate layer, and :func:`load_weights`
fills it from a file. ``small_stem: true`` under ``model.arguments`` gives a ResNet the stem for
tiny images (3×3, no pooling) instead of the published one.
"""

from seatrial.models.building import build, find, known_architectures
from seatrial.models.classifier import features
from seatrial.models.interface import Architecture
from seatrial.models.weights import load_weights, put_weights, weights_digest

__all__ = [
    "Architecture",
    "build",
    "features",
    "find",
    "known_architectures",
    "load_weights",
    "put_weights",
    "weights_digest",
]
