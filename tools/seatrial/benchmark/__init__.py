"""Latency, throughput, memory and size of exported files, each measured in fresh processes."""

from seatrial.benchmark.formats import measure

__all__ = ["measure"]
