"""CSV files that name images."""

from __future__ import annotations

from pathlib import Path

from reliability.malformed.case import Build, Case

HEAD = "path,label,split\n"


def _rows() -> str:
    return "".join(
        f"images/{split}/{kind}/{index:02}.png,{kind},{split}\n"
        for split, count in (("train", 16), ("val", 8), ("test", 8))
        for kind in ("day", "night")
        for index in range(count)
    )


def _case(
    name: str, content: bytes | str | Build, *says: str, code: int = 3, given: tuple[str, ...] = ()
) -> Case:
    def build(project: Path) -> None:
        if callable(content):
            content(project)
        else:
            data = content.encode() if isinstance(content, str) else content
            (project / "data.csv").write_bytes(data)

    arguments = ("train", "--config", "config.yaml", "data.source=csv", "data.root=data.csv")
    return Case(name, (*arguments, *given), code, says, build)


def _path(name: str, path: str, *says: str) -> Case:
    """The healthy file, and a row more with ``path``."""
    return _case(name, f"{HEAD}{_rows()}{path},day,train\n", *says)


def _folder(project: Path) -> None:
    (project / "data.csv").mkdir()


def _loop(project: Path) -> None:
    (project / "data.csv").symlink_to("data.csv")


def _linked_out(project: Path) -> None:
    (project / "images/out.png").symlink_to("../../outside/secret.txt")
    (project / "data.csv").write_text(f"{HEAD}{_rows()}images/out.png,day,train\n")


def _link_loop(project: Path) -> None:
    (project / "images/loop.png").symlink_to("loop.png")
    (project / "data.csv").write_text(f"{HEAD}{_rows()}images/loop.png,day,train\n")


CASES = (
    _case("no file", lambda _: None, "data.csv", "none"),
    _case("a folder", _folder, "data.csv", "none"),
    _case("a loop of links", _loop, "data.csv"),
    _case("empty", "", "path", "none"),
    _case("only a header", HEAD, "at least one row"),
    _case("no header", _rows(), "path"),
    _case("no path column", "file,label\na.png,day\n", "data.path_column", "file"),
    _case("no label column", "path,kind\na.png,day\n", "data.label_column"),
    _case("the path column twice", f"path,label,path\n{_rows()}", "path", "twice"),
    _case("a wrong group column", HEAD + _rows(), "nobody", given=("data.group_by=nobody",)),
    _case("a short row", f"{HEAD}{_rows()}images/x.png\n", "label"),
    _case("a long row", f"{HEAD}a.png,day,train,more\n", "line 2", "more"),
    _case("an empty path", f"{HEAD},day,train\n", "line 2", "path"),
    _case("an empty label", f"{HEAD}a.png,,train\n", "label"),
    _case("an unknown split", f"{HEAD}{_rows()}images/x.png,day,nowhere\n", "nowhere"),
    _case("a split in some rows", f"{HEAD}{_rows()}images/x.png,day,\n", "split"),
    _case("a row twice", f"{HEAD}{_rows()}{_rows()}", "more than once"),
    _case("an open quote", f'{HEAD}"a.png,day,train\n', "CSV"),
    _case("text after a quote", f'{HEAD}"a"b.png,day,train\n', "CSV"),
    _case("NUL bytes", b"path,label\na\0.png,day\n", "data.csv"),
    _case("UTF-16", (HEAD + _rows()).encode("utf-16"), "UTF-8"),
    _case("invalid UTF-8", HEAD.encode() + b"\xff\xfe.png,day,train\n", "UTF-8"),
    _case("binary", bytes(range(256)) * 100, "data.csv"),
    _case("a field of a megabyte", f"{HEAD}{'x' * (1 << 20)},day,train\n", "CSV"),
    _case("a header of a megabyte", "x" * (1 << 20) + ",label\n", "CSV"),
    _case("ten thousand columns", ",".join(map(str, range(10_000))) + "\n", "data.path_column"),
    _case("semicolons", (HEAD + _rows()).replace(",", ";"), "path"),
    _case("a path of four thousand characters", f"{HEAD}{'x' * 5000},day,train\n", "data.csv"),
    _case("one class", "path,label\nimages/train/day/00.png,day\n", "two classes"),
    _case(
        "a class for every row",
        HEAD + "".join(f"images/train/day/{n:02}.png,c{n},train\n" for n in range(16)),
        "data.fractions",
        code=2,
    ),
    _path("a path that climbs", "../outside/secret.txt", "leaves the folder"),
    _path("a path that climbs later", "images/../../outside/secret.txt", "leaves the folder"),
    _path("an absolute path", "/etc/passwd", "leaves the folder"),
    _path("a home folder", "~/secret.txt", "no such file"),
    _path("a backslash path", "..\\outside\\secret.txt", "no such file"),
    _path("a URL", "https://localhost/a.png", "no such file"),
    _path("a folder for an image", "images/train/day", "not a file"),
    _path("an absent image", "images/absent.png", "absent.png", "no such file"),
    _path("a line break", '"images/a\nb.png"', "no such file"),
    _path("a control character", "images/\x1b[31m.png", "no such file"),
    _case("a link out", _linked_out, "leaves the folder"),
    _case("a link to itself", _link_loop, "loop.png"),
    _case(
        "an image by two names",
        f"{HEAD}{_rows()}images/train/../train/day/00.png,day,train\n",
        "more than once",
    ),
)
