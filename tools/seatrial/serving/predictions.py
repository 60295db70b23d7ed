"""Files and folders answered by one model, as the document that ``seatrial predict`` writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from seatrial.errors import InputError
from seatrial.preprocessing import FORMATS
from seatrial.serving.predictor import Predictor


def predict(predictor: Predictor, sources: Sequence[Path]) -> dict[str, object]:
    """Answer every image that ``sources`` name, in their order.

    The document has ``model`` (``file`` and ``sha256``), ``predictions`` as of
    :meth:`~seatrial.serving.predictor.Predictor.predict_file`, and ``errors``: ``input`` and
    ``reason`` of each image that could not be answered, while the others are.

    :raises InputError: ``sources`` name no image at all.
    """
    predictions: list[dict[str, object]] = []
    errors: list[dict[str, str]] = []
    for path in image_files(sources):
        try:
            predictions.append(predictor.predict_file(path))
        except InputError as error:
            errors.append({"input": str(path), "reason": str(error)})
    model = {"file": str(predictor.path), "sha256": predictor.sha256}
    return {"model": model, "predictions": predictions, "errors": errors}


def image_files(sources: Sequence[Path]) -> list[Path]:
    """Every image that ``sources`` name: a file as it stands, a folder with all below it, sorted.

    In a folder, hidden files and those without the suffix of an image format are passed over. A
    file that does not exist is kept: it is unreadable like a damaged one.

    :raises InputError: there is none.
    """
    found = [path for source in sources for path in _expand(source)]
    if not found:
        given = ", ".join(map(str, sources)) or "nothing"
        raise InputError(
            f"an image file, or a folder with {', '.join(FORMATS)} files, is required;"
            f" no image found in {given}"
        )
    return found


def _expand(source: Path) -> Iterator[Path]:
    if not source.is_dir():
        yield source
        return
    suffixes = {suffix for suffix, kind in Image.registered_extensions().items() if kind in FORMATS}
    for path in sorted(source.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(source).parts)
        if not hidden and path.suffix.lower() in suffixes and path.is_file():
            yield path
