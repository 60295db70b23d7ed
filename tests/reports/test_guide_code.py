"""Claims about the code in the deployment guide: it runs, and it is what training did."""

from __future__ import annotations

import importlib.util
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from seatrial.preprocessing import FORMATS
from seatrial.reports import render_documents, run_code_blocks
from seatrial.reports.code_blocks import extract
from seatrial.reports.contexts.deployment_guide import IMAGE_FORMATS
from seatrial.reports.sections import DEPLOYMENT_GUIDE
from seatrial.serving.predictor import Predictor

from .conftest import Release, metadata_of

GUIDE = DEPLOYMENT_GUIDE.path
Stage = Callable[..., Release]


def guide_of(release: Release) -> str:
    return render_documents(release.facts)[GUIDE]


def code_under(text: str, heading: str) -> str:
    """The first code block below a heading."""
    return extract(text[text.index(f"\n## {heading}\n") :])[0].code


def load_image_of(release: Release) -> Callable[[Path], np.ndarray]:
    """The guide's own function, without the lines below it that use it."""
    code = code_under(guide_of(release), "Preprocessing").split("\n\n\nimage = ")[0]
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102  the very text that a reader copies
    return names["load_image"]


def images() -> dict[str, bytes]:
    """One file for each mode, orientation and format that a reader may have."""
    rng = np.random.default_rng(2)
    colour = Image.fromarray(rng.integers(0, 256, (37, 53, 3), dtype=np.uint8))
    grey16 = Image.fromarray(rng.integers(0, 65536, (37, 53), dtype=np.uint16))
    alpha = colour.copy()
    alpha.putalpha(Image.fromarray(rng.integers(0, 256, (37, 53), dtype=np.uint8)))
    turned = Image.Exif()
    turned[0x0112] = 6
    palette = colour.quantize(16)
    one = Image.fromarray(rng.integers(0, 2, (37, 53), dtype=np.uint8) * 255).convert("1")
    kept: dict[str, tuple[Image.Image, str, dict[str, Any]]] = {
        "rgb.png": (colour, "PNG", {}),
        "rgb.jpeg": (colour, "JPEG", {}),
        "rgb.webp": (colour, "WEBP", {"lossless": True}),
        "rgb.bmp": (colour, "BMP", {}),
        "turned.jpeg": (colour, "JPEG", {"exif": turned}),
        "grey.png": (colour.convert("L"), "PNG", {}),
        "grey16.png": (grey16, "PNG", {}),
        "rgba.png": (alpha, "PNG", {}),
        "la.png": (alpha.convert("LA"), "PNG", {}),
        "palette.gif": (palette, "GIF", {}),
        "transparent.png": (palette, "PNG", {"transparency": 3}),
        "cmyk.jpeg": (colour.convert("CMYK"), "JPEG", {}),
        "float.tiff": (colour.convert("F"), "TIFF", {}),
        "one.png": (one, "PNG", {}),
        "exact.png": (colour.resize((32, 32)), "PNG", {}),
    }
    files = {}
    for name, (image, kind, options) in kept.items():
        stream = io.BytesIO()
        image.save(stream, kind, **options)
        files[name] = stream.getvalue()
    return files


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"resize": "crop", "interpolation": "bicubic", "height": 24},
        {"resize": "pad", "interpolation": "nearest"},
        {"channels": 1, "interpolation": "lanczos"},
        {"embedded": True},
    ],
    ids=str,
)
def test_the_guides_preprocessing_gives_the_predictors_logits(
    stage: Stage, tmp_path: Path, spec: dict[str, Any]
) -> None:
    release = stage(**spec)
    predictor, load_image = Predictor(release.onnx), load_image_of(release)
    for name, content in images().items():
        path = tmp_path / name
        path.write_bytes(content)
        mine = load_image(path)
        theirs = predictor.prepare(predictor.load(path)[np.newaxis])
        np.testing.assert_array_equal(mine, theirs, err_msg=name)
        np.testing.assert_array_equal(predictor.logits(mine), predictor.logits(theirs))


def test_the_guide_reads_the_formats_that_training_read() -> None:
    assert IMAGE_FORMATS == FORMATS


@pytest.mark.parametrize("embedded", [False, True])
def test_every_block_of_an_onnx_release_runs_as_it_stands(stage: Stage, embedded: bool) -> None:
    release = stage(embedded=embedded)
    text = guide_of(release)
    if importlib.util.find_spec("seatrial.cli.predict") is None:
        text = text[: text.index("\n## Smoke test\n")]
    blocks = run_code_blocks(text, release.folder, GUIDE)
    assert [b.error for b in blocks] == [None] * len(blocks)
    assert {b.exit_code for b in blocks} == {0}
    assert sum(b.language == "python" for b in blocks) == 4


def test_both_pytorch_files_run_as_the_guide_says(stage: Stage) -> None:
    torch = pytest.importorskip("torch")
    from factories import FILE_OF_FORMAT, changed
    from seatrial.files import pretty_json, sha256_file

    release = stage()
    assert release.facts.data is not None
    spec, facts = release.facts.data.preprocessing, release.facts
    model = torch.nn.Sequential(
        torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(spec.channels, 3)
    ).eval()
    example = torch.zeros(2, spec.channels, spec.height, spec.width)
    for index, format_ in ((3, "torchscript"), (4, "torch_export")):
        name = FILE_OF_FORMAT[format_]
        path = release.folder / "models" / name
        if format_ == "torchscript":
            torch.jit.trace(model, example).save(str(path))
        else:
            batch = torch.export.Dim("batch_size")
            torch.export.save(
                torch.export.export(model, (example,), dynamic_shapes=({0: batch},)), path
            )
        metadata = metadata_of(spec, format_).model_dump(mode="json")
        Path(f"{path}.json").write_text(pretty_json(metadata))
        for field, value in (
            ("status", "exported"),
            ("path", name),
            ("reason", None),
            ("sha256", sha256_file(path)),
        ):
            facts = changed(facts, f"export.artifacts.{index}.{field}", value)
    text = render_documents(facts)[GUIDE]
    start = text.index("\n## Inference with PyTorch\n")
    part = text[start : text.index("\n## ", start + 4)]
    (block,) = run_code_blocks(part, release.folder, GUIDE)
    assert (block.exit_code, block.error) == (0, None)
    assert '"models/production_model.pt2"' in part


@pytest.mark.parametrize(
    ("heading", "right", "wrong"),
    [
        ("Files", r': "[0-9a-f]{64}"', f': "{"0" * 64}"'),
        ("Inference with ONNX Runtime", r"MEAN = \[0\.48", "MEAN = [0.5"),
        (
            "Inference with ONNX Runtime",
            r"HEIGHT, WIDTH, CHANNELS = 32",
            "HEIGHT, WIDTH, CHANNELS = 31",
        ),
        ("Inference with ONNX Runtime", r"powers\.sum\(axis=1", "powers.sum(axis=0"),
        ("Inference with ONNX Runtime", r"\(1, 3\)", "(1, 4)"),
        ("Postprocessing", r"np\.argmax", "np.argmin"),
    ],
)
def test_a_wrong_guide_fails(stage: Stage, heading: str, right: str, wrong: str) -> None:
    release = stage()
    code, count = re.subn(right, wrong, code_under(guide_of(release), heading), count=1)
    assert count == 1
    (block,) = run_code_blocks(f"```python\n{code}```\n", release.folder, GUIDE)
    assert block.exit_code == 1
    assert block.error is not None and "Error" in block.error


def test_a_guide_without_a_usable_onnx_file_says_so_and_shows_no_code_for_it(stage: Stage) -> None:
    from factories import changed

    facts = changed(stage().facts, "verify.formats.0.passed", False)
    facts = changed(facts, "verify.formats.0.reason", "40 of 300 decisions flip")
    text = render_documents(facts)[GUIDE]
    assert "onnxruntime.InferenceSession" not in text
    assert "seatrial predict --model" not in text
    assert "No usable ONNX file is part of this release." in text
    assert "verification failed: 40 of 300 decisions flip" in text
