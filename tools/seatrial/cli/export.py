"""``seatrial export``: a checkpoint to deployment formats."""

from __future__ import annotations

from pathlib import Path

import click

from seatrial.cli import options
from seatrial.cli.boundary import run as run_command

FORMATS = ("onnx", "onnx_fp16", "torchscript", "torch_export", "int8")


@click.command(name="export")
@options.config_path
@options.checkpoint
@click.option(
    "--format",
    "formats",
    type=click.Choice(("all", "configured", *FORMATS)),
    multiple=True,
    help="What to export; may be given several times. Default: what the configuration says.",
)
@options.output_dir
@options.as_json
@options.overrides
def command(
    config_path: Path | None,
    checkpoint: Path | None,
    formats: tuple[str, ...],
    output_dir: Path | None,
    as_json: bool,
    overrides: tuple[str, ...],
) -> int:
    """Export a checkpoint, with what it needs written into every file and beside it."""
    from seatrial.cli import preparing, running

    run, _ = preparing.prepare(
        Path.cwd(),
        preparing.required(config_path),
        (*_as_overrides(formats), *overrides),
        command="export",
        checkpoint=preparing.required_checkpoint(checkpoint),
    )
    outcome = running.carry_out(run, as_json=as_json, names=("data", "train", "export"))
    pattern = "production_model*"
    return running.conclude_step(outcome, "export", pattern, output_dir, as_json=as_json)


def _as_overrides(formats: tuple[str, ...]) -> tuple[str, ...]:
    if not formats or "configured" in formats:
        return ()
    chosen = FORMATS if "all" in formats else formats
    int8 = "int8" in chosen
    plain = [name for name in FORMATS if name in chosen and name != "int8"]
    if int8 and "onnx" not in plain:
        plain.insert(0, "onnx")  # int8 is made from it
    return (
        "export.enabled=true",
        f"export.formats=[{','.join(plain)}]",
        f"export.quantization.enabled={str(int8).lower()}",
    )


if __name__ == "__main__":
    run_command(command)
