"""From atoms to a microstructure: predicted kinetics, grains that grow and meet, what a microscope sees of them."""

from __future__ import annotations

from nakaya.workflows.chain.asking import ChainOptions
from nakaya.workflows.chain.running import run_chain

__all__ = ["ChainOptions", "run_chain"]
