"""The chain of a run's manifests: none can change without breaking every later one.

A manifest carries the digest of ``run.json`` of the run that did the work, and of the manifest of
every step that stood before it. Only the last manifest of a run has nothing after it: documents
state the release digest, and approvals and signatures bind it.
"""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.errors import InputError
from seatrial.evidence import manifests
from seatrial.evidence.records import Manifest
from seatrial.evidence.runs import RECORD, Run
from seatrial.files import sha256_file


def broken_links(run: Run, steps: Sequence[str]) -> list[str]:
    """Where the chain of the whole steps of ``run`` among ``steps`` is broken; empty if nowhere.

    :param steps: every step that a run can have, in their order.
    """
    problems = []
    for number, name in enumerate(steps):
        try:
            place = run.step(name)
            manifest = None if place is None else manifests.read(place.folder)
        except InputError as error:
            problems.append(str(error))
            continue
        if place is None or manifest is None:
            continue
        where = f"runs/{place.run}/{name}/{manifests.MANIFEST}"
        found = _broken(Run(run.project, place.run), name, manifest, steps[:number])
        problems += [f"{where}: {problem}" for problem in found]
    return problems


def flaws(run: Run, steps: Sequence[str]) -> list[str]:
    """What of a run is not as its manifests say: files of whole steps, then the chain.

    :raises InputError: a manifest is missing or damaged.
    """
    found = []
    for name in steps:
        place = run.step(name)
        if place is not None:
            changes = manifests.changed_files(place.folder, manifests.read(place.folder))
            found += [f"runs/{place.run}/{name}/{change}" for change in changes]
    return [*found, *broken_links(run, steps)]


def _broken(maker: Run, name: str, manifest: Manifest, before: Sequence[str]) -> list[str]:
    problems = []
    if manifest.step != name:
        problems.append(f"it is of the step {manifest.step}")
    if manifest.run.id != maker.id:
        problems.append(f"it is of run {manifest.run.id}")
    elif not (maker.folder / RECORD).is_file():
        problems.append(f"{RECORD} of its run is missing")
    elif sha256_file(maker.folder / RECORD) != manifest.run.sha256:
        problems.append(f"{RECORD} of its run was changed since")
    try:
        present = maker.manifests()
    except (InputError, KeyError, TypeError):
        return [*problems, f"the steps of run {maker.id} cannot be read"]
    for step, digest in manifest.follows.items():
        if step not in present:
            problems.append(f"it follows the step {step}, which is missing")
        elif present[step] != digest:
            problems.append(f"it follows another manifest of the step {step}")
    loose = [step for step in before if step in present and step not in manifest.follows]
    if loose:
        problems.append(f"it does not follow {', '.join(loose)}, which its run has")
    return problems
