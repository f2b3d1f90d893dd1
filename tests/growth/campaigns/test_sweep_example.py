from __future__ import annotations

import re
import tomllib
from pathlib import Path

from nakaya.growth.campaigns.config import read_campaign
from nakaya.growth.solvers.gravner_griffeath.parameters import GravnerGriffeath

SWEEP = Path(__file__).parents[3] / "examples" / "sweep.toml"


def test_the_example_is_a_campaign_of_at_least_thirty_shards() -> None:
    config = read_campaign(SWEEP)
    assert config.layout(GravnerGriffeath).num_shards >= 30
    config.sample(GravnerGriffeath)


def test_the_defaults_that_the_example_shows_are_the_defaults(tmp_path: Path) -> None:
    text = SWEEP.read_text()
    shown = re.sub(r"^# (\w+ = )", r"\1", text, flags=re.MULTILINE)
    assert len(tomllib.loads(shown)["stop"]) == 3
    (tmp_path / "shown.toml").write_text(shown)
    one, other = (read_campaign(path).as_plain(GravnerGriffeath) for path in (SWEEP, tmp_path / "shown.toml"))
    assert one == other
