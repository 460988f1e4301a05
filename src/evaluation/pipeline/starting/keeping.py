"""What is done with a study that stands: it is renamed or removed."""

from __future__ import annotations

import re
import shutil
from contextlib import suppress
from pathlib import Path

from evaluation.errors import StudyError
from evaluation.pipeline.changes.state import state_file
from evaluation.pipeline.kernels.execute import LANGUAGES
from evaluation.pipeline.listing import write_index
from evaluation.pipeline.lock import sole_run
from evaluation.pipeline.records.history import FOLDER
from evaluation.pipeline.site import Place, generated_now, read_results, result_text, shown, write_together
from evaluation.pipeline.starting.copying import with_id
from evaluation.pipeline.starting.tables import require_name
from evaluation.study import list_studies, load_study


def remove(root: Path, reports: Path, name: str, *, history: bool = False) -> list[str]:
    """Remove a study: its file, pages and results. Its table stays, and its history unless it is asked for.

    Raises
    ------
    StudyError
        There is no such study.
    """
    _require(root, name)
    said = []
    reports.mkdir(parents=True, exist_ok=True)
    with sole_run(reports):
        gone = [root / "studies" / f"{name}.toml", *_files(reports, name)]
        if history:
            gone.append(reports / FOLDER / name)
        for path in gone:
            if path.is_dir():
                shutil.rmtree(path)
            elif path.exists():
                path.unlink()
            else:
                continue
            said.append(f"removed {shown(path)}")
        with suppress(OSError):
            state_file(root, Place(reports, name)).unlink(missing_ok=True)
        write_index(reports, root, generated_now())
    if not history and (reports / FOLDER / name).is_dir():
        said.append(f"kept {shown(reports / FOLDER / name)}: --history removes it, too")
    return said


def rename(root: Path, reports: Path, old: str, new: str) -> list[str]:
    """Give a study another name, with its pages, results and history.

    Raises
    ------
    StudyError
        There is no such study, the new name is not plain or is taken, or another study rests on this one.
    """
    _require(root, old)
    require_name(new)
    target = root / "studies" / f"{new}.toml"
    if target.exists() or Place(reports, new).result.exists() or (reports / FOLDER / new).exists():
        raise StudyError(
            f"the study {new!r} stands already",
            where=f"studies/{new}.toml, or its results",
            fix="give another name, or remove it first: evaluation remove NAME --history",
        )
    users = [one for one in list_studies(root) if one != old and _names(root, one, old)]
    if users:
        raise StudyError(
            f"{', '.join(users)} names the study {old}",
            where=", ".join(f"studies/{one}.toml" for one in users),
            fix="change the name there first",
        )
    source = root / "studies" / f"{old}.toml"
    text = source.read_text(encoding="utf-8-sig")
    text = re.sub(rf"(?m)^(#.*evaluation run ){old}\b", rf"\g<1>{new}", with_id(text, new))
    before, after = Place(reports, old), Place(reports, new)
    reports.mkdir(parents=True, exist_ok=True)
    with sole_run(reports):
        files: dict[Path, str | bytes] = {target: text}
        for language in LANGUAGES:
            page = before.page(language)
            if page.is_file():
                content = page.read_text(encoding="utf-8").replace(f"/{old}.html", f"/{new}.html")
                files[after.page(language)] = content.replace(
                    f"evaluation run {old}", f"evaluation run {new}"
                )
        result = dict(read_results(reports)).get(before)
        if result is not None:
            files[after.result] = result_text({**result, "study": new})
        write_together(files)
        if (reports / FOLDER / old).is_dir():
            (reports / FOLDER / old).rename(reports / FOLDER / new)
        for path in (source, *_files(reports, old)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        write_index(reports, root, generated_now())
    wrote = [f"wrote {shown(path)}" for path in files]
    return [*wrote, f"{old} is gone; next: evaluation run {new}"]


def _require(root: Path, name: str) -> None:
    if name not in list_studies(root):
        load_study(name, root=root)  # it says what there is


def _names(root: Path, study: str, other: str) -> bool:
    text = (root / "studies" / f"{study}.toml").read_text(encoding="utf-8-sig")
    return re.search(rf"[\"']{other}[\"']", text) is not None


def _files(reports: Path, name: str) -> list[Path]:
    """Pages, results, failures and variants of a study."""
    place = Place(reports, name)
    found = [place.result, place.failure, *(place.page(language) for language in LANGUAGES)]
    found += sorted((reports / "variants").glob(f"{name}--*"))
    found += sorted((reports / "failures").glob(f"{name}--*.html"))
    return [path for path in found if path.exists()]
