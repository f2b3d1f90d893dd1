"""The demonstration: one chapter after the other adds to one self-contained report."""

from __future__ import annotations

from nakaya.workflows.demo.running import CHAPTERS, DEFAULT_FOLDER, Demonstration, demonstrate

__all__ = ["CHAPTERS", "DEFAULT_FOLDER", "Demonstration", "demonstrate"]
