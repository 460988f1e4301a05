"""``evaluation publish``: a complete site in its place at one stroke, or the old one as it was."""

from __future__ import annotations

import hashlib
import html
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from evaluation.errors import OutputError, ReportError, shortlist
from evaluation.pipeline.kernels.execute import LANGUAGES
from evaluation.pipeline.publishing.feed import MEDIA, feed_name, feeds
from evaluation.pipeline.site import damaged, generated_now, unfinished

_PARTS = (
    "index.html",
    "*/*.html",
    "variants/*/*.html",
    "variants/*/result.json",
    "variants/*/comparison.json",
    "results/*.json",
    "history/*/*.json",
)
"""What belongs to a site; a file that a run is still writing, or anybody else's, does not."""

RELEASES = ".releases"
KEEP = 2


@dataclass(frozen=True)
class Published:
    """What was done: where the site stands, how many files and bytes, and whether anything was new.

    ``left_out`` names result files that cannot be read, which are not published.
    """

    target: str
    files: int
    size: int
    changed: bool
    left_out: tuple[str, ...] = ()


def site_files(reports: Path, url: str = "") -> dict[str, bytes]:
    """All files of a site by their address, feeds included, checked to be whole.

    Raises
    ------
    ReportError
        There is no index, a result has no page, or a page links to what is not there.
    """
    half = unfinished(reports)
    if half:
        raise ReportError(
            "a run is replacing pages, or was ended while it did: some are new and some old",
            where=shortlist([path.relative_to(reports).as_posix() for path in half]),
            expected="pages and results of one run",
            fix="wait until the run is done, or run the studies again: make report",
        )
    cut = damaged(reports)
    found = {
        path.relative_to(reports).as_posix(): path.read_bytes()
        for pattern in _PARTS
        for path in sorted(reports.glob(pattern))
        if path.is_file()
        and path not in cut
        and not any(part.startswith(".") for part in path.relative_to(reports).parts)
    }
    if "index.html" not in found:
        raise ReportError(
            "there is no site to publish",
            where="the reports folder has no index.html",
            fix="make the reports first: make report",
        )
    made = feeds(reports, url)
    found.update({name: text.encode("utf-8") for name, text in made.items()})
    found["index.html"] = _with_feeds(found["index.html"].decode("utf-8")).encode("utf-8")
    _require_whole(found)
    return dict(sorted(found.items()))


def _with_feeds(index: str) -> str:
    """The index with links by which a feed reader finds the feeds."""
    from evaluation.report import language as words
    from evaluation.report.check import require_safe

    links = "".join(
        f'<link rel="alternate" type="{MEDIA}" hreflang="{words.TAGS[language]}" '
        f'title="{html.escape(words.text("feed_title", language))}" href="{feed_name(language)}">\n'
        for language in LANGUAGES
    )
    return require_safe(index.replace("</head>", f"{links}</head>", 1), "index.html")


def _require_whole(found: Mapping[str, bytes]) -> None:
    problems = []
    for name, content in found.items():
        if not name.endswith(".html"):
            continue
        for link in re.findall(r'<(?:a|link)\b[^>]*? href="([^"]*)"', content.decode("utf-8")):
            address = urlsplit(html.unescape(link))
            if address.scheme or address.netloc or not address.path:
                continue
            target = os.path.normpath(PurePosixPath(name).parent / unquote(address.path)).replace(os.sep, "/")
            if target not in found:
                problems.append(f"{name} links to {target}")
    for name in found:
        if name.startswith("results/"):
            study = PurePosixPath(name).stem
            if not any(f"{language}/{study}.html" in found for language in LANGUAGES):
                problems.append(f"{name} has no page")
    if problems:
        raise ReportError(
            "the site is not complete",
            where=shortlist(problems),
            expected="every link and every result with its page",
            fix="run the studies again: make report",
        )


def publish(reports: Path, target: str, url: str = "", keep: int = KEEP) -> Published:
    """Put the site at ``target``: a folder, or an fsspec address such as ``s3://bucket/reports``.

    A folder becomes a link to a new folder beside it, swapped in one step, so that a reader has the
    old site or the new one and never parts of both. In an object store, which has no such step,
    everything is put in place before the index, and what is no longer there is removed after it.

    Parameters
    ----------
    reports : Path
    target : str
    url : str
        Where the site will be read, for the links of the feeds.
    keep : int
        Releases that stay beside the folder, the new one among them.

    Raises
    ------
    ReportError
        The site is not complete.
    OutputError
        The target cannot be written, or holds something that is no site of ours.
    """
    files = site_files(reports, url)
    left_out = tuple(path.relative_to(reports).as_posix() for path in damaged(reports))
    if "://" in target:
        done = _upload(files, target)
    else:
        done = _swap(files, Path(target).expanduser().absolute(), max(keep, 1))
    return replace(done, left_out=left_out)


def _readable(folder: Path) -> None:
    """A site is there to be read: whatever the umask, a web server of another user may."""
    for path in (folder.parent, folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o644))


def _size(files: Mapping[str, bytes]) -> int:
    return sum(map(len, files.values()))


def _digest(files: Mapping[str, bytes]) -> str:
    total = hashlib.sha256()
    for name, content in files.items():
        total.update(f"{name}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()[:16]


def _swap(files: Mapping[str, bytes], target: Path, keep: int) -> Published:
    releases = target.with_name(f".{target.name}{RELEASES}")
    _require_ours(target, releases)
    name = f"{re.sub('[^0-9]', '', generated_now())}-{_digest(files)}"
    release = releases / name
    if target.is_symlink() and os.path.basename(os.readlink(target)).partition("-")[2] == _digest(files):
        return Published(str(target), len(files), _size(files), changed=False)
    part = releases / f".{name}.{os.getpid()}.part"
    link = target.with_name(f".{target.name}.{os.getpid()}.link")
    try:
        if part.exists():
            shutil.rmtree(part)
        for address, content in files.items():
            path = part / address
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        _readable(part)
        if release.exists():
            shutil.rmtree(release)
        os.replace(part, release)
        link.unlink(missing_ok=True)
        os.symlink(os.path.relpath(release, target.parent), link, target_is_directory=True)
        if target.is_dir() and not target.is_symlink():
            target.rmdir()  # it is empty: _require_ours has looked
        os.replace(link, target)
    except OSError as error:
        raise OutputError(
            "the site cannot be put in place; what stood there stands",
            where=f"{target}: {error.strerror or error}",
            fix="give a folder that can be written, on a file system that has symbolic links",
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
        link.unlink(missing_ok=True)
    # by when they were written: a clock may have been set back
    there = [path for path in releases.iterdir() if not path.name.startswith(".")]
    for old in sorted(there, key=lambda path: path.stat().st_mtime_ns)[:-keep]:
        if old != release:
            shutil.rmtree(old, ignore_errors=True)
    return Published(str(target), len(files), _size(files), changed=True)


def _require_ours(target: Path, releases: Path) -> None:
    """Refuse to replace what is no site of ours."""
    if not os.path.lexists(target):
        return
    if target.is_symlink():
        if Path(os.path.realpath(target)).parent == Path(os.path.realpath(releases)):
            return
    elif target.is_dir() and not any(target.iterdir()):
        return
    raise OutputError(
        "the folder to publish to holds something else",
        where=str(target),
        expected="a new or empty folder, or one that `evaluation publish` made",
        fix="name another folder, or move this one away",
    )


def _upload(files: Mapping[str, bytes], target: str) -> Published:
    """Through fsspec: pages and data first, the index when all they link to is there, then what is gone."""
    scheme = target.partition("://")[0]
    try:
        import fsspec
    except ImportError:
        raise OutputError(
            "publishing to an address needs the package fsspec",
            where=f"{scheme}://",
            fix="install it: pip install 'reform-evaluation[publish]', or publish to a folder",
        ) from None
    try:
        system, root = fsspec.core.url_to_fs(target)
        before = _listing(system, root)
        changed = [name for name, content in files.items() if not _same(system, root, before, name, content)]
        for name in sorted(changed, key=lambda one: (one == "index.html", one.startswith("feed."), one)):
            path = f"{root.rstrip('/')}/{name}"
            system.makedirs(path.rpartition("/")[0], exist_ok=True)
            system.pipe_file(path, files[name])
        gone = sorted(set(before) - set(files))
        for name in gone:
            system.rm_file(f"{root.rstrip('/')}/{name}")
    except (OSError, ValueError, ImportError) as error:
        # an address may hold a key: only its kind is named, and the error's own text is left out
        raise OutputError(
            "the site could not be put at the address",
            where=f"{scheme}://…: {type(error).__name__}",
            expected="an address that fsspec can write, with its credentials in the environment",
        ) from None
    return Published(f"{scheme}://…", len(files), _size(files), changed=bool(changed or gone))


def _listing(system: Any, root: str) -> dict[str, int]:
    """Files of a site that stand at the address already, with their sizes."""
    try:
        there = system.find(root, detail=True)
    except FileNotFoundError:
        return {}
    prefix = root.strip("/") + "/"
    names = {path.strip("/").removeprefix(prefix): info for path, info in there.items()}
    ours = re.compile(r"(index\.html|feed\.\w+\.xml|(en|zh|failures|results|variants|history)/.+)\Z")
    return {name: int(info.get("size") or 0) for name, info in names.items() if ours.match(name)}


def _same(system: Any, root: str, before: Mapping[str, int], name: str, content: bytes) -> bool:
    if before.get(name) != len(content):
        return False
    return bool(system.cat_file(f"{root.rstrip('/')}/{name}") == content)
