"""Units that are printed run as they are: they lock, log, rotate, go on after a failure, keep its status."""

from __future__ import annotations

import configparser
import inspect
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluation.pipeline.publishing.schedule import BUSY, github, schedule_text

Evaluation = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder of an awkward name, with a ``make`` and an ``evaluation`` that note their calls."""
    if shutil.which("flock") is None:
        pytest.skip("no flock on this machine")
    root = tmp_path / "100% our's $HOME"
    tools = tmp_path / "tools"
    (root / ".venv" / "bin").mkdir(parents=True)
    tools.mkdir()
    for path in (tools / "make", root / ".venv" / "bin" / "evaluation"):
        path.write_text(
            f'#!/bin/sh\necho "{path.name} $*" >> calls\necho "said by {path.name}"\n'
            f"if [ -f slow ]; then sleep 3; fi\nif [ -f broken-{path.name} ]; then exit 1; fi\n"
        )
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    return root


def cron_command(root: Path, **options: Any) -> str:
    """What cron would hand to the shell: the line after five fields, with its percent signs as they are."""
    [line] = [line for line in schedule_text(root, "cron", **options).splitlines() if line[:1].isdigit()]
    minute, hour, *days, command = line.split(" ", 5)
    assert (minute, days) == ("0", ["*", "*", "*"])
    assert hour.isdigit()
    assert not re.search(r"(?<!\\)%", command)  # it would end the command
    return command.replace(r"\%", "%")


def systemd_command(root: Path, **options: Any) -> list[str]:
    """What systemd would run, its own escapes undone."""
    text = schedule_text(root, "systemd", **options)
    [line] = re.findall(r"^ExecStart=(.+)$", text, flags=re.MULTILINE)
    return [word.replace("%%", "%").replace("$$", "$") for word in shlex.split(line)]


def calls(root: Path) -> list[str]:
    return (root / "calls").read_text().splitlines()


def test_the_cron_line_runs_logs_and_deletes_old_logs(folder: Path) -> None:
    old = folder / "build" / "log" / "2001-01.log"
    old.parent.mkdir(parents=True)
    old.write_text("old")
    os.utime(old, (0, 0))
    command = cron_command(folder, publish="/srv/it's here", notify=True)
    done = subprocess.run(["/bin/sh", "-c", command], cwd="/", capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert calls(folder) == ["make report", "evaluation publish /srv/it's here", "evaluation notify"]
    [log] = (folder / "build" / "log").iterdir()
    assert log.name == time.strftime("%Y-%m.log")
    assert log.read_text().splitlines()[0] == "said by make"
    subprocess.run(["/bin/sh", "-c", command], cwd="/", check=True)
    assert log.read_text().count("said by make") == 2  # it is added to


@pytest.mark.parametrize("broken", ["make", "evaluation"])
def test_a_failure_is_published_and_told_and_keeps_its_status(folder: Path, broken: str) -> None:
    (folder / f"broken-{broken}").write_text("")
    for command in (
        ["/bin/sh", "-c", cron_command(folder, publish="/srv", notify=True)],
        systemd_command(folder, publish="/srv", notify=True),
    ):
        (folder / "calls").unlink(missing_ok=True)
        done = subprocess.run(command, cwd=folder, capture_output=True)
        assert done.returncode == 1
        assert calls(folder) == ["make report", "evaluation publish /srv", "evaluation notify"]


def test_two_runs_do_not_meet(folder: Path) -> None:
    (folder / "slow").write_text("")
    command = ["/bin/sh", "-c", cron_command(folder)]
    first = subprocess.Popen(command, cwd="/")
    while not (folder / "calls").exists():
        time.sleep(0.05)
    second = subprocess.run(systemd_command(folder), cwd=folder, capture_output=True)
    assert second.returncode == BUSY
    assert first.wait(timeout=30) == 0
    assert calls(folder) == ["make report"]
    # a lock whose holder was killed holds nobody up: the system gives it back
    (folder / "slow").unlink()
    assert subprocess.run(command, cwd="/").returncode == 0


def test_the_systemd_unit_runs_the_same(folder: Path) -> None:
    command = systemd_command(folder, publish="/srv/it's", notify=True)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert calls(folder) == ["make report", "evaluation publish /srv/it's", "evaluation notify"]
    assert "said by make" in done.stdout  # the journal keeps it
    text = schedule_text(folder, "systemd", hour=5)
    service, timer = text.split("# ~/.config/systemd/user/evaluation.timer\n")
    for unit, sections in ((service, ["Unit", "Service"]), (timer, ["Unit", "Timer", "Install"])):
        parser = configparser.RawConfigParser(strict=True, comment_prefixes=("#",))
        parser.read_string(unit)
        assert parser.sections() == sections
    assert "OnCalendar=*-*-* 05:00:00" in timer
    assert f"WorkingDirectory={folder}".replace("%", "%%") in service
    assert f"SuccessExitStatus={BUSY}" in service
    assert "EVALUATION_NOTIFY_URLS" not in re.sub(r"(?m)^#.*$", "", text)  # no secret has a place in a unit


def test_systemd_itself_finds_no_fault(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze on this machine")
    (tmp_path / "my project").mkdir()
    text = schedule_text(tmp_path / "my project", "systemd", publish="/srv/site", notify=True)
    names = ("evaluation.service", "evaluation.timer")
    for name, unit in zip(names, text.split("# ~/.config/systemd/user/evaluation.timer\n"), strict=True):
        (tmp_path / name).write_text(unit)
    command = ["systemd-analyze", "verify", "--user", *(str(tmp_path / name) for name in names)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, env={**os.environ, "HOME": "/tmp"}
    )
    said = [line for line in done.stderr.splitlines() if str(tmp_path) in line or "evaluation." in line]
    assert said == []


def test_the_command_prints_one_or_both(project: Any, evaluation: Evaluation) -> None:
    both = evaluation("schedule", "--hour", "5").out
    assert f"cd {project.root}" in both
    assert "[Timer]" in both
    assert "[Timer]" not in evaluation("schedule", "cron").out
    assert "crontab" not in evaluation("schedule", "systemd").out
    assert "runs-on" in evaluation("schedule", "github").out
    assert "evaluation publish /srv || status=1" in evaluation("schedule", "cron", "--publish", "/srv").out
    assert evaluation("schedule", "--hour", "24").status == 2


# the workflow -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def workflow(root: Path) -> dict[Any, Any]:
    yaml = pytest.importorskip("yaml")
    text = (root / ".github" / "workflows" / "reports.yml").read_text(encoding="utf-8")
    hour = int(re.search(r'cron: "0 (\d+) ', text).group(1))  # type: ignore[union-attr]
    assert text == "\n".join(github(hour)) + "\n", (
        "run: evaluation schedule github > .github/workflows/reports.yml"
    )
    return yaml.safe_load(text)


def steps(workflow: dict[Any, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_the_workflow_has_the_shape_that_github_reads(workflow: dict[Any, Any]) -> None:
    assert set(workflow) == {"name", True, "permissions", "concurrency", "jobs"}  # YAML 1.1 reads on as true
    assert set(workflow[True]) == {"schedule", "workflow_dispatch"}
    [entry] = workflow[True]["schedule"]
    minute, hour, *days = entry["cron"].split()
    assert 0 <= int(minute) < 60
    assert 0 <= int(hour) < 24
    assert days == ["*", "*", "*"]
    allowed = {"runs-on", "timeout-minutes", "steps", "needs", "if", "permissions", "environment"}
    for name, job in workflow["jobs"].items():
        assert set(job) <= allowed
        assert job["runs-on"] == "ubuntu-latest"
        assert job["timeout-minutes"] <= 60
        assert job.get("needs", "report") in workflow["jobs"]
        assert re.fullmatch(r"[a-z]+", name)
    for step in steps(workflow):
        assert set(step) <= {"name", "id", "uses", "with", "run", "if", "env"}
        assert ("uses" in step) != ("run" in step)
        if "uses" in step:
            assert re.fullmatch(r"actions/[a-z-]+(/[a-z]+)?@v\d+", step["uses"])
        assert "with" not in step or "uses" in step
    ids = [step["id"] for step in steps(workflow) if "id" in step]
    used = re.findall(r"steps\.(\w+)\.", str(workflow))
    assert set(used) <= set(ids)
    saved, kept = (
        [step["with"] for step in steps(workflow) if step.get("uses", "").startswith(f"actions/cache/{what}")]
        for what in ("save", "restore")
    )
    assert saved[0]["path"] == kept[0]["path"] == "reports"
    assert saved[0]["key"].startswith(kept[0]["restore-keys"])


def test_the_workflow_holds_no_more_rights_and_no_secret_than_it_needs(workflow: dict[Any, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"] == {"group": "reports", "cancel-in-progress": False}
    assert workflow["jobs"]["deploy"]["permissions"] == {"pages": "write", "id-token": "write"}
    for step in steps(workflow):
        assert "${{" not in step.get("run", "")  # a value pasted into a shell is an injection
        secret = "secrets." in str(step)
        assert secret == ("evaluation notify" in step.get("run", ""))
        if secret:
            assert step["env"] == {"EVALUATION_NOTIFY_URLS": "${{ secrets.EVALUATION_NOTIFY_URLS }}"}


def test_the_commands_of_the_workflow_exist_and_are_those_of_the_readme(
    workflow: dict[Any, Any], root: Path
) -> None:
    import typer.main

    from evaluation.cli import app

    command = typer.main.get_command(app)
    readme = (root / "README.md").read_text(encoding="utf-8")
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    run = [step["run"] for step in steps(workflow) if "run" in step]
    assert len(run) == 3
    for line in run:
        words = shlex.split(line)
        if words[0] == "make":
            assert re.search(rf"^{words[1]}:", makefile, flags=re.MULTILINE)
            assert line in readme
            continue
        assert words[0] == ".venv/bin/evaluation"
        known = command.commands[words[1]]  # type: ignore[attr-defined]
        options = {name for parameter in known.params for name in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options
        assert f"evaluation {words[1]}" in readme


def test_no_schedule_takes_a_secret() -> None:
    assert not {"urls", "secret", "token"} & set(inspect.signature(schedule_text).parameters)
