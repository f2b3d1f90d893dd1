"""The contract that every reader of foreign files keeps, as tests to inherit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path

from nakaya.core.errors import NakayaError
from nakaya.records.reader import Reader
from nakaya.records.store import check_record, from_json, to_json

__all__ = ["ReaderContract"]


class ReaderContract(ABC):
    """Promises of `nakaya.records.reader.Reader`. Subclasses say what to test."""

    @abstractmethod
    def make_reader(self) -> Reader:
        """The reader under test."""

    @abstractmethod
    def make_file(self, folder: Path) -> Path:
        """Write a small file that it reads, and return its path."""

    def test_a_file_becomes_records_that_can_be_stored(self, tmp_path: Path) -> None:
        """At least one record, each with an id of its own, each the same after a round trip through JSON."""
        records = list(self.make_reader().read(self.make_file(tmp_path)))
        assert records
        assert len({record.id for record in records}) == len(records)
        for record in records:
            check_record(record)
            assert to_json(from_json(to_json(record))) == to_json(record)

    def test_the_same_file_gives_the_same_records(self, tmp_path: Path) -> None:
        """Reading depends on nothing but the file."""
        file, reader = self.make_file(tmp_path), self.make_reader()
        assert [to_json(record) for record in reader.read(file)] == [to_json(record) for record in reader.read(file)]

    def test_a_file_that_is_cut_off_is_read_or_refused(self, tmp_path: Path) -> None:
        """Whatever stands in a file, only errors that say what to do come out."""
        file = self.make_file(tmp_path)
        content = file.read_bytes()
        for length in (0, 1, len(content) // 2, len(content) - 1):
            file.write_bytes(content[:length])
            with suppress(NakayaError):  # any other error fails
                list(self.make_reader().read(file))
