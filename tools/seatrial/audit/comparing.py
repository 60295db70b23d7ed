"""A folder against the list of files it must hold: every difference, each named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import PurePosixPath

from seatrial.audit.findings import Finding, Findings, short
from seatrial.audit.hashing import Hashes
from seatrial.audit.tree import Entry

Listed = Mapping[str, str]
"""SHA-256 by relative path."""


def differences(
    listed: Listed,
    found: Mapping[str, Entry],
    hashes: Hashes,
    shown: str,
    *,
    tolerated: Collection[str] = (),
) -> Findings:
    """What is missing, extra, changed, renamed, or a link.

    :param found: everything in the folder.
    :param shown: how the folder is called in a finding.
    :param tolerated: names that may be there and are judged elsewhere.
    """
    missing = [name for name in listed if name not in found]
    extra = [
        name
        for name, entry in found.items()
        if name not in listed and name not in tolerated and _stands_out(name, entry, listed, found)
    ]
    renamed = _renames(missing, extra, listed, found, hashes)
    for name in missing:
        if name in renamed:
            message = f"now {renamed[name]}, with the same bytes; rename it back"
            yield Finding(f"{shown}/{name}", "renamed", message)
        else:
            message = f"SHA-256 {short(listed[name])} required, no file found"
            yield Finding(f"{shown}/{name}", "missing", message)
    for name in extra:
        if name not in renamed.values():
            yield _extra(f"{shown}/{name}", found[name])
    yield from _present(listed, found, hashes, shown)


def _stands_out(name: str, entry: Entry, listed: Listed, found: Mapping[str, Entry]) -> bool:
    """Whether an entry that is not listed is named: of a folder with files in it, they are."""
    if entry.nature != "folder":
        return True
    inside = f"{name}/"
    return not any(path.startswith(inside) for path in (*listed, *found))


def _renames(
    missing: list[str], extra: list[str], listed: Listed, found: Mapping[str, Entry], hashes: Hashes
) -> dict[str, str]:
    """The new name of each missing file that lies there under another."""
    by_digest: dict[str, list[str]] = {}
    for name in extra if missing else ():
        if found[name].nature == "file" and (digest := hashes.of(found[name].path)) is not None:
            by_digest.setdefault(digest, []).append(name)
    renamed = {}
    for name in missing:
        if candidates := by_digest.get(listed[name]):
            renamed[name] = candidates.pop(0)
    return renamed


def _extra(shown: str, entry: Entry) -> Finding:
    what = {
        "file": "a file that nothing lists",
        "folder": "an empty folder that nothing lists",
        "unreadable folder": "a folder that cannot be looked into",
        "link": "a symbolic link that nothing lists",
        "special": "neither a file nor a folder, and nothing lists it",
    }[entry.nature]
    return Finding(shown, "extra", what)


def _present(listed: Listed, found: Mapping[str, Entry], hashes: Hashes, shown: str) -> Findings:
    names = Counter(entry.identity for entry in found.values() if entry.nature == "file")
    for name, required in listed.items():
        entry = found.get(name)
        if entry is None:
            continue
        path = f"{shown}/{name}"
        yield from unlike_a_file(path, entry, names[entry.identity])
        if entry.nature == "file":
            digest = hashes.of(entry.path)
            if digest != required:
                holder = _holder(digest, name, listed)
                yield changed(path, required, digest, holder)


def unlike_a_file(shown: str, entry: Entry, names: int = 1) -> Findings:
    """What keeps an entry from being a plain file with as many names as are known."""
    if entry.nature == "link":
        yield Finding(shown, "link", "a file required, a symbolic link found")
    elif entry.nature != "file":
        yield Finding(shown, "special", f"a file required, found: {entry.nature}")
    elif entry.links > names:
        message = f"{names} expected, {entry.links} found: it can be changed by another name"
        yield Finding(shown, "hard link", f"names of the file: {message}")


def changed(shown: str, required: str, digest: str | None, holder: str | None = None) -> Finding:
    """A file whose bytes are not those that were listed."""
    if digest is None:
        return Finding(shown, "damaged", "it cannot be read")
    whose = f", the bytes of {holder}" if holder else ""
    message = f"SHA-256 {short(required)} required, {short(digest)} found{whose}"
    return Finding(shown, "changed", message)


def _holder(digest: str | None, name: str, listed: Listed) -> str | None:
    same = [other for other, listed_digest in listed.items() if listed_digest == digest]
    return next((other for other in same if PurePosixPath(other) != PurePosixPath(name)), None)
