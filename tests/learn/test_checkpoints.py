"""Checkpoints: exact, refused where they do not belong, never executed."""

from __future__ import annotations

import contextlib
import os
import pickle
import zipfile
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason='networks need the extra "ml"')

from nakaya.core.errors import ConfigError, FormatError, InputFileError  # noqa: E402
from nakaya.learn.checkpoints import load_state, parse_weights, save_state, save_weights  # noqa: E402


def test_a_state_comes_back_exactly(tmp_path: Path) -> None:
    state = {"network": {"w": torch.randn(3, 2)}, "updates": 7, "validation": {"iou": 0.5}, "list": [1, 2.5, "x"]}
    save_state(tmp_path / "c.pt", state, fingerprint="a")
    read = load_state(tmp_path / "c.pt", fingerprint="a")
    assert torch.equal(read["network"]["w"], state["network"]["w"])
    assert {name: read[name] for name in ("updates", "validation", "list")} == {
        name: state[name] for name in ("updates", "validation", "list")
    }
    assert os.listdir(tmp_path) == ["c.pt"]


def test_a_state_of_another_configuration_is_refused(tmp_path: Path) -> None:
    save_state(tmp_path / "c.pt", {"updates": 1}, fingerprint="a")
    with pytest.raises(ConfigError, match="another configuration"):
        load_state(tmp_path / "c.pt", fingerprint="b")


@pytest.mark.parametrize("kept", [0, 1, 100, 0.5])
def test_a_truncated_state_is_refused(tmp_path: Path, kept: float) -> None:
    path = tmp_path / "c.pt"
    save_state(path, {"w": torch.zeros(100)}, fingerprint="a")
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if isinstance(kept, float) else kept])
    with pytest.raises(FormatError, match="not a whole checkpoint"):
        load_state(path, fingerprint="a")


@pytest.mark.parametrize("is_sealed", [True, False])
def test_a_flipped_bit_is_refused_before_it_is_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_sealed: bool
) -> None:
    """With and without the checksum that files of earlier versions do not have; those still open when whole."""
    path = tmp_path / "c.pt"
    if is_sealed:
        save_state(path, {"w": torch.full((64,), 5.0)}, fingerprint="a")
    else:
        torch.save({"format": 1, "fingerprint": "a", "state": {"w": torch.full((64,), 5.0)}}, path)
    assert torch.equal(load_state(path, fingerprint="a")["w"], torch.full((64,), 5.0))
    content = bytearray(path.read_bytes())
    weights = content.index(torch.full((64,), 5.0).numpy().tobytes())
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("it was parsed"))
    for place in (*range(weights, weights + 256, 16), *(range(0, len(content), 97) if is_sealed else ())):
        damaged = content.copy()
        damaged[place] ^= 0x08
        path.write_bytes(damaged)
        with pytest.raises(FormatError, match="not a whole checkpoint"):
            load_state(path, fingerprint="a")


def test_a_checkpoint_whose_checksum_holds_and_whose_inside_does_not_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    torch.save({"format": 1, "fingerprint": "a", "state": {"w": torch.zeros(3)}}, path)
    with zipfile.ZipFile(path) as archive:
        inside = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    for name, content in inside.items():
        for kept in (0, 1, len(content) // 2, len(content) - 1):
            with zipfile.ZipFile(path, "w") as archive:
                for other, whole in inside.items():
                    archive.writestr(other, whole[:kept] if other == name else whole)
            with contextlib.suppress(FormatError):  # a few entries say nothing that is needed
                load_state(path, fingerprint="a")


@pytest.mark.parametrize("content", [{}, {"format": 1}, {"format": 1, "state": {}}, {"state": {}, "fingerprint": "a"}])
def test_a_checkpoint_that_says_too_little_is_refused(tmp_path: Path, content: dict[str, object]) -> None:
    torch.save(content, tmp_path / "c.pt")
    with pytest.raises(FormatError, match="not a checkpoint of format 1"):
        load_state(tmp_path / "c.pt", fingerprint="a")


def test_a_checkpoint_that_is_not_there_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="cannot read .*c.pt: no such file"):
        load_state(tmp_path / "c.pt", fingerprint="a")


class _Trap:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (os.environ["NAKAYA_TRAP"],)


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAKAYA_TRAP", str(tmp_path / "sprung"))
    path = tmp_path / "c.pt"
    torch.save({"format": 1, "fingerprint": "a", "state": _Trap()}, path)
    with pytest.raises(FormatError):
        load_state(path, fingerprint="a")
    path.write_bytes(pickle.dumps(_Trap()))
    with pytest.raises(FormatError):
        load_state(path, fingerprint="a")
    assert not (tmp_path / "sprung").exists()


def test_a_failed_write_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    save_state(path, {"updates": 1}, fingerprint="a")
    with pytest.raises(Exception, match="lambda|pickle"):
        save_state(path, {"updates": lambda: 1}, fingerprint="a")
    assert load_state(path, fingerprint="a")["updates"] == 1
    assert os.listdir(tmp_path) == ["c.pt"]


def test_weights_come_back_exactly_and_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    weights = {"b": torch.randn(2, 3, 3, 3).contiguous(memory_format=torch.channels_last), "a": torch.randn(4)}
    save_weights(tmp_path / "1", weights)
    save_weights(tmp_path / "2", dict(reversed(weights.items())))
    content = (tmp_path / "1").read_bytes()
    assert content == (tmp_path / "2").read_bytes()
    assert all(torch.equal(value, weights[name]) for name, value in parse_weights(content).items())


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    save_weights(tmp_path / "w", {"a": torch.randn(4)})
    content = (tmp_path / "w").read_bytes()
    for damaged in (b"", content[:10], content[:-1], b"\xff" * 8 + content[8:]):
        with pytest.raises(FormatError, match="safetensors"):
            parse_weights(damaged)
