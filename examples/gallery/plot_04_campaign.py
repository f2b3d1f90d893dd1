"""
A campaign over a plane of parameters
=====================================

A campaign grows many crystals into one store, shard by shard. Killed at any moment and started again it ends with the
same bytes. Here it is a grid over vapour density and the attachment threshold, drawn as a morphology diagram.
"""

import tempfile
from pathlib import Path

from PIL import Image

import nakaya
from nakaya.growth.campaigns.campaigning import run_campaign
from nakaya.workflows.diagram import diagram_of_store

# %%
# The sweep file says what varies; ``examples/sweep.toml`` explains every entry. On the command line:
# ``nakaya campaign run sweep.toml --out store.zarr``.
SWEEP = """
members = 1
seed = 7

[lattice]
size = 48

[points]
method = "grid"

[points.vary]
rho = { low = 0.36, high = 0.64, count = 6 }
beta = { values = [1.1, 1.4, 1.8, 2.4] }

[points.fixed]
kappa = 2e-3
"""
folder = Path(tempfile.mkdtemp())
(folder / "sweep.toml").write_text(SWEEP, encoding="utf-8")
report = run_campaign(folder / "sweep.toml", folder / "store.zarr")
print(report.computed_crystals, "crystals in", report.shards, "shard")

# %%
# Started again, it finds everything there.
print(run_campaign(folder / "sweep.toml", folder / "store.zarr").computed_shards, "shards computed the second time")

# %%
# The store opens without reading it; square brackets read what they name.
store = nakaya.open(folder / "store.zarr")
print(store.arrival.shape, "at rho =", sorted(set(store.parameters["rho"].tolist())))

# %%
# ``nakaya diagram store.zarr --x rho --y beta --out diagram.png`` draws the same.
diagram_of_store(folder / "store.zarr", folder / "diagram.png", x="rho", y="beta", width=1400)
picture = Image.open(folder / "diagram.png")
