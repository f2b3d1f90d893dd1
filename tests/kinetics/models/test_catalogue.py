"""Names of models: ours in the order of the tables, then those of packages outside."""

from __future__ import annotations

import pytest

from nakaya.core.errors import UnknownNameError
from nakaya.kinetics.models.catalogue import MODELS, PLUGINS, find_entry, model_names


def test_models_of_others_come_after_ours_and_take_no_name_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PLUGINS, "names", lambda: ("another", "msgnn"))
    assert model_names() == (*MODELS, "another")
    assert find_entry("msgnn") is MODELS["msgnn"]
    with pytest.raises(UnknownNameError, match="did you mean 'another'"):
        find_entry("anothr")
