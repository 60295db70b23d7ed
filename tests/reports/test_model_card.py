"""Claims about the metadata that model hubs read."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from factories import healthy_facts
from seatrial.reports import render_documents


def card(changes: dict[str, object] | None = None) -> str:
    return render_documents(healthy_facts(changes or {}))["docs/model_card.md"]


def metadata(text: str) -> dict[str, Any]:
    start, block, _ = text.split("---\n", 2)
    assert start == ""
    loaded = yaml.safe_load(block)
    assert isinstance(loaded, dict)
    return loaded


def test_the_block_is_yaml_with_licence_tags_metrics_and_results() -> None:
    found = metadata(card({"config.documents.licence": "Apache-2.0"}))
    assert found["license"] == "apache-2.0"
    assert "image-classification" in found["tags"]
    result = found["model-index"][0]["results"][0]
    assert {m["type"]: m["value"] for m in result["metrics"]}["accuracy"] == 0.97
    assert result["dataset"]["split"] == "test"


def test_an_unstated_licence_is_unknown_to_hubs_and_not_stated_to_people() -> None:
    text = card()
    assert metadata(text)["license"] == "unknown"
    assert "| Licence of the model | not stated |" in text


def test_a_model_hubs_loader_reads_the_card() -> None:
    hub = pytest.importorskip("huggingface_hub")
    data = hub.ModelCard(card()).data
    results = {r.metric_type: r.metric_value for r in data.eval_results}
    assert data.model_name == "harbour"
    assert results["accuracy"] == 0.97
    assert data.eval_results[0].dataset_split == "test"


def test_an_undefined_metric_is_no_result() -> None:
    undefined = {"value": None, "interval": None, "reason": "class hull has no positives"}
    text = card({"evaluate.test.auc": undefined})
    types = [m["type"] for m in metadata(text)["model-index"][0]["results"][0]["metrics"]]
    assert "roc_auc" not in types
    assert "| Macro AUC, one class against the rest | undefined: class hull has no" in text


@pytest.mark.parametrize("name", ["a\n---\nb: 1", "---", "x: y", "- [", "'\"", "# c", "{a}", "yes"])
def test_no_name_ends_or_changes_the_block(name: str) -> None:
    found = metadata(card({"config.documents.name": name, "data.source": name}))
    assert found["model-index"][0]["name"] == " ".join(name.split())
    assert set(found) == set(metadata(card()))
