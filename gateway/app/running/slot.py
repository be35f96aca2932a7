"""The slot this process runs in. A new process in a slot knows that the previous one is dead."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO
from uuid import uuid4

from gateway.errors import SettingsError

MOST_SLOTS = 64


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot that only this process holds."""

    name: str
    file: TextIO

    def tell(self, url: str) -> None:
        """Records the gateway's URL for commands that use the same data dir."""
        # They also work without it.
        with suppress(OSError):
            self.file.truncate(0)
            self.file.write(url)
            self.file.flush()


@contextmanager
def take_slot(data_dir: Path) -> Iterator[Slot]:
    """Takes the first slot of the data dir that no live process holds; the kernel frees it when this process ends.

    Raises `SettingsError` if the data dir is not writable.
    """
    folder = data_dir / "slots"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        name = _folder_name(folder)
    except OSError as error:
        raise SettingsError(f"The data dir {data_dir} cannot be written ({error}). Set TURNGATE_DATA_DIR.") from error
    for number in range(1, MOST_SLOTS + 1):
        with (folder / f"{number}.lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            file.truncate(0)
            yield Slot(f"{name}:{number}", file)
            return
    raise SettingsError(f"{MOST_SLOTS} gateways already share the data dir {data_dir}.")


def running_urls(data_dir: Path) -> Iterator[str]:
    """The URLs of the gateways that run in this data dir."""
    for path in sorted((data_dir / "slots").glob("*.lock")):
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                if url := file.read():
                    yield url


def _folder_name(folder: Path) -> str:
    path = folder / "name"
    if not path.exists():
        draft = folder / uuid4().hex
        draft.write_text(draft.name)
        # A link appears whole or not at all, and only the first one stays.
        with suppress(FileExistsError):
            path.hardlink_to(draft)
        draft.unlink()
    return path.read_text()
