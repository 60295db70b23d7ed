"""Whom to trust: the file of allowed signers, which must lie outside the repository it judges."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from seatrial.config import strict_yaml
from seatrial.errors import ConfigurationError, InputError
from seatrial.evidence import lineage
from seatrial.files import disk_errors, sha256_bytes

ALLOWED, REVOKED = "allowed_signers", "revoked_keys"
_MAX_BYTES = 1 << 20


@dataclass(frozen=True)
class Trust:
    """The files that say whose signature counts. Without allowed signers, nobody's does.

    Each is read once, so that the digest stated is that of the bytes used.
    """

    allowed_signers: Path | None = None
    """Lines as in ``ALLOWED SIGNERS`` of ssh-keygen(1)."""
    revoked_keys: Path | None = None
    """A key revocation list, or public keys a line each."""

    @cached_property
    def signers(self) -> bytes | None:
        """Content of the file of allowed signers.

        :raises InputError: it cannot be read, or is larger than a MiB.
        """
        return None if self.allowed_signers is None else _read(self.allowed_signers)

    @cached_property
    def revoked(self) -> bytes | None:
        """Content of the file of revoked keys.

        :raises InputError: it cannot be read, or is larger than a MiB.
        """
        return None if self.revoked_keys is None else _read(self.revoked_keys)

    @property
    def signers_sha256(self) -> str | None:
        """SHA-256 of the file of allowed signers."""
        return None if self.signers is None else sha256_bytes(self.signers)

    @property
    def revoked_sha256(self) -> str | None:
        """SHA-256 of the file of revoked keys."""
        return None if self.revoked is None else sha256_bytes(self.revoked)


NOBODY = Trust()
"""Without a file of allowed signers nobody's signature counts."""


def find_trust(
    allowed_signers: Path | None,
    project: Path,
    *,
    revoked_keys: Path | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Trust:
    """The files named by hand, else by ``SEATRIAL_ALLOWED_SIGNERS`` and
    ``SEATRIAL_REVOKED_KEYS``, else by ``seatrial/config.yaml`` of the user's configuration.

    :raises InputError: a file that is named does not exist, or is no file.
    :raises ConfigurationError: one lies inside the repository, where whoever proposes a change
        could name signers too; or the user's configuration is not well formed.
    """
    named = {ALLOWED: allowed_signers, REVOKED: revoked_keys}
    found: dict[str, Path] = {}
    own: Mapping[str, tuple[Path, str]] | None = None
    for key, given in named.items():
        variable = f"SEATRIAL_{key.upper()}"
        if given is not None:
            found[key] = _checked(given, f"--{key.replace('_', '-')}", project)
        elif environment.get(variable):
            found[key] = _checked(Path(environment[variable]), variable, project)
        else:
            own = _user_configuration(environment, project) if own is None else own
            if key in own:
                found[key] = _checked(*own[key], project)
    return Trust(found.get(ALLOWED), found.get(REVOKED))


def user_configuration_path(environment: Mapping[str, str] = os.environ) -> Path:
    """``seatrial/config.yaml`` in ``$XDG_CONFIG_HOME``, or in ``~/.config`` without that."""
    base = environment.get("XDG_CONFIG_HOME")
    if not base and environment.get("HOME"):
        base = f"{environment['HOME']}/.config"
    return Path(base or Path.home() / ".config") / "seatrial" / "config.yaml"


def _user_configuration(
    environment: Mapping[str, str], project: Path
) -> Mapping[str, tuple[Path, str]]:
    """The paths it names, each with where it is named."""
    path = user_configuration_path(environment)
    if not path.exists():
        return {}
    _checked(path, "the user's configuration", project)
    raw, _ = strict_yaml.read(path)
    if raw is None:
        return {}
    known = f"there are {ALLOWED}, {REVOKED}"
    if not isinstance(raw, dict):
        raise ConfigurationError(f"{path}: a mapping of keys to paths was expected; {known}")
    strange = [key for key in raw if key not in (ALLOWED, REVOKED)]
    problems = [f"{path}: {key}: unknown key; {known}" for key in strange]
    problems += [
        f"{path}: {key}: a path was expected, found {value!r}"
        for key, value in raw.items()
        if key in (ALLOWED, REVOKED) and not (isinstance(value, str) and value)
    ]
    if problems:
        raise ConfigurationError(*problems)
    # A path that is not absolute begins at the folder of the file that names it.
    return {key: (path.parent / Path(raw[key]).expanduser(), f"{path}: {key}") for key in raw}


def _checked(path: Path, source: str, project: Path) -> Path:
    place = path.absolute()
    if not place.is_file():
        found = "it is no file" if place.exists() else "there is no such file"
        raise InputError(f"{source}: {path}: required, but {found}")
    for where in _way_to(place):
        if lineage.holds(project, where):
            link = "" if where.name == place.name else f", by way of {where}"
            raise ConfigurationError(
                f"{source}: {path}: lies inside the repository{link}; whoever can change the "
                "repository could name signers there, so keep the file outside of it"
            )
    return place


def _way_to(path: Path) -> Iterator[Path]:
    """Every link that leads to the file at ``path``, and the file; each with a parent that is no
    link. A link outside the repository may lead in, and one inside may lead out."""
    here, ahead = Path(path.anchor), list(reversed(path.parts[1:]))
    while ahead:
        part = ahead.pop()
        here = here.parent if part == ".." else here / part
        if here.is_symlink():
            yield here
            target = here.readlink()
            here = Path(target.anchor) if target.is_absolute() else here.parent
            ahead += reversed(target.parts[1:] if target.is_absolute() else target.parts)
    yield here


def _read(path: Path) -> bytes:
    with disk_errors(path, "read"), path.open("rb") as stream:
        content = stream.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise InputError(f"{path}: larger than {_MAX_BYTES} bytes, which are read at most")
    return content
