"""Give every reader files that are broken in ways that its format allows, and see that it reads or refuses them.

    python3 nk.py benchmark fuzz --out findings
    python3 nk.py benchmark fuzz ctf records --minutes 5 --out findings
    python3 nk.py benchmark fuzz ctf --out findings --repeat 1234

An input follows from the seed, the reader's name and its number alone. A reader runs in a process of its own that may
take one gigabyte more than reading sound files takes; where it dies, or takes too long, that is a fault, too.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import shutil
import signal
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random, SystemRandom
from typing import Annotated, Any, Final

import typer

from benchmarks.fuzz_changes import changed, kind_of
from benchmarks.fuzz_foreign import FOREIGN
from benchmarks.fuzz_own import OWN
from benchmarks.fuzz_readers import Files, Reader
from nakaya.cli.output import echo_json
from nakaya.core.errors import FormatError, NakayaError, ParameterError, UnknownNameError
from nakaya.core.files import write_whole

__all__ = ["Fault", "Findings", "attempt", "fuzz", "fuzz_inputs", "fuzz_reader", "make_input"]

READERS: Final = {**FOREIGN, **OWN}

SECONDS_AN_INPUT: Final = 60.0
"""A reader that thinks longer about a file of a few kilobytes hangs. Seconds of the processor, here and below: a busy
machine decides nothing."""

WAITING: Final = 20.0
"""Seconds that pass at most for one of the processor: a reader may wait for ever, too."""

MEMORY_BYTES: Final = 2**30
"""What a file up to `MOST_BYTES` may cost beyond what sound files cost."""

MOST_BYTES: Final = 10_000_000
MOST_KEPT: Final = 3
"""Inputs of one fault that are kept."""

SECONDS_A_REPORT: Final = 1.0


class _TookTooLongError(BaseException):
    """Not an `Exception`: readers of damaged files catch those."""


@dataclass
class Fault:
    """A way in which a reader neither read nor refused.

    Attributes:
        error: Type of the exception; "too long", or "died (signal)".
        place: Innermost function of nakaya, "module:function".
        message: Of its first exception.
        count: How often it came.
        inputs: Numbers of the first inputs.
    """

    error: str
    place: str
    message: str
    count: int = 0
    inputs: list[int] = field(default_factory=list)


@dataclass
class Findings:
    """What came of the inputs of one reader; seconds are of the processor."""

    reader: str
    seed: int
    inputs: int = 0
    seconds: float = 0.0
    read: int = 0
    refused: int = 0
    faults: dict[str, Fault] = field(default_factory=dict)

    @property
    def foreign(self) -> int:
        """Inputs that were neither read nor refused."""
        return sum(fault.count for fault in self.faults.values())

    def add(self, number: int, outcome: str | Fault) -> bool:
        """Count the outcome of the next input; return whether its fault is new enough to be kept."""
        self.inputs = number + 1
        if isinstance(outcome, str):
            self.read += outcome == "read"
            self.refused += outcome == "refused"
            return False
        fault = self.faults.setdefault(f"{outcome.error} {outcome.place}", outcome)
        fault.count += 1
        if len(fault.inputs) >= MOST_KEPT:
            return False
        fault.inputs.append(number)
        return True


def make_input(reader: Reader, sound: Sequence[Files], name: str, seed: int, number: int) -> Files:
    """Return an input: one of the sound ones, with one file changed, or two."""
    rng = Random(f"{seed} {name} {number}")
    files = dict(rng.choice(sound))
    names = sorted(files)
    # Documents say what the rest is: they are changed as often as all bulk together.
    telling = [entry for entry in names if kind_of(entry) in ("json", "toml")]
    for _ in range(rng.choice((1, 1, 1, 2))):
        chosen = rng.choice(telling if telling and rng.random() < 0.5 else names)
        files[chosen] = changed(files[chosen], kind_of(chosen), rng)[:MOST_BYTES]
    return reader.seal(files) if rng.random() < 0.7 else files


def attempt(reader: Reader, files: Files, folder: Path, *, seconds: float | None = SECONDS_AN_INPUT) -> str | Fault:
    """Let a reader read an input: "read", "refused", or the fault.

    Args:
        reader: The reader.
        files: The input.
        folder: Empty; emptied again.
        seconds: After which it hangs; None: never, as outside of a main thread, where no clock can be set.
    """
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    try:
        with _time_limit(seconds), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reader.read(folder)
    except NakayaError as error:
        str(error).encode()  # as it goes to a terminal
        return "refused"
    except _TookTooLongError as error:
        return Fault("too long", _place(error), f"more than {seconds:g} s")
    except Exception as error:
        return Fault(type(error).__name__, _place(error), str(error)[:200])
    finally:
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return "read"


@contextmanager
def _time_limit(seconds: float | None) -> Iterator[None]:
    if seconds is None or not hasattr(signal, "SIGPROF"):
        yield
        return

    def stop(*_: object) -> None:
        raise _TookTooLongError

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _place(error: BaseException) -> str:
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    own = [frame for frame in frames if str(frame.f_globals.get("__name__", "")).startswith("nakaya.")]
    frame = (own or frames)[-1]
    return f"{frame.f_globals.get('__name__')}:{frame.f_code.co_name}"


def fuzz_inputs(name: str, seed: int, numbers: Sequence[int]) -> Findings:
    """Try some inputs of a reader in this process, without limits: for tests, which know what they try."""
    reader, findings, sound = READERS[name], Findings(name, seed), _sound(name)
    with tempfile.TemporaryDirectory(prefix="nakaya-fuzz-") as scratch:
        for number in numbers:
            findings.add(number, attempt(reader, make_input(reader, sound, name, seed, number), Path(scratch)))
    return findings


# ------------------------------------------------------------------------------------------------------- long searches


def fuzz_reader(
    name: str, seed: int, out: Path, *, inputs: int, seconds: float, progress: Callable[[Findings], None] | None = None
) -> Findings:
    """Try inputs of a reader until there were so many, or for so long; go on where an earlier call stopped.

    Args:
        name: Of the reader.
        seed: Of the inputs; a folder of findings belongs to one.
        out: Folder of the findings: NAME.json, and of every fault NAME/NUMBER/ with the files of its input.
        inputs: How many, those of earlier calls included.
        seconds: Of the processor, those of earlier calls included.
        progress: Called about once a second.

    Raises:
        ParameterError: The findings there are of another seed.
        FormatError: They are damaged, or a sound file is not read.
    """
    findings = _earlier(name, seed, out)
    while findings.inputs < inputs and findings.seconds < seconds:
        _one_process(findings, out, inputs, seconds, progress)
    return findings


def _state(out: Path, name: str) -> Path:
    return out / f"{name}.json"


def _earlier(name: str, seed: int, out: Path) -> Findings:
    path = _state(out, name)
    if not path.is_file():
        return Findings(name, seed)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        faults = {key: Fault(**fault) for key, fault in document.pop("faults").items()}
        found = Findings(**document, faults=faults)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise FormatError(f"{path} holds no findings ({error}): choose another folder") from None
    if found.seed != seed:
        raise ParameterError(
            f"{path} was begun with seed {found.seed}, not {seed}: choose another folder, or that seed"
        )
    return found


def _one_process(
    findings: Findings, out: Path, inputs: int, seconds: float, progress: Callable[[Findings], None] | None
) -> None:
    """Run a process until it is through, or dead; then the input that killed it is a fault."""
    context = multiprocessing.get_context("spawn")
    current = context.Value("q", -1)
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(
        target=_work, args=(findings.reader, findings.seed, findings.inputs, inputs, theirs, current), daemon=True
    )
    process.start()
    theirs.close()
    try:
        while True:
            if not ours.poll(SECONDS_AN_INPUT * WAITING):
                process.kill()  # code that lets no signal through
            try:
                message = ours.recv()
            except EOFError:
                break
            if isinstance(message, str):
                raise FormatError(f"the reader {findings.reader} does not read a sound file: {message}")
            batch, used = message
            for number, outcome in batch:
                if findings.add(number, outcome):
                    _keep(findings, out, number)
            findings.seconds += used
            write_whole(_state(out, findings.reader), (json.dumps(asdict(findings), indent=1) + "\n").encode())
            if progress is not None:
                progress(findings)
            if findings.seconds >= seconds or findings.inputs >= inputs:
                return
        process.join()
        number = max(current.value, findings.inputs)  # none of those between: they were reported only when all was well
        for missing in range(findings.inputs, number):
            findings.add(missing, "unreported")
        if findings.add(number, Fault(f"died ({process.exitcode})", "unknown", "the process ended without a word")):
            _keep(findings, out, number)
        write_whole(_state(out, findings.reader), (json.dumps(asdict(findings), indent=1) + "\n").encode())
    finally:
        process.kill()
        process.join()


@cache
def _sound(name: str) -> list[Files]:
    return READERS[name].make()


def _keep(findings: Findings, out: Path, number: int) -> None:
    name = findings.reader
    for entry, content in make_input(READERS[name], _sound(name), name, findings.seed, number).items():
        path = out / name / str(number) / entry
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _work(name: str, seed: int, first: int, end: int, parent: Connection, current: Any) -> None:
    """In the process of a reader: warm up, limit the memory, try."""
    logging.disable(logging.CRITICAL)  # libraries tell at length what is odd about a file
    reader, sound = READERS[name], _sound(name)
    with tempfile.TemporaryDirectory(prefix="nakaya-fuzz-", dir=_fast_folder()) as scratch:
        folder = Path(scratch)
        for files in sound:
            outcome = attempt(reader, files, folder, seconds=None)
            if outcome != "read":
                parent.send(str(outcome))
                return
        _limit_memory()
        _silence()
        batch: list[tuple[int, str | Fault]] = []
        reported, spent = time.monotonic(), time.process_time()
        for number in range(first, end):
            current.value = number
            batch.append((number, attempt(reader, make_input(reader, sound, name, seed, number), folder)))
            if not isinstance(batch[-1][1], str) or time.monotonic() - reported > SECONDS_A_REPORT:
                now = time.process_time()
                parent.send((batch, now - spent))
                batch, reported, spent = [], time.monotonic(), now
        parent.send((batch, time.process_time() - spent))


def _fast_folder() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def _silence() -> None:
    """What libraries in C say about damaged files goes past logging and `sys.stderr`."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)


def _limit_memory() -> None:
    """From here on, `MEMORY_BYTES` more than now: what is too much is a MemoryError."""
    status = Path("/proc/self/statm")
    if not status.is_file():  # where nothing tells how much that is
        return
    import resource  # not on Windows

    now = int(status.read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY_BYTES, resource.RLIM_INFINITY))


def _repeat(name: str, seed: int, number: int) -> None:
    reader = READERS[name]
    with tempfile.TemporaryDirectory(prefix="nakaya-fuzz-") as scratch:
        folder = Path(scratch)
        files = make_input(reader, _sound(name), name, seed, number)
        for entry, content in files.items():
            (folder / entry).parent.mkdir(parents=True, exist_ok=True)
            (folder / entry).write_bytes(content)
        try:
            reader.read(folder)
        except NakayaError as error:
            typer.echo(f"refused: {error}")
        else:
            typer.echo("read")


def fuzz(
    readers: Annotated[list[str] | None, typer.Argument(help="Readers; all if left out.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the findings; goes on with what is there.")] = Path("fuzz"),
    inputs: Annotated[int, typer.Option(min=1, help="Inputs of each reader.")] = 100_000,
    minutes: Annotated[
        float, typer.Option(min=0.01, help="Processor minutes of each reader, if those come first.")
    ] = 30.0,
    seed: Annotated[int | None, typer.Option(min=0, help="Of the inputs; drawn if left out.")] = None,
    repeat: Annotated[int | None, typer.Option(min=0, help="Read this input of one reader again.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Give every reader damaged and lying files; what is neither read nor refused is a fault, and kept.

    Example: python3 nk.py benchmark fuzz ctf records --minutes 5 --out findings

    Leaves with status 1 where there is a fault. A finding is repeated by --repeat with the number of its folder.
    """
    names = list(readers or READERS)
    for name in names:
        if name not in READERS:
            raise UnknownNameError("reader", name, READERS)
    out.mkdir(parents=True, exist_ok=True)
    seed = _seed(out, seed)
    if repeat is not None:
        for name in names:
            _repeat(name, seed, repeat)
        return
    typer.echo(f"seed {seed}", err=True)
    found = []
    for name in names:
        found.append(fuzz_reader(name, seed, out, inputs=inputs, seconds=60 * minutes))
        typer.echo(_line(found[-1]), err=True)
    if as_json:
        echo_json({"seed": seed, "readers": found})
    else:
        typer.echo(f"{'reader':20s} {'inputs':>8s} {'seconds':>8s} {'read':>8s} {'refused':>8s} {'foreign':>8s}")
        for findings in found:
            typer.echo(_line(findings))
            for fault in findings.faults.values():
                numbers = ", ".join(map(str, fault.inputs))
                typer.echo(f"  {fault.count} x {fault.error} in {fault.place}: {fault.message!a}: inputs {numbers}")
    if any(findings.foreign for findings in found):
        raise typer.Exit(1)


def _line(findings: Findings) -> str:
    return (
        f"{findings.reader:20s} {findings.inputs:8d} {findings.seconds:8.0f} {findings.read:8d} "
        f"{findings.refused:8d} {findings.foreign:8d}"
    )


def _seed(out: Path, seed: int | None) -> int:
    """The seed that was given, or that of the folder; else any."""
    path = out / "seed"
    if seed is None:
        try:
            return int(path.read_text(encoding="ascii")) if path.is_file() else _write_seed(path, _any_seed())
        except ValueError:
            raise FormatError(f"{path} holds no seed: choose another folder") from None
    return seed if path.is_file() else _write_seed(path, seed)


def _any_seed() -> int:
    return SystemRandom().randrange(2**31)


def _write_seed(path: Path, seed: int) -> int:
    write_whole(path, f"{seed}\n".encode())
    return seed
