"""A process of its own that teaches, and kills itself before every step of it.

    python tests/teaching.py HOMES CHECKPOINTS

HOMES/rated is a home where the session of the key in HOMES/key has rated. For each step of a
lesson, such as a file that is opened or a row that is written, a copy of that home is taught by a
process that dies just before that step; the copies bear the numbers of their steps. The last one,
named whole, is of a lesson that nothing stopped.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from pathlib import Path

import torch
from sqlalchemy import event

from studio import jobs
from studio.settings import Settings
from studio.studio import Studio
from studio.taste import climb, finetune
from studio.ui import lesson
from studio.ui.session import Visit

MEDIUM = "stripes"
ROUNDS = 2
STEPS = 15
WORKS = 16
"""That a lesson is checked on, where it matters that it ends and not what it learns."""
UNHURRIED = 3600.0
"""Seconds: on a busy machine too, every lesson takes as many steps."""
CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod")


def settings_of(home: Path, checkpoints: Path) -> Settings:
    return Settings(home=home, checkpoints=checkpoints, device="cpu", threads=1, lesson_works=WORKS)


class Steps:
    """Counts what changes something on the disk, and ends this process before the `last` one."""

    def __init__(self, home: Path, last: int) -> None:
        self.home, self.last, self.count = str(home), last, 0

    def audit(self, name: str, values: tuple) -> None:
        is_write = name == "open" and values[2] & (os.O_WRONLY | os.O_RDWR)
        if (is_write or name in CHANGES) and str(values[0]).startswith(self.home):
            self.step()

    def step(self, *_: object) -> None:
        self.count += 1
        if self.count == self.last:
            os.kill(os.getpid(), signal.SIGKILL)


def teach(home: Path, checkpoints: Path, key: str, last: int) -> None:
    """One lesson, from its start until it is finished or this process is dead."""
    studio = Studio.start(settings_of(home, checkpoints))
    visit = Visit(studio, key, MEDIUM, "en")
    steps = Steps(home, last)
    sys.addaudithook(steps.audit)
    event.listen(studio.store._database.engine, "commit", steps.step)
    lesson.start(visit)
    while (job := lesson.latest(visit)) is None or not job.is_finished:
        time.sleep(0.01)
    assert job.status == "done", job


def main(homes: Path, checkpoints: Path) -> int:
    finetune.MOST_ROUNDS = climb.Climb.least_rounds = ROUNDS
    climb.ROUND_SECONDS, climb.STEPS = UNHURRIED, STEPS
    # Each stage is written once, so that the same number is the same step in every process.
    jobs.WRITE_SECONDS = UNHURRIED
    # What torch imports only then would take each process seconds.
    torch.optim.Adam([torch.zeros(1, requires_grad=True)])
    key = (homes / "key").read_text()
    last = 1
    while True:
        home = homes / str(last)
        shutil.copytree(homes / "rated", home)
        child = os.fork()
        if not child:
            teach(home, checkpoints, key, last)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
            home.rename(homes / "whole")
            return os.waitstatus_to_exitcode(status)
        last += 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
