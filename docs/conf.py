"""How Sphinx builds the documentation; `python3 nk.py docs` calls it.

Everything that a page needs lies beside it: the site opens from a folder, without a server and without a network.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib

from nakaya import __version__
from nakaya.viz.style import FONT_FAMILY, LIGHT

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "_extensions"))
matplotlib.use("agg")
matplotlib.rcParams.update(
    {
        "axes.prop_cycle": matplotlib.cycler(color=LIGHT.models),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlelocation": "left",
        "font.family": list(FONT_FAMILY),
        "legend.frameon": False,
    }
)

project = "nakaya"
author = "the nakaya authors"
copyright = "the nakaya authors, MIT"
release = version = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_gallery.gen_gallery",
    "outside_pages",
    "plain_docstrings",
    "readable_markup",
    "result_pages",
]
exclude_patterns = ["_build", "_static", "_extensions", "pictures", "gallery/*.ipynb", "gallery/*.py"]
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence", "attrs_block"]

smartquotes = False  # quotes are those of code

autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_type_aliases = {
    name: name
    for name in (
        *("ArrayLike", "ArrivalMap", "BoolArray", "Float32Array", "FloatArray", "GrainMap", "IntArray", "Mask"),
        *("Edges", "Method", "Origin", "Progress", "Sites", "Stage"),
    )
}
autodoc_use_legacy_class_based = False
napoleon_use_rtype = False
napoleon_use_ivar = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
toc_object_entries_show_parents = "hide"

sphinx_gallery_conf = {
    "examples_dirs": str(DOCS.parent / "examples" / "gallery"),
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "within_subsection_order": "FileNameSortKey",
    "image_scrapers": ("gallery_pictures",),
    "reset_modules": (),
    "abort_on_example_error": True,
    "capture_repr": (),
    "download_all_examples": False,
    "show_signature": False,
    "show_memory": False,
    "write_computation_times": False,
    "min_reported_time": 3600,
    "thumbnail_size": (480, 360),
    "remove_config_comments": True,
    "backreferences_dir": None,
}

html_theme = "furo"
html_title = f"nakaya {release}"
html_static_path = ["_static"]
html_css_files = ["nakaya.css"]
html_js_files = ["search-from-files.js"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#0b5c86",
        "color-brand-content": "#0b5c86",
        "color-brand-visited": "#0b5c86",
    },
    "dark_css_variables": {
        "color-brand-primary": "#7cc4ea",
        "color-brand-content": "#7cc4ea",
        "color-brand-visited": "#7cc4ea",
    },
}
