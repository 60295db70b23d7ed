"""Seatrial takes a model from its first configuration to a release whose every claim is proved.

The way of one number, from left to right; nobody on it knows what stands right of it::

    errors files resources machine      leaves: one error base, atomic files, digests
    config evidence                     the typed YAML; runs, manifests, records, facts
    archives onnx_structure artifacts   what a file would do when loaded, and loading it safely
    preprocessing plots onnx_sessions   shared by training and serving; no torch
    data models losses metrics          images and splits; the zoo; pure functions
    training evaluation                 one loop; predictions to a record
    export parity benchmark             files to deploy, checked and measured
    publishing steps pipeline finalize  what is done, in which order, and what is released
    audit signing                       a release held against its evidence, and signed
    cli                                 parse, one call, print

Beside the way: ``gates`` judges facts, files and approvals, ``reports`` renders facts,
``provenance`` states what a release was made of, ``serving`` answers from an exported file; none
of them needs torch. ``evidence.records`` holds every fact as a type: to learn what a step
measures, read its record there.
"""

import os
import sys

__version__ = "0.1.0"

__all__ = ["__version__"]


def _leave_out_the_current_folder() -> None:
    """Let no file of the project, such as json.py or onnx/, stand in for a library.

    ``python -m seatrial`` puts the current folder first on the path; the launcher and the processes
    that Seatrial starts ask for ``-P``. A folder ``seatrial`` in it cannot be told apart any more.
    """
    asked = sys.orig_argv[sys.orig_argv.index("-m") + 1 :][:1] if "-m" in sys.orig_argv else []
    named = [name.partition(".")[0] for name in asked] == ["seatrial"]
    if named and sys.argv[:1] == ["-m"] and sys.path[:1] == [os.getcwd()]:  # noqa: PTH109
        del sys.path[0]


_leave_out_the_current_folder()
