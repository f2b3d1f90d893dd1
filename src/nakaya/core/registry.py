"""What there is by name: our own entries, stated in code, and plug-ins, stated by installed packages as entry points.

Nothing is imported before it is asked for. A plug-in that cannot be loaded costs one warning: whoever lists names goes
on without it, and who asks for it by name is told which package is to blame.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar

from nakaya.core.errors import MissingExtraError, PluginError, UnknownNameError

__all__ = ["Registry"]

logger = logging.getLogger(__name__)

Entry = TypeVar("Entry")


class Registry(Generic[Entry]):
    """Entries of one kind by name.

    Args:
        kind: What is named, for messages ("model").
        group: Entry point group of plug-ins ("nakaya.growers").
        expected: The class that an entry must be of.
        ours: "module:attribute" by name. A plug-in cannot take a name of ours.
    """

    def __init__(self, kind: str, group: str, expected: type[Entry], ours: Mapping[str, str]) -> None:
        self.kind, self.group, self.expected, self.ours = kind, group, expected, dict(ours)
        self._loaded: dict[str, Entry] = {}
        self._faults: dict[str, str] = {}

    @cached_property
    def _plugins(self) -> dict[str, EntryPoint]:
        found: dict[str, EntryPoint] = {}
        for entry in sorted(entry_points(group=self.group), key=lambda entry: (entry.name, _package_of(entry))):
            if entry.name in self.ours or entry.name in found:
                logger.warning("%s %r of %s is left out: the name is taken", self.kind, entry.name, _package_of(entry))
            else:
                found[entry.name] = entry
        return found

    def names(self) -> tuple[str, ...]:
        """All names that are stated, sorted; whether they can be loaded is not known."""
        return tuple(sorted({*self.ours, *self._plugins}))

    def find(self, name: str) -> Entry:
        """Return the entry of this name.

        Raises:
            UnknownNameError: There is none.
            MissingExtraError: It needs packages that are not installed.
            PluginError: It belongs to a package that is broken.
        """
        if name not in self._loaded:
            if name in self.ours:
                module, _, attribute = self.ours[name].partition(":")
                self._loaded[name] = getattr(import_module(module), attribute)
            elif name in self._plugins:
                self._loaded[name] = self._load(self._plugins[name])
            else:
                raise UnknownNameError(self.kind, name, self.names())
        return self._loaded[name]

    def package_of(self, name: str) -> str | None:
        """Return the package that brings a plug-in; None where the name is ours, or not known."""
        return _package_of(self._plugins[name]) if name in self._plugins else None

    def load_all(self) -> dict[str, Entry]:
        """Return all entries that can be loaded, by name; each of the others is warned of once."""
        found: dict[str, Entry] = {}
        for name in self.names():
            try:
                found[name] = self.find(name)
            except MissingExtraError:
                continue
            except PluginError as error:
                if name not in self._faults:
                    self._faults[name] = str(error)
                    logger.warning("%s", error)
        return found

    def _load(self, entry: EntryPoint) -> Entry:
        try:
            loaded = entry.load()
        except MissingExtraError:
            raise
        except (Exception, SystemExit) as error:  # code of others: whatever it does at import is its fault alone
            raise self._fault(entry, f"{type(error).__name__}: {error}") from error
        if not isinstance(loaded, self.expected):
            raise self._fault(entry, f"{entry.value} is {type(loaded).__name__}, not {self.expected.__name__}")
        if getattr(loaded, "name", entry.name) != entry.name:
            raise self._fault(entry, f"it calls itself {loaded.name!r}")  # type: ignore[attr-defined]
        return loaded

    def _fault(self, entry: EntryPoint, reason: str) -> PluginError:
        return PluginError(
            f"{self.kind} {entry.name!r} of the package {_package_of(entry)} cannot be loaded ({reason}): "
            f"update or uninstall {_package_of(entry)}"
        )


def _package_of(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.value
