"""``seatrial predict``: answers for images from an exported file alone, without torch."""

from __future__ import annotations

import json
from pathlib import Path

import click

from seatrial.cli.boundary import complain
from seatrial.cli.boundary import run as run_command


@click.command(name="predict")
@click.option("--model", type=click.Path(path_type=Path), required=True, help="An exported .onnx.")
@click.option(
    "--input",
    "inputs",
    type=click.Path(path_type=Path),
    required=True,
    multiple=True,
    help="An image, or a folder of images; may be given several times.",
)
@click.option("--output", type=click.Path(path_type=Path), help="Where the JSON goes: a file.")
@click.option(
    "--threads",
    type=click.IntRange(1, 1024),
    default=1,
    show_default=True,
    help="Threads of one call of the model.",
)
def command(model: Path, inputs: tuple[Path, ...], output: Path | None, threads: int) -> int:
    """Answer for every image: class, confidence and all probabilities, as JSON.

    Images that cannot be read are named in "errors"; the others are answered, and the exit
    code is 3.
    """
    from seatrial.files import write_json
    from seatrial.serving.predictions import predict
    from seatrial.serving.predictor import Predictor

    document = predict(Predictor(model, threads), inputs)
    predictions, errors = document["predictions"], document["errors"]
    assert isinstance(predictions, list)
    assert isinstance(errors, list)
    if output is None:
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        write_json(output, document)
        click.echo(f"{len(predictions)} of {len(predictions) + len(errors)} images in {output}")
    for error in errors:
        complain(f"{error['input']}: {error['reason']}")
    return 3 if errors else 0


if __name__ == "__main__":
    run_command(command)
