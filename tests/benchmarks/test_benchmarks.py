"""What the benchmarks measure on, how figures are judged and told, and what is named where."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def reporting(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("reporting")


@pytest.fixture
def cifar_subset(reporting: ModuleType) -> ModuleType:
    return importlib.import_module("cifar_subset")


def told(
    reporting: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    measure: object,
    *arguments: str,
) -> tuple[int, str]:
    monkeypatch.setattr("sys.argv", ["benchmark", *arguments])
    code = reporting.main("A title.\n\nMore.", measure)
    return code, capsys.readouterr().out


@pytest.mark.parametrize(("value", "code"), [(0.95, 0), (0.94, 1)])
def test_a_missed_bound_is_marked_and_is_the_exit_code(
    reporting: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    value: float,
    code: int,
) -> None:
    figure = reporting.Figure("training, ratio", value, "×", at_least=0.95)
    found, text = told(reporting, monkeypatch, capsys, lambda _asked: [figure])
    assert found == code
    assert f"| training, ratio | {value}× | ≥ 0.95×" in text
    assert ("missed" in text) == bool(code)


def test_json_holds_the_figures_of_the_table(
    reporting: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = [
        reporting.Figure("latency", 1234.5, "ms", at_most=2000),
        reporting.Figure("format", "channels first"),
    ]
    _, table = told(reporting, monkeypatch, capsys, lambda _asked: figures)
    _, text = told(reporting, monkeypatch, capsys, lambda _asked: figures, "--json")
    read = [reporting.read(plain) for plain in json.loads(text)["figures"]]
    assert read == figures
    assert all(figure.row() in table for figure in read)
    assert "| latency | 1,234 ms | ≤ 2000 ms |" in table


def test_a_skip_says_why_and_is_no_failure(
    reporting: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(_asked: object) -> list[object]:
        raise reporting.Skipped("no images")

    assert told(reporting, monkeypatch, capsys, measure)[0] == 0
    code, text = told(reporting, monkeypatch, capsys, measure, "--json")
    assert (code, json.loads(text)["skipped"]) == (0, "no images")


def test_absent_images_are_a_skip_that_names_the_archive(
    reporting: ModuleType, cifar_subset: ModuleType, tmp_path: Path
) -> None:
    with pytest.raises(reporting.Skipped, match=r"images\.tar\.xz is required"):
        cifar_subset.folder(tmp_path / "images.tar.xz", tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_the_images_are_the_first_by_name_and_every_tenth_validates(
    cifar_subset: ModuleType, tmp_path: Path
) -> None:
    for split, count in (("train", 1010), ("test", 210)):
        folder = tmp_path / "source" / split / "cat"
        folder.mkdir(parents=True)
        for number in range(count):
            (folder / f"{number:04}.jpg").touch()
    cifar_subset.lay_out(tmp_path / "source", tmp_path / "part")
    names = {
        split: sorted(path.stem for path in (tmp_path / "part" / split / "cat").iterdir())
        for split in ("train", "val", "test")
    }
    assert names["val"] == [f"{number:04}" for number in range(9, 1000, 10)]
    assert sorted(names["train"] + names["val"]) == [f"{number:04}" for number in range(1000)]
    assert names["test"] == [f"{number:04}" for number in range(200)]


def test_make_bench_runs_every_benchmark_and_the_readme_names_it(reporting: ModuleType) -> None:
    scripts = {
        path.stem for path in FOLDER.glob("*.py") if 'if __name__ == "__main__"' in path.read_text()
    } - {"__main__"}

    named = importlib.util.spec_from_file_location("all_benchmarks", FOLDER / "__main__.py")
    assert named is not None and named.loader is not None
    module = importlib.util.module_from_spec(named)
    named.loader.exec_module(module)
    assert set(module.ORDER) == scripts
    readme = (FOLDER / "README.md").read_text()
    assert [name for name in scripts if f"`{name}.py`" not in readme] == []
