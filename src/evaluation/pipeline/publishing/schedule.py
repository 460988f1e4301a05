"""Ready units that make the reports by themselves: cron, systemd, GitHub Actions."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Literal

Kind = Literal["cron", "systemd", "github"]
KINDS: tuple[Kind, ...] = ("cron", "systemd", "github")
LOCK = "build/schedule.lock"
LOGS = "build/log"
KEPT_DAYS = 400
BUSY = 75
"""Exit status when another scheduled run is still at it (EX_TEMPFAIL of sysexits.h)."""


def schedule_text(
    root: Path, kind: str | None = None, hour: int = 6, publish: str = "", notify: bool = False
) -> str:
    """Units that run ``make report`` once a day.

    Each holds a lock, so that a run that takes longer than a day is not joined by a second one; keeps a log
    a month and deletes those older than 400 days (the journal rotates by itself); goes on to
    publish and notify when reports failed, because the last good pages stand and somebody must be told;
    and ends with the status of the run.

    Parameters
    ----------
    root : Path
        The project folder.
    kind : {"cron", "systemd", "github"}, optional
        Only one of them; by default the two for a machine of one's own.
    hour : int
        Hour of the day: local time, on GitHub UTC.
    publish : str
        Where to publish after the run, if anywhere.
    notify : bool
        Whether to send notices after the run.
    """
    steps = work(publish, notify)
    make: dict[str, Callable[[], list[str]]] = {
        "cron": lambda: cron(root, hour, steps),
        "systemd": lambda: systemd(root, hour, steps),
        "github": lambda: github(hour),
    }
    chosen = [kind] if kind else ["cron", "systemd"]
    return "\n\n".join("\n".join(make[one]()) for one in chosen) + "\n"


def work(publish: str = "", notify: bool = False) -> str:
    """What a unit does, as one shell command that ends with the status of the run."""
    steps = ["make report", "status=$?"]
    if publish:
        steps.append(f".venv/bin/evaluation publish {shlex.quote(publish)} || status=1")
    if notify:
        steps.append(".venv/bin/evaluation notify || status=1")
    return "; ".join([*steps, "exit $status"])


def cron(root: Path, hour: int, steps: str) -> list[str]:
    """A line for crontab. ``%`` would end a cron command, so it is escaped."""
    locked = f"flock -n -E {BUSY} {LOCK} sh -c {shlex.quote(steps)}"
    line = (
        f"cd {shlex.quote(str(root))} && mkdir -p {LOGS}"
        f" && {{ {locked} >> {LOGS}/$(date +%Y-%m).log 2>&1; status=$?;"
        f" find {LOGS} -name '*.log' -mtime +{KEPT_DAYS} -delete; exit $status; }}"
    )
    return [
        "# crontab -e, then add these lines (EVALUATION_NOTIFY_URLS=... above them, if notices are sent):",
        f"0 {hour} * * * {line}".replace("%", r"\%"),
    ]


def systemd(root: Path, hour: int, steps: str) -> list[str]:
    """A service and its timer, for a user's own systemd; the journal keeps and rotates the log."""
    locked = f"mkdir -p build && exec flock -n -E {BUSY} {LOCK} sh -c {shlex.quote(steps)}"
    # systemd expands % and $, and reads \ and " inside quotes
    command = locked.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    folder = str(root).replace("%", "%%")
    return [
        "# ~/.config/systemd/user/evaluation.service",
        "[Unit]",
        "Description=Make the evaluation reports",
        "",
        "[Service]",
        "Type=oneshot",
        f"WorkingDirectory={folder}",
        "# EVALUATION_NOTIFY_URLS=... stands in this file, readable by you alone (chmod 600), or nowhere",
        "EnvironmentFile=-%h/.config/evaluation/notify.env",
        f'ExecStart=/bin/sh -c "{command}"',
        f"SuccessExitStatus={BUSY}",
        "Nice=10",
        "NoNewPrivileges=yes",
        "PrivateTmp=yes",
        "",
        "# ~/.config/systemd/user/evaluation.timer",
        "[Unit]",
        "Description=Make the evaluation reports every day",
        "",
        "[Timer]",
        f"OnCalendar=*-*-* {hour:02d}:00:00",
        "Persistent=true",
        "RandomizedDelaySec=300",
        "",
        "[Install]",
        "WantedBy=timers.target",
        "",
        "# then: systemctl --user daemon-reload && systemctl --user enable --now evaluation.timer",
        "# the log: journalctl --user -u evaluation; to run without being logged in: loginctl enable-linger",
    ]


def github(hour: int) -> list[str]:
    """The workflow ``.github/workflows/reports.yml``: the same commands, with the history kept in a cache."""
    return _WORKFLOW.replace("HOUR", str(hour)).strip("\n").split("\n")


_WORKFLOW = """
# Printed by: evaluation schedule github --hour HOUR. A test holds the two equal.
name: reports

on:
  schedule:
    - cron: "0 HOUR * * *"
  workflow_dispatch:

permissions:
  contents: read

# a second run waits for the first
concurrency:
  group: reports
  cancel-in-progress: false

jobs:
  report:
    runs-on: ubuntu-latest
    timeout-minutes: 60
    steps:
      - uses: actions/checkout@v4
        with:
          persist-credentials: false
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - name: Earlier reports, so that pages say what moved and the last good ones stand
        uses: actions/cache/restore@v4
        with:
          path: reports
          key: reports-${{ github.run_id }}
          restore-keys: reports-
      - name: Make the reports
        run: make report
      # what follows is done after a failed report too: somebody must be told
      - name: Put the site together
        if: ${{ !cancelled() }}
        run: .venv/bin/evaluation publish site --url "$SITE/${GITHUB_REPOSITORY#*/}/"
        env:
          SITE: https://${{ github.repository_owner }}.github.io
      - name: Tell those who want to know
        if: ${{ !cancelled() }}
        run: .venv/bin/evaluation notify
        env:
          EVALUATION_NOTIFY_URLS: ${{ secrets.EVALUATION_NOTIFY_URLS }}
      - name: Keep the reports for the next run
        if: ${{ !cancelled() }}
        uses: actions/cache/save@v4
        with:
          path: reports
          key: reports-${{ github.run_id }}
      - name: Keep the log
        if: ${{ failure() }}
        uses: actions/upload-artifact@v4
        with:
          name: log
          path: build/evaluation.log
          if-no-files-found: ignore
          retention-days: 30
      - uses: actions/upload-pages-artifact@v3
        if: ${{ !cancelled() }}
        with:
          path: site

  deploy:
    needs: report
    if: ${{ !cancelled() }}
    runs-on: ubuntu-latest
    timeout-minutes: 10
    permissions:
      pages: write
      id-token: write
    environment:
      name: github-pages
      url: ${{ steps.deployment.outputs.page_url }}
    steps:
      - id: deployment
        uses: actions/deploy-pages@v4
"""
