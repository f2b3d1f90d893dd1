"""Changes that files suffer on their way, and lies that they may tell: one content in, another out."""

from __future__ import annotations

import gzip
import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from random import Random
from typing import Any, Final

__all__ = ["changed", "kind_of"]

KINDS: Final[Mapping[str, str]] = {
    ".json": "json", ".toml": "toml", ".npz": "archive", ".pt": "archive", ".gz": "gzip", ".png": "png",
    ".safetensors": "safetensors", ".csv": "text", ".txt": "text", ".md": "text", ".dump": "text", ".xyz": "text",
    ".ang": "text", ".ctf": "text", ".log": "text",
}  # fmt: skip
"""Ending of a name -> what a change of such a file knows about it; others are bytes."""

NUMBERS: Final = (
    "0", "-1", "1", "-0.0", "nan", "NaN", "inf", "-Infinity", "1e308", "-1e308", "1e-320", "1e999", "1e400",
    "2147483648", "4294967296", "9223372036854775807", "9223372036854775808", "18446744073709551616",
    "1" + "0" * 400, "-1" + "0" * 400, "1" + "0" * 5000, "1_000", "0x10", "1,5", "1.5.2", "1e", "--1", "\u0661", "",
)  # fmt: skip
"""As text; "\u0661" is a digit to Python's `float` and `int`."""

WORDS: Final = (
    "", " ", "a", "nan", "\x1b[31m", "$x$", "%s", "../../x", "/dev/null", "\ufeff", "\u2028", "a" * 300, "a" * 5000,
    "\ud800", "<b>", "'", '"', "\\", "\0",
)  # fmt: skip

VALUES: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1, 2, 0.5, -0.0, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 2**64, 10**18, 10**400,
    -(10**400), float("nan"), float("inf"), -float("inf"), 1e308, -1e308, 5e-324, "", "nan", "1", "a" * 300, "\ud800",
    "\x1b[31m", "../../x", "/dev/null", "\0", "$x$", [], {}, [None], [[]], [[1], 2], {"": None}, {"a": 1}, [1, 2, 3],
    ["a"], [0] * 50, [[[[[[1]]]]]], [10**400], [float("nan")],
)  # fmt: skip
"""What may stand anywhere in JSON, as far as the syntax goes."""

TOML_VALUES: Final = (
    "0", "-1", "1", "2", "0.5", "-0.0", "nan", "inf", "-inf", "1e308", "1e999", "9223372036854775807", "1" + "0" * 400,
    '""', '"a"', '"nan"', '"\\u001B[31m"', '"../../x"', '"/dev/null"', '"\\u0000"', '"$x$"', f'"{"a" * 300}"', "true",
    "false", "[]", "[1]", '["a"]', "[[]]", "[nan]", "{}", "{ a = 1 }", "1979-05-27T07:32:00Z", "07:32:00", "[0, 0]",
    "[-1, 1e308]",
)  # fmt: skip

WIDE: Final = (
    b"\xff" * 4,
    b"\0" * 4,
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\x80\0\0\0",
    b"\0\0\0\x80",
    b"\0\0\0\1",
)

_NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?(?![\w.])")
_TOML_VALUE = re.compile(
    r'(?<==\s)(?:"[^"\n]*"|\'[^\'\n]*\'|\[[^\]\n]*\]|\{[^}\n]*\}|[^\s#]+)|(?<=[\[ ,])(?:"[^"\n]*"|[\d.eE+-]+)(?=[,\]])'
)
_MOST_CHANGES = 4


def kind_of(name: str) -> str:
    """What a change knows about a file of this name."""
    return KINDS.get(PurePosixPath(name).suffix.lower(), "bytes")


def changed(content: bytes, kind: str, rng: Random) -> bytes:
    """Return another content: one change, often, or a few of them.

    Args:
        content: Of a sound file.
        kind: As `kind_of` gives it. Now and then a change knows nothing, whatever the kind.
        rng: Decides everything.
    """
    for _ in range(min(rng.choice((1, 1, 1, 2, 3)), _MOST_CHANGES)):
        blind = kind != "bytes" and rng.random() < 0.15
        content = (_change_bytes if blind else _CHANGES[kind])(content, rng)
    return content


# --------------------------------------------------------------------------------------------------------------- bytes


def _change_bytes(content: bytes, rng: Random) -> bytes:
    data = bytearray(content)
    # Headers stand at the ends, where a uniform choice would hardly ever look.
    first, last = min(len(data), 512), max(0, len(data) - 512)
    place = rng.choice((rng.randint(0, len(data)), rng.randint(0, first), rng.randint(last, len(data))))
    length = rng.choice((1, 1, 2, 4, 8, rng.randint(1, 64), rng.randint(1, max(1, len(data)))))
    what = rng.randrange(7)
    if what == 0 and data:
        for _ in range(rng.randint(1, 8)):
            data[min(place, len(data) - 1)] ^= 1 << rng.randrange(8)
            place = rng.randrange(len(data))
    elif what == 1:
        del data[place : place + length]
    elif what == 2:
        data[place:place] = data[place : place + length]
    elif what == 3:
        data[place : place + length] = rng.randbytes(length if length <= 64 else 8)
    elif what == 4:
        del data[place:]
    elif what == 5:
        size = rng.choice((2, 4, 8))
        wide = (rng.choice(WIDE) * 2)[:size]
        data[place : place + size] = wide
    else:
        other = rng.randint(0, len(data))
        data[place : place + length] = data[other : other + length]
    return bytes(data)


# ---------------------------------------------------------------------------------------------------------------- text


def _replace_one(pattern: re.Pattern[str], text: str, by: str, rng: Random) -> str:
    found = [match.span() for match in pattern.finditer(text)]
    if not found:
        return text + by
    start, end = rng.choice(found)
    return text[:start] + by + text[end:]


def _change_line(text: str, rng: Random) -> str:
    lines = text.splitlines(keepends=True)
    if not lines:
        return "\n"
    one, other = (min(rng.randrange(len(lines)), rng.randrange(len(lines))) for _ in range(2))  # headers come first
    what = rng.randrange(8)
    if what == 0:
        del lines[one]
    elif what == 1:
        lines.insert(one, lines[one])
    elif what == 2:
        lines[one], lines[other] = lines[other], lines[one]
    elif what == 3:
        lines[one] = rng.choice(WORDS) + "\n"
    elif what == 4:
        words = re.split(r"([\s,;]+)", lines[one])
        place = rng.randrange(len(words))
        words[place] = rng.choice((rng.choice(WORDS), rng.choice(NUMBERS), rng.choice(words), ""))
        lines[one] = "".join(words)
    elif what == 5:
        lines[one:one] = lines[other : other + rng.randint(1, 20)]
    elif what == 6:
        del lines[one : one + rng.randint(1, 20)]
    else:
        return text[: rng.randint(0, len(text))]
    return "".join(lines)


def _change_whole(text: str, rng: Random) -> str:
    return rng.choice(
        (
            lambda: "\ufeff" + text,
            lambda: text.replace("\n", "\r\n"),
            lambda: text.replace("\n", "\r"),
            lambda: text.replace(".", ","),
            lambda: text.replace(",", ";"),
            lambda: text.replace(" ", "\t"),
            lambda: text.replace(" ", "\u00a0"),
            lambda: text.upper(),
            lambda: text + text,
            lambda: "",
        )
    )()


def _change_text(content: bytes, rng: Random) -> bytes:
    text = content.decode("utf-8", "surrogateescape")
    what = rng.random()
    if what < 0.5:
        text = _replace_one(_NUMBER, text, rng.choice(NUMBERS), rng)
    elif what < 0.95:
        text = _change_line(text, rng)
    else:
        text = _change_whole(text, rng)
    return text.encode("utf-8", "surrogatepass" if "\ud800" in text else "surrogateescape")


def _change_toml(content: bytes, rng: Random) -> bytes:
    if rng.random() < 0.3:
        return _change_text(content, rng)
    text = content.decode("utf-8", "replace")
    return _replace_one(_TOML_VALUE, text, rng.choice(TOML_VALUES), rng).encode("utf-8", "replace")


# ---------------------------------------------------------------------------------------------------------------- JSON


def _places(value: Any) -> list[tuple[Any, Any]]:
    """(container, key) of every value inside of a JSON value."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        inner = waiting.pop()
        keys = list(inner) if isinstance(inner, dict) else range(len(inner)) if isinstance(inner, list) else ()
        for key in keys:
            found.append((inner, key))
            waiting.append(inner[key])
    return found


def _change_json(content: bytes, rng: Random) -> bytes:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):  # an earlier change has broken it
        return _change_text(content, rng)
    places = _places(document)
    if not places or rng.random() < 0.02:
        return json.dumps(rng.choice(VALUES)).encode()
    if rng.random() < 0.5:  # one of the outer ones, else long series get nearly all changes
        places = places[: max(1, len(document))] + [place for place in places if isinstance(place[0], dict)]
    inner, key = rng.choice(places)
    what = rng.random()
    if what < 0.6:
        inner[key] = rng.choice(VALUES)
    elif what < 0.7:
        del inner[key]
    elif what < 0.75 and isinstance(inner, dict):
        inner[rng.choice(WORDS)] = inner.pop(key)
    elif what < 0.8:
        inner[key] = [inner[key]]
    elif what < 0.85 and isinstance(inner, list):
        inner.insert(key, inner[key])
    elif what < 0.9 and isinstance(inner[key], (int, float)):
        inner[key] = str(inner[key])
    else:
        other, name = rng.choice(places)
        inner[key] = json.loads(json.dumps(other[name])) if name in other or isinstance(other, list) else None
    return json.dumps(document).encode()


# --------------------------------------------------------------------------------------------------------- containers


def _change_archive(content: bytes, rng: Random) -> bytes:
    """The headers of arrays, and what stands in them, under checksums that hold."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    except Exception:  # an earlier change has broken it, in whatever way
        return _change_bytes(content, rng)
    if not entries:
        return content
    name = rng.choice(list(entries))
    what = rng.random()
    if what < 0.1:
        del entries[name]
    elif what < 0.2:
        entries[name] = entries[rng.choice(list(entries))]
    elif what < 0.6 and entries[name].startswith(b"\x93NUMPY"):
        entries[name] = _change_array_header(entries[name], rng)
    else:
        entries[name] = _change_bytes(entries[name], rng)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for entry, inside in entries.items():
            archive.writestr(zipfile.ZipInfo(entry), inside)
    return buffer.getvalue()


def _change_array_header(content: bytes, rng: Random) -> bytes:
    length = int.from_bytes(content[8:10], "little")
    header = content[10 : 10 + length].decode("latin1").rstrip()
    if rng.random() < 0.7:
        header = _replace_one(_NUMBER, header, rng.choice(NUMBERS[:-1]), rng)
    else:
        dtypes = (
            "'<f8'",
            "'|O'",
            "'<i8'",
            "'|b1'",
            "'<c16'",
            "'<U4'",
            "'|S0'",
            "'<M8[s]'",
            "'>f2'",
            "[('a', '<f8')]",
            "'x'",
        )
        header = re.sub(r"(?<='descr': )'[^']*'", lambda _: rng.choice(dtypes), header)
    packed = header.encode("latin1", "replace") + b"\n"
    if len(packed) > 0xFFFF:
        return content
    return content[:8] + struct.pack("<H", len(packed)) + packed + content[10 + length :]


def _change_gzip(content: bytes, rng: Random) -> bytes:
    try:
        inside = gzip.decompress(content)
    except Exception:  # an earlier change has broken it, in whatever way
        return _change_bytes(content, rng)
    return gzip.compress(_change_text(inside, rng), 1, mtime=0)


def _change_safetensors(content: bytes, rng: Random) -> bytes:
    length = int.from_bytes(content[:8], "little")
    if rng.random() < 0.4 or length > len(content):
        return _change_bytes(content, rng)
    header = _change_json(content[8 : 8 + length], rng)
    return struct.pack("<Q", len(header)) + header + content[8 + length :]


def _change_png(content: bytes, rng: Random) -> bytes:
    """One chunk, under a checksum that holds."""
    chunks = []
    place = 8
    while place + 12 <= len(content):
        length = int.from_bytes(content[place : place + 4], "big")
        chunks.append((content[place + 4 : place + 8], content[place + 8 : place + 8 + length]))
        place += 12 + length
    if not chunks:
        return _change_bytes(content, rng)
    number = rng.randrange(len(chunks))
    name, inside = chunks[number]
    if name == b"IDAT" and rng.random() < 0.5:
        try:
            inside = zlib.compress(_change_bytes(zlib.decompress(inside), rng), 1)
        except zlib.error:
            inside = _change_bytes(inside, rng)
    else:
        inside = _change_bytes(inside, rng)
    chunks[number] = (
        rng.choice((name, name, name, name, b"tEXt", b"zTXt", b"PLTE", b"tRNS", b"acTL", b"eXIf")),
        inside,
    )
    if rng.random() < 0.1:
        chunks.insert(rng.randrange(len(chunks)), rng.choice(chunks))
    return content[:8] + b"".join(
        struct.pack(">I", len(inside)) + name + inside + struct.pack(">I", zlib.crc32(name + inside))
        for name, inside in chunks
    )


_CHANGES: Final[Mapping[str, Callable[[bytes, Random], bytes]]] = {
    "bytes": _change_bytes, "text": _change_text, "json": _change_json, "toml": _change_toml,
    "archive": _change_archive, "gzip": _change_gzip, "safetensors": _change_safetensors, "png": _change_png,
}  # fmt: skip
