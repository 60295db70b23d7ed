"""Seatrial takes a model from its first configuration to a release whose every claim is proved."""

__version__ = "0.1.0"
