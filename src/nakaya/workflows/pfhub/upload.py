"""The description that PFHub wants beside the files of an upload, in the form that its tools read: `pfhub.json`.

An upload is a deposit of a folder's files at Zenodo in the community "pfhub"; authors, title and licence are stated
there (https://github.com/usnistgov/pfhub/blob/master/upload.md).
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from typing import Any, Final

from nakaya.core.provenance import package_version
from nakaya.workflows.pfhub.parts import Part, Summary

__all__ = ["UPLOAD_FILE", "describe_upload"]

UPLOAD_FILE: Final = "pfhub.json"


def describe_upload(part: Part, summaries: Sequence[Summary]) -> dict[str, Any]:
    """Return the description of one part: what was computed, by what, and what it cost.

    Times and memory are the largest of the part's runs. What only the uploader knows, such as where the code of this
    computation can be had, is left empty.
    """
    return {
        "benchmark": {"id": part.name, "version": str(part.version)},
        "metadata": {
            "summary": part.summary,
            "software": {"name": "nakaya", "version": package_version()},
            "hardware": {
                "cpu_architecture": platform.machine(),
                "acc_architecture": "none",
                "parallel_model": "serial",
                "clock_rate": "",
                "cores": 1,
                "nodes": 1,
            },
            "container_url": "",
            "implementation_url": "",
            "run_time": {
                "wall_time": max(summary["wall_seconds"] for summary in summaries),
                "sim_time": max(summary["sim_time"] for summary in summaries),
            },
            "memory_usage": max(summary["memory_kib"] for summary in summaries),
        },
    }
