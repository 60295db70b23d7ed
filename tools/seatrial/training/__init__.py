"""Training: one loop for one process or many, resumable at any step, and inference as it needs it.

``train`` is the way in: it resolves what is left to the machine (``auto``), builds what is trained
(``assembly``), and runs the loop (``loop``) on batches that are functions of seed, epoch and index
(``order``, ``batches``). ``state`` is what a checkpoint (``checkpoints``) holds. Several processes
are a ``team``, started by ``launch`` where torchrun has not.
"""

from seatrial.training.auto import resolve_auto
from seatrial.training.devices import check_precision, resolve_device
from seatrial.training.given import given, load_model
from seatrial.training.inference import predict_logits
from seatrial.training.interruption import Interrupted
from seatrial.training.run import train

__all__ = [
    "Interrupted",
    "check_precision",
    "given",
    "load_model",
    "predict_logits",
    "resolve_auto",
    "resolve_device",
    "train",
]
