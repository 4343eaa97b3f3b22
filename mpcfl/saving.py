"""Writing results: a file is there whole or not at all, and nothing that was saved before is lost."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from mpcfl.errors import ResourceError, UsageError

LOCK = "lock"


def check_target(path: Path) -> None:
    """Refuse, before the work whose result goes there, what a file must not take the place of.

    Raises
    ------
    UsageError
        Something stands there that is no regular file (a folder, a device, a link), or its folder does not exist.
    """
    if os.path.lexists(path) and (path.is_symlink() or not path.is_file()):
        raise UsageError(f"{path} is no regular file and is not replaced: name another", file=str(path))
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent} for {path.name}", file=str(path))


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file (mode 0600) to write to, which takes the place of `path` in one step that survives a crash.

    Raises
    ------
    UsageError
        As of `check_target`.
    ResourceError
        It cannot be written; what was there before still is.
    """
    check_target(path)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise ResourceError(f"{path} cannot be written: {error.strerror or error}", file=str(path)) from None


def write_json(path: Path, document: Any) -> None:
    """Write a JSON file as of `replacing`."""
    with replacing(path) as file:
        file.write(json.dumps(document, indent=2, allow_nan=False).encode() + b"\n")


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file as of `replacing`."""
    with replacing(path) as file:
        file.write(content)


def move_aside(path: Path) -> Path | None:
    """Rename an existing file to the first free NAME.1, NAME.2, ...; its new place, or None if there is no such file.

    Raises
    ------
    UsageError
        As of `check_target`.
    ResourceError
        It cannot be renamed.
    """
    if not os.path.lexists(path):
        return None
    check_target(path)
    number = 1
    while os.path.lexists(target := path.with_name(f"{path.name}.{number}")):
        number += 1
    try:
        path.rename(target)
    except OSError as error:
        raise ResourceError(f"{path} cannot be moved aside: {error.strerror or error}", file=str(path)) from None
    return target


def make_folder(path: Path) -> None:
    """Make a folder (mode 0700) and what is missing above it.

    Raises
    ------
    UsageError
        That cannot be.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise UsageError(f"the folder {path} cannot be made: {error.strerror or error}", file=str(path)) from None


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep a folder to this process alone; the lock goes with the process, however that ends.

    Raises
    ------
    UsageError
        Another process has it.
    """
    make_folder(folder)
    try:
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UsageError(f"{folder} cannot be used: {error.strerror or error}", file=str(folder)) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise UsageError(
            f"another process works in {folder}: wait for it, or give another --state-dir", file=str(folder)
        ) from None
    try:
        yield
    finally:
        os.close(handle)
