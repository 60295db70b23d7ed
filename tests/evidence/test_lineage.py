"""The repository's state is read as it is, and only the documents are committed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from git import Actor, Repo

from seatrial.errors import InputError
from seatrial.evidence import lineage

ACTOR = Actor("test", "test@localhost")
PUBLISHED = ("models/", "final_report.md")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    with Repo.init(tmp_path, initial_branch="main") as repository:
        (tmp_path / "code.py").write_text("1\n")
        repository.index.add(["code.py"])
        repository.index.commit("first", author=ACTOR, committer=ACTOR)
        with repository.config_writer() as config:
            config.set_value("user", "name", "test")
            config.set_value("user", "email", "test@localhost")
    return tmp_path


def test_a_clean_repository_has_commit_and_branch(project: Path) -> None:
    found = lineage.describe(project, PUBLISHED)
    with Repo(project) as repository:
        assert found.commit == repository.head.commit.hexsha
    assert (found.branch, found.dirty) == ("main", ())


def test_changed_new_and_oddly_named_files_are_dirty_and_published_ones_are_not(
    project: Path,
) -> None:
    (project / "code.py").write_text("2\n")
    (project / "new file — ü.txt").write_text("")
    (project / "models").mkdir()
    (project / "models" / "m.onnx").write_text("")
    (project / "final_report.md").write_text("")
    (project / "final_report.md.bak").write_text("")
    found = lineage.describe(project, PUBLISHED)
    assert set(found.dirty) == {"code.py", "final_report.md.bak", "new file — ü.txt"}


def test_a_project_in_a_subfolder_sees_the_whole_repository(project: Path) -> None:
    (project / "sub" / "models").mkdir(parents=True)
    (project / "sub" / "models" / "m").write_text("")
    (project / "models").mkdir()
    (project / "models" / "m").write_text("")
    assert lineage.describe(project / "sub", PUBLISHED).dirty == ("models/m",)


def test_no_repository_and_no_commit_are_said(tmp_path: Path) -> None:
    assert lineage.describe(tmp_path, ()).reason == "not a git repository"
    Repo.init(tmp_path).close()
    assert lineage.describe(tmp_path, ()).reason == "no commit yet"


def test_a_rename_is_one_dirty_file(project: Path) -> None:
    with Repo(project) as repository:
        repository.index.move(["code.py", "moved.py"])
    assert lineage.describe(project, ()).dirty == ("moved.py",)


def test_only_the_named_files_are_committed(project: Path) -> None:
    (project / "final_report.md").write_text("report\n")
    (project / "code.py").write_text("2\n")
    (project / "staged.txt").write_text("staged by the user\n")
    with Repo(project) as repository:
        repository.index.add(["staged.txt"])
        commit = lineage.commit_files(project, ["final_report.md"], "Document run 1\n")
        assert repository.head.commit.hexsha == commit
        assert set(repository.head.commit.stats.files) == {"final_report.md"}
    assert lineage.describe(project, ()).dirty == ("code.py", "staged.txt")
    assert lineage.commit_files(project, ["final_report.md"], "again") is None


def test_a_refused_commit_says_why(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Repo(project) as repository, repository.config_writer() as config:
        config.remove_section("user")
        config.set_value("user", "useConfigOnly", "true")
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "EMAIL"):
        monkeypatch.delenv(name, raising=False)
    (project / "final_report.md").write_text("report\n")
    with pytest.raises(InputError, match=r"git commit: fatal: .*(email|user|name)"):
        lineage.commit_files(project, ["final_report.md"], "Document run 1\n")


def test_a_document_that_git_is_told_to_ignore_is_named_in_one_line(project: Path) -> None:
    (project / ".gitignore").write_text("*.md\n")
    (project / "final_report.md").write_text("report\n")
    with pytest.raises(InputError, match=r"^git commit: .*ignored.* final_report\.md$"):
        lineage.commit_files(project, ["final_report.md"], "Document run 1\n")
