"""The errors that a user can cause.

Every message is one line that says what came, what was expected and what to do. The command line prints it and leaves
with status 2; anything that is not a `NakayaError` is a mistake of ours and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from nakaya.core.elements import element_meant
from nakaya.core.text import printable

__all__ = [
    "ConfigError",
    "FormatError",
    "InputFileError",
    "MissingExtraError",
    "NakayaError",
    "OtherConfigurationError",
    "OutputError",
    "OutputExistsError",
    "ParameterError",
    "PluginError",
    "StoppedError",
    "UnknownMaterialError",
    "UnknownNameError",
    "UnstatedError",
    "UntrainedMaterialError",
    "nearest_name",
    "nearest_names",
    "shown",
]

MOST_LISTED = 40
"""More known names than these are not listed in an error: it is one line."""

MOST_NEAR = 4
"""Then it has this many of them."""


MOST_CHARACTERS = 1000
"""Of a message: what a file holds may be longer than any screen."""


class NakayaError(Exception):
    """Base of all errors that say what a user can do about them.

    As text it is one printable line: a message may quote what files hold, be it binary or without end.

    >>> import nakaya
    >>> try:
    ...     nakaya.GravnerGriffeath(rho=3)
    ... except nakaya.NakayaError as error:
    ...     print(type(error).__name__)
    ParameterError
    """

    def __str__(self) -> str:
        return _shortened(printable(" ".join(_shortened(super().__str__()).split())))


def _shortened(message: str) -> str:
    """Without its middle: it begins with the file's name, and ends with what to do."""
    if len(message) <= MOST_CHARACTERS:
        return message
    return f"{message[: MOST_CHARACTERS // 2]} ... {message[-MOST_CHARACTERS // 3 :]}"


class ParameterError(NakayaError, ValueError):
    """A value lies outside its documented range, or has the wrong kind."""


class UnstatedError(ParameterError):
    """Something that no file says has to be given; the command line adds its option to the message.

    Args:
        message: What came, and what is missing.
        name: Of the argument that gives it ("lammps_units").
    """

    def __init__(self, message: str, name: str) -> None:
        super().__init__(message)
        self.name = name


class UnknownMaterialError(ParameterError):
    """A material that lacks a potential; the command line adds how to give one."""


class UntrainedMaterialError(ParameterError):
    """A material that a model was not trained on; the command line adds how to train one that was."""


class ConfigError(NakayaError, ValueError):
    """A configuration file cannot be read: a missing, unknown or wrong entry."""


class InputFileError(NakayaError, OSError):
    """A file that was named cannot be read: missing, unreadable, or a directory where a file was expected."""


class FormatError(NakayaError, ValueError):
    """A file can be read but is not what it says: truncated, foreign, or contradicting itself."""


class OutputError(NakayaError, OSError):
    """The output cannot be written: it exists already, the disk is full, or the place is read-only."""


class OutputExistsError(OutputError):
    """Something is there already; the command line adds how to replace it to the message."""


class OtherConfigurationError(OutputExistsError, ConfigError):
    """What is there was begun with another configuration."""


class MissingExtraError(NakayaError, ImportError):
    """An optional dependency is not installed.

    Args:
        what: The feature that was asked for, as a noun ("neural emulators").
        extra: The name of nakaya's extra that brings it ("ml").
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f'{what} need packages that are not installed: run pip install "nakaya[{extra}]"')
        self.extra = extra


class PluginError(NakayaError, ImportError):
    """An installed package brings a plug-in that cannot be loaded."""


class StoppedError(NakayaError):
    """Long work was asked to stop, has kept what it had, and can go on from there.

    Args:
        message: Where it stopped.
        signal: Number of the signal that asked for it; the command line leaves with 128 more, as shells count.
    """

    def __init__(self, message: str, signal: int) -> None:
        super().__init__(message)
        self.signal = signal


class UnknownNameError(NakayaError, LookupError):
    """A name is not among the known ones; the message names the nearest, or the element whose name it is.

    Args:
        kind: What is being named, as a noun ("model", "parameter").
        name: The name that came.
        known: All names that would have been accepted.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        near = nearest_names(name, known, MOST_NEAR)
        if (meant := element_meant(name)) in known:
            near = [meant, *(other for other in near if other != meant)]
        hint = f" did you mean {near[0]!r}?" if near else ""
        listing = ", ".join(known) if known else "none"
        if len(known) > MOST_LISTED:
            listing = f"{len(known)} names, such as {', '.join(near or known[:MOST_NEAR])}"
        super().__init__(f"unknown {kind} {name!r}:{hint} known: {listing}")
        self.kind, self.name, self.nearest = kind, name, near[0] if near else None


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """Return the known name closest in spelling to `name`, or None where nothing is near.

    >>> nearest_name("kapa", ["kappa", "mu"])
    'kappa'
    """
    return next(iter(nearest_names(name, known, 1)), None)


def nearest_names(name: str, known: Iterable[str], count: int) -> list[str]:
    """Return up to `count` known names in the order of their closeness in spelling; none that is not near.

    >>> nearest_names("growth-Cu-100", ["melting-Al", "growth-Cu-110", "growth-Cu-111-s0"], 2)
    ['growth-Cu-110', 'growth-Cu-111-s0']
    """
    folded = {candidate.lower().replace("_", "-"): candidate for candidate in known}
    return [folded[match] for match in get_close_matches(name.lower().replace("_", "-"), folded, count, cutoff=0.5)]


def shown(came: object, most: int = 40) -> str:
    r"""Return what a file holds as a message may quote it: printable and no longer than needed; text in quotes.

    Args:
        came: Text, bytes that may be none, or any value.
        most: Characters or bytes that are shown.

    >>> shown(b"\x1f\x8b\x08")
    "'\\x1f\\x8b\\x08'"
    >>> shown("a" * 50, 3)
    "'aaa'..."
    >>> shown([1] * 50, 7)
    '[1, 1, ...'
    """
    if isinstance(came, (str, bytes)):
        quoted = repr(came[:most]).removeprefix("b")
        return quoted if len(came) <= most else f"{quoted}..."
    text = repr(came)
    return text if len(text) <= most else f"{text[:most]}..."
