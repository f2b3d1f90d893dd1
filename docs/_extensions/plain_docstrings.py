"""Docstrings of this project are plain text: code between single backticks, formulas as they are typed.

Sphinx reads reStructuredText. What stands in the way is translated here, so that nobody has to write markup into
code: stars, bars and trailing underscores are themselves, `name` is code, an indented formula is a block, and the first
example has a headline.
"""

from __future__ import annotations

import re

from sphinx.application import Sphinx

SECTION = re.compile(r"(Args|Arguments|Attributes|Returns|Yields|Raises|Note|Notes):$")
CODE = re.compile(r"`([^`]+)`")
ALIAS = re.compile(r"TypeAliasForwardRef\('(\w+)'\)")
ANNOTATED = re.compile(r"Annotated\[(\w+), \w+\([^()]*\)\]")
ENUMERATOR = re.compile(r"^(\s+\w+: )(?=(?:[A-Za-z]|\d+|[ivxlcdm]+)[.)](?:\s|$))")
MARKUP = re.compile(r"\\|\*|\||(?<=\w)_(?=\W|$)")


def as_restructured(lines: list[str]) -> list[str]:
    """Return the lines of a docstring as reStructuredText in the Google style."""
    found: list[str] = []
    in_section = in_example = in_block = False
    headed = False
    for line in lines:
        blank, indented = not line.strip(), line.startswith(" ")
        if in_example and not blank:
            found.append(line)
            continue
        in_example = False
        if line in ("Example:", "Examples:"):
            found += [".. rubric:: Example", "", "::", ""]
            in_section, in_block = False, True
            continue
        if line.startswith(">>>"):
            in_section, in_example = False, True
            if not headed:
                found += [".. rubric:: Examples", ""]
                headed = True
        elif not blank and not indented:
            in_section, in_block = bool(SECTION.match(line)), False
        if indented and not in_section and not in_block and found and not found[-1].strip():
            in_block = True
            found += ["::", ""]
        found.append(line if in_example or in_block else plain(line))
    return found


def plain(line: str) -> str:
    """Return one line of prose: code as literals, everything that would be markup escaped."""
    start = re.match(r"\s*(?:\* )?", line)
    head = start[0] if start else ""
    parts = CODE.split(line[len(head) :])
    escaped = [MARKUP.sub(r"\\\g<0>", part) if place % 2 == 0 else f"``{part}``" for place, part in enumerate(parts)]
    # A literal ends where a word goes on only behind a backslash: `X`s.
    text = "".join(
        part + "\\" if place % 2 and re.match(r"\w", (*escaped, "")[place + 1]) else part
        for place, part in enumerate(escaped)
    )
    return ENUMERATOR.sub(r"\1\\", head + text)  # "temperature: K." is a unit, not item K of a list


def translate(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Translate a docstring in place, before napoleon reads its sections."""
    lines[:] = as_restructured(lines)


def plain_types(signature: str) -> str:
    """Write types as the code's reader thinks of them: aliases by their names, without what checks them at a border."""
    return ANNOTATED.sub(r"\1", ALIAS.sub(r"\1", signature))


def name_types(
    app: Sphinx, what: str, name: str, obj: object, options: object, signature: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """Write the types of a signature plainly."""
    return signature and plain_types(signature), returned and plain_types(returned)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("autodoc-process-signature", name_types)
    app.connect("autodoc-process-docstring", translate, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
