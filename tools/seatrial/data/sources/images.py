"""Two ways that sources keep images: as files, and decoded in memory or by another library."""

from __future__ import annotations

import hashlib
import io
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from seatrial.errors import InputError
from seatrial.files import read_bytes, reason_of, sha256_bytes
from seatrial.preprocessing import open_image

MAX_FILE_BYTES = 1 << 30
_BAND_PIXELS = 1 << 22


@dataclass(frozen=True)
class FileImages:
    """Image files on a disk. The content digest is that of the file's bytes."""

    paths: Sequence[Path]

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, index: int) -> tuple[str, Image.Image]:
        content = self.raw_bytes(index)
        return sha256_bytes(content), open_image(content)

    def image(self, index: int) -> Image.Image:
        return open_image(self.raw_bytes(index))

    def raw_bytes(self, index: int) -> bytes:
        path = self.paths[index]
        try:
            found = path.stat()
            if not stat.S_ISREG(found.st_mode):
                raise InputError("not a file")
            if found.st_size > MAX_FILE_BYTES:
                raise InputError(f"{found.st_size} bytes, {MAX_FILE_BYTES} allowed")
            return read_bytes(path)
        except FileNotFoundError:
            raise InputError("no such file") from None
        except OSError as error:
            raise InputError(reason_of(error)) from None

    def path(self, index: int) -> Path | None:
        return self.paths[index]


@dataclass(frozen=True)
class DecodedImages:
    """Images that ``get`` gives decoded. The content digest is that of mode, size and pixels."""

    count: int
    get: Callable[[int], Image.Image]

    def __len__(self) -> int:
        return self.count

    def read(self, index: int) -> tuple[str, Image.Image]:
        image = self.image(index)
        return pixel_digest(image), image

    def image(self, index: int) -> Image.Image:
        try:
            return self.get(index)
        except (OSError, ValueError) as error:
            raise InputError(str(error)) from None

    def raw_bytes(self, index: int) -> bytes:
        stream = io.BytesIO()
        self.image(index).save(stream, "PNG")
        return stream.getvalue()

    def path(self, index: int) -> Path | None:  # noqa: ARG002 -- the protocol's signature
        return None


def pixel_digest(image: Image.Image) -> str:
    """SHA-256 over mode, width, height and pixels: equal exactly for images that look the same."""
    digest = hashlib.sha256(f"{image.mode} {image.width} {image.height}\n".encode())
    rows = max(1, _BAND_PIXELS // max(1, image.width))
    for top in range(0, image.height, rows):
        digest.update(image.crop((0, top, image.width, min(top + rows, image.height))).tobytes())
    return digest.hexdigest()


def array_images(arrays: Sequence[npt.NDArray[np.uint8]]) -> DecodedImages:
    """Images from uint8 arrays ``(n, H, W)`` or ``(n, H, W, 1 | 3 | 4)``, one after the other."""
    ends = np.cumsum([len(array) for array in arrays])

    def get(index: int) -> Image.Image:
        part = int(np.searchsorted(ends, index, side="right"))
        pixels = arrays[part][index - (int(ends[part - 1]) if part else 0)]
        return Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels)

    return DecodedImages(int(ends[-1]) if len(ends) else 0, get)
