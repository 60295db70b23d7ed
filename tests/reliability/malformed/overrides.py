"""Values on the command line: ``training.epochs=5`` and everything that is none."""

from __future__ import annotations

from reliability.malformed.case import Case


def _given(name: str, *given: str, says: tuple[str, ...] = (), lines: int | None = 1) -> Case:
    return Case(name, ("config", "check", "config.yaml", *given), 2, says, lines=lines)


CASES = (
    _given("no equals sign", "training.epochs", says=("training.epochs", "expected an override")),
    _given("no key", "=5", says=("expected an override",)),
    _given("a leading dot", ".epochs=5", says=("expected an override",)),
    _given("an unknown key", "training.epoch=5", says=("training.epoch", "epochs")),
    _given("an unknown section", "trainings.epochs=5", says=("trainings",)),
    _given("text for a number", "training.epochs=many", says=("training.epochs", "many")),
    _given("a fraction for a count", "training.epochs=1.5", says=("training.epochs", "1.5")),
    _given("a negative count", "training.epochs=-1", says=("training.epochs",)),
    _given("zero", "training.batch_size=0", says=("training.batch_size",)),
    _given("true for a number", "training.epochs=true", says=("training.epochs",)),
    _given("not a number", "optimizer.lr=nan", says=("optimizer.lr",)),
    _given("infinity", "optimizer.lr=inf", says=("optimizer.lr",)),
    _given("ten thousand digits", "training.epochs=" + "9" * 10_000, says=("training.epochs",)),
    _given("an open bracket", "export.formats=[onnx", says=("export.formats",)),
    _given("an open quote", "documents.name='x", says=("documents.name",)),
    _given("a list for a word", "model.architecture=[a,b]", says=("model.architecture",)),
    _given("a word for a section", "training=5", says=("training",)),
    _given("a key below a value", "training.epochs.more=5", says=("training.epochs",)),
    _given("an index into a list", "export.formats[0]=x", says=("export.formats",)),
    _given("an index far out", "export.formats[999999999]=x", says=("export.formats",)),
    _given("an open index", "export.formats[0=x", says=("formats",)),
    _given("an interpolation", "documents.name=${oc.env:HOME}", says=("documents.name",)),
    _given("an interpolation of itself", "documents.name=${documents.name}", says=("documents",)),
    _given("an open interpolation", "documents.name=${x", says=("documents.name",)),
    _given("an unknown resolver", "documents.name=${run:id}", says=("documents.name",)),
    _given("a missing value", "documents.name=???", says=("documents.name",)),
    _given("a tag", "documents.name=!!python/name:os.system", says=("documents.name",)),
    _given("an alias", "documents.name=*a", says=("documents.name",)),
    _given("nested a thousandfold", "documents.name=" + "[" * 1000 + "]" * 1000, says=("nested",)),
    _given("a key of a thousand parts", ".".join("a" * 1000) + "=1", says=("nested",)),
    _given("an empty part", "training..epochs=5", says=("training",)),
    _given("only dots", "...=5", says=("expected an override",)),
    _given("a line break", "training.epochs=5\nx", says=("training.epochs",)),
    _given("a control character", "documents.name=\x1b[31mred", says=("documents.name",)),
    _given("invalid UTF-8", "documents.name=\udcff\udcfe", says=("documents.name", "UTF-8")),
    _given("a key of invalid UTF-8", "doc\udcff=1", says=("UTF-8",)),
    _given("a hundred kilobytes", "nonsense=" + "x" * 100_000, says=("nonsense",)),
    _given("a key of a hundred kilobytes", "x" * 100_000 + "=1", says=("unknown key",)),
    _given("two thousand overrides", *[f"k{n}=1" for n in range(2000)], lines=None),
)
