"""Whom to trust is said outside of the repository, by flag, environment or user configuration."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from git import Actor, Repo

from seatrial.errors import ConfigurationError, InputError, SeatrialError
from seatrial.files import sha256_bytes
from seatrial.gates.approvals import Trust, find_trust
from seatrial.gates.approvals.signers import user_configuration_path

NOBODY = "nobody@example.org ssh-ed25519 AAAA\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project below the root of a repository with one commit."""
    root = tmp_path / "repository"
    (root / "models" / "shop").mkdir(parents=True)
    (root / "README.md").write_text("x\n")
    with Repo.init(root, initial_branch="main") as repository:
        repository.index.add(["README.md"])
        actor = Actor("test", "test@localhost")
        repository.index.commit("begin", author=actor, committer=actor)
    return root / "models" / "shop"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A file of allowed signers that is nobody's but the user's."""
    path = tmp_path / "outside" / "allowed_signers"
    path.parent.mkdir()
    path.write_text(NOBODY)
    return path


def found(flag: Path | None, project: Path, **environment: object) -> Trust:
    """With nothing in the environment but what is given."""
    home = project.parents[2] / "home"
    given = {name: str(value) for name, value in environment.items()}
    return find_trust(flag, project, environment={"HOME": str(home), **given})


def configure(project: Path, text: str, folder: str = "home/.config") -> Path:
    """The user's configuration file."""
    path = project.parents[2] / folder / "seatrial" / "config.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def test_nobody_is_trusted_where_nothing_is_said(project: Path) -> None:
    trust = found(None, project)
    assert trust == Trust()
    assert (trust.signers_sha256, trust.revoked_sha256) == (None, None)


def test_the_flag_comes_before_the_environment_and_that_before_the_configuration(
    project: Path, tmp_path: Path
) -> None:
    paths = [tmp_path / name for name in ("flag", "variable", "own")]
    for path in paths:
        path.write_text(path.name)
    flag, variable, own = paths
    assert found(None, project, SEATRIAL_ALLOWED_SIGNERS="").allowed_signers is None
    configure(project, f"allowed_signers: {own}\nrevoked_keys: {own}\n")
    assert found(None, project).allowed_signers == own
    named = {"SEATRIAL_ALLOWED_SIGNERS": variable}
    assert found(None, project, **named).allowed_signers == variable
    assert found(flag, project, **named).allowed_signers == flag
    assert found(flag, project, **named).revoked_keys == own
    assert found(flag, project).signers_sha256 == sha256_bytes(b"flag")


def test_the_configuration_is_where_xdg_says_and_paths_begin_there(
    project: Path, tmp_path: Path
) -> None:
    path = configure(project, "allowed_signers: signers\n", folder="xdg")
    (path.parent / "signers").write_text(NOBODY)
    trust = found(None, project, XDG_CONFIG_HOME=tmp_path / "xdg")
    assert trust.allowed_signers == path.parent / "signers"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("allowed_singers: x\n", "allowed_singers: unknown key; there are allowed_signers"),
        ("- x\n", "a mapping of keys to paths was expected"),
        ("allowed_signers: 3\n", "a path was expected, found 3"),
        ("allowed_signers: ''\n", "a path was expected, found ''"),
        ("allowed_signers: [\n", "not valid YAML"),
        ("allowed_signers: a\nallowed_signers: b\n", "stands here twice"),
        ("allowed_signers: nowhere\n", "allowed_signers: "),
    ],
)
def test_a_configuration_that_is_not_well_formed_is_refused(
    project: Path, text: str, words: str
) -> None:
    path = configure(project, text)
    with pytest.raises(SeatrialError) as refused:
        found(None, project)
    assert words in str(refused.value)
    assert str(path) in str(refused.value)


def test_an_empty_configuration_says_nothing(project: Path) -> None:
    configure(project, "# nothing yet\n")
    assert found(None, project) == Trust()


def refusal(flag: Path, project: Path) -> str:
    """Why a file is refused; fails if it is not."""
    with pytest.raises(ConfigurationError) as refused:
        found(flag, project)
    (problem,) = refused.value.problems
    assert "lies inside the repository" in problem
    assert "whoever can change the repository could name signers there" in problem
    return problem


@pytest.mark.parametrize(
    "name",
    ["models/shop/signers", "signers", "models/signers", ".git/signers", "models/../signers"],
)
def test_a_file_inside_the_repository_is_refused(project: Path, name: str) -> None:
    root = project.parents[1]
    (root / name).write_text(NOBODY)
    assert "--allowed-signers" in refusal(root / name, project)


def test_a_link_outside_that_leads_in_is_refused(project: Path, tmp_path: Path) -> None:
    inside = project / "signers"
    inside.write_text(NOBODY)
    (tmp_path / "link").symlink_to(inside)
    assert f"by way of {inside}" in refusal(tmp_path / "link", project)
    (tmp_path / "again").symlink_to(tmp_path / "link")
    refusal(tmp_path / "again", project)


def test_a_link_inside_that_leads_out_is_refused(
    project: Path, outside: Path, tmp_path: Path
) -> None:
    (project / "signers").symlink_to(outside)
    refusal(project / "signers", project)
    (tmp_path / "round").symlink_to(project / "signers")
    assert f"by way of {project / 'signers'}" in refusal(tmp_path / "round", project)


def test_linked_folders_on_the_way_are_followed(
    project: Path, outside: Path, tmp_path: Path
) -> None:
    (tmp_path / "way").symlink_to(project)
    (project / "signers").write_text(NOBODY)
    refusal(tmp_path / "way" / "signers", project)
    (project / "folder").symlink_to(outside.parent)
    (tmp_path / "through").symlink_to(project / "folder")
    refusal(tmp_path / "through" / outside.name, project)
    (project.parent / "signers").write_text(NOBODY)
    refusal(tmp_path / "way" / ".." / "signers", project)


def test_a_project_reached_through_a_link_is_the_same_repository(
    project: Path, tmp_path: Path
) -> None:
    (tmp_path / "linked").symlink_to(project)
    (project / "signers").write_text(NOBODY)
    refusal(project / "signers", tmp_path / "linked")
    refusal(tmp_path / "linked" / "signers", tmp_path / "linked")


def test_another_working_tree_of_the_repository_is_inside_it(project: Path, tmp_path: Path) -> None:
    root = project.parents[1]
    with Repo(root) as repository:
        repository.git.worktree("add", "--quiet", "--detach", str(tmp_path / "tree"))
    (tmp_path / "tree" / "signers").write_text(NOBODY)
    refusal(tmp_path / "tree" / "signers", project)
    (root / "signers").write_text(NOBODY)
    refusal(root / "signers", tmp_path / "tree")


def test_without_git_the_project_is_what_it_must_lie_outside_of(
    project: Path, outside: Path
) -> None:
    shutil.rmtree(project.parents[1] / ".git")
    (project / "signers").write_text(NOBODY)
    refusal(project / "signers", project)
    assert found(outside, project).allowed_signers == outside


def test_another_repository_may_keep_it(project: Path, tmp_path: Path) -> None:
    other = tmp_path / "signers-of-the-team"
    other.mkdir()
    Repo.init(other).close()
    (other / "allowed_signers").write_text(NOBODY)
    assert found(other / "allowed_signers", project).signers_sha256 is not None


def test_a_configuration_inside_the_repository_names_nobody(project: Path, outside: Path) -> None:
    own = project / "seatrial" / "config.yaml"
    own.parent.mkdir()
    own.write_text(f"allowed_signers: {outside}\n")
    with pytest.raises(ConfigurationError, match=r"the user's configuration: .* lies inside"):
        found(None, project, XDG_CONFIG_HOME=project)


def test_a_file_that_is_not_there_is_named_with_who_named_it(project: Path, tmp_path: Path) -> None:
    for path, words in ((tmp_path / "none", "there is no such file"), (tmp_path, "it is no file")):
        with pytest.raises(InputError, match=f"--allowed-signers: {path}: required, but {words}"):
            found(path, project)
        with pytest.raises(InputError, match=f"SEATRIAL_REVOKED_KEYS: {path}: required"):
            found(None, project, SEATRIAL_REVOKED_KEYS=path)


def test_a_file_of_allowed_signers_has_a_size(project: Path, outside: Path) -> None:
    outside.write_text(NOBODY * 40_000)
    with pytest.raises(InputError, match="larger than 1048576 bytes"):
        _ = found(outside, project).signers_sha256


def test_it_is_read_once_so_that_its_digest_is_that_of_what_was_used(
    project: Path, outside: Path
) -> None:
    trust = found(outside, project)
    assert trust.signers == NOBODY.encode()
    outside.write_text("eve@example.org ssh-ed25519 AAAA\n")
    assert trust.signers == NOBODY.encode()
    assert trust.signers_sha256 == sha256_bytes(NOBODY.encode())


def test_the_user_configuration_lies_below_the_home_that_the_account_has(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    expected = tmp_path / ".config" / "seatrial" / "config.yaml"
    assert user_configuration_path({}) == expected
    assert user_configuration_path({"HOME": str(tmp_path)}) == expected
    elsewhere = {"HOME": "/other", "XDG_CONFIG_HOME": str(tmp_path / ".config")}
    assert user_configuration_path(elsewhere) == expected
