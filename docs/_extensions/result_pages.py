"""A page for every text that a benchmark printed: results/*.txt as they are, searchable, their first line as title."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.parsers import Parser


class ResultParser(Parser):
    """Shows a text file as it is."""

    supported: ClassVar[tuple[str, ...]] = ("result",)

    def parse(self, inputstring: str, document: nodes.document) -> None:
        """Fill `document` with a title from the file's name and the text as a block."""
        self.setup_parse(inputstring, document)
        name = Path(document["source"]).name
        section = nodes.section("", nodes.title(name, name), ids=[nodes.make_id(name)], names=[name])
        block = nodes.literal_block(inputstring, inputstring, language="text")
        section += block
        document += section
        self.finish_parse()


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_source_suffix(".txt", "result")
    app.add_source_parser(ResultParser)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
