"""Results of an analysis kept for the next kernel, so that a study is estimated once for all its languages.

The runner names a folder in the environment; without it, as in a notebook opened by hand, everything
is computed. A result is found again by what it was computed from: the function, the prepared study
(its keys, its overrides, every file that was read for it) and plain arguments. The folder itself stands
for the code, the data and the versions, so that nothing in it can be out of date.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import pickle
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np
import pandas as pd
from pydantic import BaseModel

from evaluation.reads import reading, watched_root

VARIABLE = "EVALUATION_STORE"
"""Name of the environment variable that names the folder, relative to the project's."""

_P = ParamSpec("_P")
_T = TypeVar("_T")


class _UnknownError(Exception):
    """An argument whose content cannot be told from another's."""


_known: dict[int, tuple[Any, str]] = {}  # the object is held, so that its id stays its own


def stored(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Keep what a function of a prepared study returns, and find it again in another kernel.

    For functions that depend on nothing but their arguments. The first is what `prepare` returned; the
    others are plain values, models of the study file, tables, dataclasses of these, or what another stored
    function returned. Anything else is computed as if this were not here, and so is a result that cannot be
    pickled.
    """
    signature = inspect.signature(function)
    name = f"{function.__module__}.{function.__qualname__}"

    @wraps(function)
    def found(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        folder = os.environ.get(VARIABLE)
        if not folder:
            return function(*args, **kwargs)
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        try:
            said = [name, *(f"{key}={_said(value)}" for key, value in given.arguments.items())]
        except _UnknownError:
            return function(*args, **kwargs)
        key = _digest("\n".join(said).encode())
        path = Path(watched_root() or ".", folder, f"{name.rpartition('.')[2]}-{key}")
        kept = _load(path)
        if kept is None:
            with reading() as files:
                value = function(*args, **kwargs)
            _keep(path, value, files)
        else:
            value = kept[0]
        _remember(value, f"result {key}")
        return value

    return found


def know(case: Any, study: BaseModel, overrides: Mapping[str, Any], files: Iterable[str]) -> None:
    """Remember what a prepared study was made from; `stored` tells it by that from another.

    Parameters
    ----------
    case : object
        The study with its data.
    study : BaseModel
        As it was read, overrides included.
    overrides : mapping
    files : iterable of str
        Paths under the project folder that were read for it.
    """
    if os.environ.get(VARIABLE):
        content = [study.model_dump_json(), json.dumps(dict(overrides), sort_keys=True, default=str)]
        content += [f"{path} {digest}" for path, digest in sorted(_digests(files).items())]
        _known[id(case)] = (case, f"case {_digest(chr(10).join(content).encode())}")


def _remember(value: Any, token: str, depth: int = 2) -> None:
    """Know a result, and the results inside it, by what they came from."""
    inner: Iterable[tuple[Any, Any]] = ()
    if is_dataclass(value) and not isinstance(value, type):
        _known[id(value)] = (value, token)
        inner = [(field.name, getattr(value, field.name)) for field in fields(value)]
    elif isinstance(value, Mapping):
        inner = value.items()
    elif isinstance(value, list | tuple):
        inner = enumerate(value)
    if depth:
        for name, item in inner:
            _remember(item, f"{token}/{name}", depth - 1)


def _said(value: Any) -> str:
    """An argument as text that is the same for the same content, whatever the process."""
    known = _known.get(id(value))
    if known is not None:
        return known[1]
    if value is None or isinstance(value, bool | int | float | str | Path):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"{type(value).__name__}({','.join(map(_said, value))})"
    if isinstance(value, Mapping):
        return f"mapping({','.join(f'{_said(k)}:{_said(v)}' for k, v in value.items())})"
    if isinstance(value, BaseModel):
        return f"{_class(value)}{value.model_dump_json()}"
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return f"array{value.shape}{value.dtype.str}{_digest(np.ascontiguousarray(value).tobytes())}"
    if isinstance(value, pd.DataFrame):
        columns = [f"{name!r}={_said(value[name])}" for name in value.columns]
        return f"table({_values(value.index)};{','.join(columns)})"
    if isinstance(value, pd.Series):
        return f"column({_values(value.index)};{_values(value)})"
    if is_dataclass(value) and not isinstance(value, type):
        content = ",".join(f"{field.name}={_said(getattr(value, field.name))}" for field in fields(value))
        return f"{_class(value)}({content})"
    raise _UnknownError


def _class(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _values(values: pd.Series | pd.Index) -> str:
    """Values and their type."""
    if values.dtype == object:
        return ",".join(map(_said, values))
    try:
        hashed = np.asarray(pd.util.hash_pandas_object(values, index=False))
    except TypeError as error:
        raise _UnknownError from error
    return f"{values.dtype}{_digest(hashed.tobytes())}"


def _load(path: Path) -> tuple[Any] | None:
    """A kept result in a tuple; None if there is none, it is damaged, or a file it was read from changed."""
    try:
        if not _own(path.parent):
            return None
        head, _, payload = path.read_bytes().partition(b"\n")
        said = json.loads(head)
        if said["sha256"] != _digest(payload) or _digests(said["files"]) != said["files"]:
            return None
        return (pickle.loads(payload),)
    except (OSError, ValueError, KeyError, TypeError, pickle.UnpicklingError, AttributeError, ImportError):
        return None


def _keep(path: Path, value: Any, files: Iterable[str]) -> None:
    """Write a result whole; what cannot be kept is computed again, which costs only time."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        payload = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
        head = json.dumps({"sha256": _digest(payload), "files": _digests(files)})
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if _own(path.parent):
            temporary.write_bytes(head.encode() + b"\n" + payload)
            os.replace(temporary, path)
    except (OSError, pickle.PicklingError, TypeError, AttributeError, RecursionError):
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _own(folder: Path) -> bool:
    """Whether only this user can have written into the folder: a pickle runs what it holds."""
    if os.name != "posix":
        return True
    facts = folder.stat()
    return facts.st_uid == os.getuid() and not facts.st_mode & 0o022


def _digests(files: Iterable[str]) -> dict[str, str]:
    root = watched_root() or "."
    found = {}
    for path in sorted(files):
        try:
            found[path] = _digest(Path(root, path).read_bytes())
        except OSError:
            found[path] = "absent"
    return found


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
