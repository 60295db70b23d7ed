"""Gates: verdicts as pure functions of facts and files.

A checklist (``checklists/*.yaml``) names, for every item, a check, the evidence and the bound.
:func:`judge` runs every check, also after one has failed. A verdict is PASS, FAIL, ERROR (not
checked) or SKIPPED; missing evidence is never PASS. Each verdict names the files it rests on with
their digests taken now; a file that is missing or differs from its manifest makes it ERROR.

Modules: ``schema`` the checklist as types · ``paths`` dotted paths into facts · ``checks`` the
table of check functions · ``evidence_files`` digests · ``archives`` what a file would do when
loaded · ``onnx_files`` · ``waivers`` · ``approvals`` · ``judging`` · ``publish`` gate.json ·
``reference`` the page for readers.
"""

from __future__ import annotations

from seatrial.gates.judging import judge
from seatrial.gates.publish import to_json
from seatrial.gates.schema import load_checklist

__all__ = ["judge", "load_checklist", "to_json"]
