"""Which operators a model of ours may hold."""

from __future__ import annotations

_STANDARD = ("", "ai.onnx")
_MICROSOFT = frozenset(
    {
        "BiasGelu", "DequantizeLinear", "FastGelu", "FusedConv", "FusedGemm", "FusedMatMul", "Gelu",
        "QGemm", "QLinearAdd", "QLinearAveragePool", "QLinearConcat", "QLinearGlobalAveragePool",
        "QLinearLeakyRelu", "QLinearMul", "QLinearSigmoid", "QLinearSoftmax", "QuantizeLinear",
        "QuickGelu", "SkipLayerNormalization",
    }
)  # fmt: skip
"""What quantizers and optimisers write into that domain; none of it opens a file or runs code."""

_REFUSED = frozenset(
    {
        "Loop", "Scan", "Optional", "OptionalGetElement", "OptionalHasElement",
        "ConcatFromSequence", "SequenceAt", "SequenceConstruct", "SequenceEmpty",
        "SequenceErase", "SequenceInsert",
        "SequenceLength", "SequenceMap", "SplitToSequence", "ReverseSequence", "ImageDecoder",
        "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial",
        "Bernoulli", "RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit",
        "TfIdfVectorizer",
    }
)  # fmt: skip
"""Loops, sequences, chance and text: no classifier of images needs them in its deployed form."""

ALLOCATING: dict[str, tuple[int, ...]] = {
    "ConstantOfShape": (0,),
    "Expand": (1,),
    "OneHot": (1,),
    "Pad": (1,),
    "Range": (1,),
    "Resize": (3,),
    "Tile": (1,),
}
"""The inputs that say how large the output is. Where one is a constant, it is known before."""

_SHOWN = 60


def operator_problem(domain: str, operator: str) -> str | None:
    """Why an operator is refused; None where it is not.

    Domains that are imported and not used say nothing: quantizers import all they know.
    """
    if domain in _STANDARD:
        return f"it uses the operator {operator}" if operator in _REFUSED else None
    if domain == "com.microsoft":
        if operator in _MICROSOFT:
            return None
        return f"it uses the operator {operator[:_SHOWN]!r} of {domain}"
    return f"it uses operators of the domain {domain[:_SHOWN]!r}"
