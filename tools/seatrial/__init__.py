"""Seatrial takes a model from its first configuration to a release whose every claim is proved.

The way of one number, from left to right; nobody on it knows what stands right of it::

    errors files resources machine      leaves: one error base, atomic files, digests
    config evidence                     the typed YAML; runs, manifests, records, facts
    preprocessing plots onnx_sessions   shared by training and serving; no torch
    data models losses metrics          images and splits; the zoo; pure functions
    training evaluation                 one loop; predictions to a record
    export parity benchmark             files to deploy, checked and measured
    publishing steps pipeline finalize  what is done, in which order, and what is released
    cli                                 parse, one call, print

Beside the way: ``gates`` judges facts and files, ``reports`` renders facts, ``serving`` answers
from an exported file alone; none of them needs torch. ``evidence.records`` holds every fact as
a type: to learn what a step measures, read its record there.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
