"""Approvals: people's signatures under a release, which nothing but their keys can make.

An approval is ``approvals/<release digest>/<role>.json``, the signed :class:`Statement` in its one
canonical form, and ``<role>.json.sig``, what ``ssh-keygen -Y sign`` made of it. Whose signature
counts is said by a file of allowed signers outside the repository (:func:`find_trust`).

Modules: ``statement`` what is signed · ``signers`` whom to trust · ``ssh_keygen`` the program ·
``keys`` how a key is held · ``folder`` the files, links and strangers left out · ``verifying``
which approvals count, and why not · ``recording`` making one.
"""

from __future__ import annotations

from seatrial.gates.approvals.folder import FOLDER, Folder, keep, read_folder, read_kept
from seatrial.gates.approvals.signers import NOBODY, Trust, find_trust
from seatrial.gates.approvals.statement import Expected, Statement
from seatrial.gates.approvals.verifying import missing, verify

__all__ = [
    "FOLDER",
    "NOBODY",
    "Expected",
    "Folder",
    "Statement",
    "Trust",
    "find_trust",
    "keep",
    "missing",
    "read_folder",
    "read_kept",
    "verify",
]
