"""Addresses of databases as messages, reports and logs may show them: without what is secret in them."""

from __future__ import annotations

import re

__all__ = ["HIDDEN", "is_plain_address", "without_secrets"]

HIDDEN = "***"

_SCHEME = r"(?P<scheme>[A-Za-z][A-Za-z0-9_+]*)://"
_FILE = re.compile(r"sqlite(?:\+\w+)?:///[^?]*")
# Strict, so that no part of a password passes for anything else: "@", "/" and "?" in one are written as %40, %2F, %3F.
_SERVER = re.compile(
    _SCHEME + r"(?:(?P<user>[^\s:/@?=]*)(?P<password>:[^\s/@?]*)?@)?"
    r"(?P<place>(?:\[[0-9A-Fa-f:.]+\]|[^\s:/@?=&;\[\]]*)(?::[0-9]{0,5})?(?:/[^\s:/@?=&;]*)?)"
    r"(?:\?[^\s@]*)?"
)


def is_plain_address(text: str) -> bool:
    """Whether a text is SCHEME://USER:PASSWORD@HOST:PORT/DATABASE?QUERY, or parts of it, readable in one way only."""
    return _FILE.fullmatch(text.partition("?")[0]) is not None or _SERVER.fullmatch(text) is not None


def without_secrets(text: str) -> str:
    """Return an address, right or mistyped, without its password and without its query, which may hold one.

    What cannot be read with certainty is hidden altogether.

        >>> without_secrets("postgresql://me:secret@host/studies?password=secret")
        'postgresql://me:***@host/studies?***'
        >>> without_secrets("sqlite:////home/me/study.db")
        'sqlite:////home/me/study.db'
        >>> without_secrets("postgresql://me:se@cret@host/studies")
        'postgresql://***'
    """
    place = text.partition("?")[0]
    hidden_query = f"?{HIDDEN}" if "?" in text else ""
    if _FILE.fullmatch(place):
        return place + hidden_query
    if server := _SERVER.fullmatch(text):
        user = "" if server["user"] is None else f"{server['user']}{':' + HIDDEN if server['password'] else ''}@"
        return f"{server['scheme']}://{user}{server['place']}{hidden_query}"
    if scheme := re.match(_SCHEME, text):
        return f"{scheme[0]}{HIDDEN}"
    return text if re.fullmatch(r"(?:sqlite:)?[^:@?=]*", text) else HIDDEN
