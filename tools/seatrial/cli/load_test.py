"""``seatrial load-test``: puts an exported file under concurrent requests, without torch."""

from __future__ import annotations

from pathlib import Path

import click

from seatrial.cli import options
from seatrial.cli.boundary import run as run_command
from seatrial.evidence.records import LoadTestRecord


@click.command(name="load-test")
@click.option("--model", type=click.Path(path_type=Path), required=True, help="An exported .onnx.")
@click.option(
    "--num-requests",
    type=click.IntRange(1, 10_000_000),
    default=1000,
    show_default=True,
    help="Requests in all.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 1000),
    default=10,
    show_default=True,
    help="Callers at once.",
)
@click.option("--rate", type=float, help="Requests due a second; default: as fast as answered.")
@click.option(
    "--input",
    "inputs",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Images or folders to send; default: noise of the model's size.",
)
@click.option(
    "--threads",
    type=click.IntRange(1, 1024),
    default=1,
    show_default=True,
    help="Threads of one call of the model.",
)
@options.as_json
def command(
    model: Path,
    num_requests: int,
    concurrency: int,
    rate: float | None,
    inputs: tuple[Path, ...],
    threads: int,
    as_json: bool,
) -> int:
    """Send requests to the model in this process and print how long they took.

    Ends with 3 if a request failed.
    """
    from seatrial.serving import load_test

    record = load_test.run(
        model, num_requests, concurrency, inputs=inputs or None, rate=rate, threads=threads
    )
    click.echo(record.model_dump_json(indent=2) if as_json else "\n".join(_lines(record)))
    return 3 if record.errors else 0


def _lines(record: LoadTestRecord) -> list[str]:
    loop = (
        f"{record.requests_per_second_due:g} requests due a second"
        if record.requests_per_second_due
        else "each caller waits for its answer"
    )
    lines = [
        f"{record.num_requests} requests, {record.concurrency} at once; {loop}",
        f"inputs      {record.n_inputs} {record.inputs}",
        f"answered    {record.requests_per_second:,.0f} a second",
    ]
    if record.p50_ms is not None and record.p95_ms is not None:
        lines.append(
            f"latency     p50 {record.p50_ms:.2f} ms · p95 {record.p95_ms:.2f} ms · "
            f"p99 {record.p99_ms:.2f} ms · longest {record.max_ms:.2f} ms"
        )
    lines.append(f"errors      {record.errors}")
    lines += [f"  {count} x {reason}" for reason, count in record.error_reasons.items()]
    return lines


if __name__ == "__main__":
    run_command(command)
