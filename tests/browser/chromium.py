"""A Chromium for the browser tests: the system's, Playwright's own, or one installed now.

`python tests/browser/chromium.py` makes sure that there is one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
INSTALL_SECONDS = 600


def find() -> str | None:
    """The path of a Chromium on this machine, or None."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


def install() -> None:
    """Try Playwright's build, then Debian's package."""
    playwright = [sys.executable, "-m", "playwright", "install", "chromium"]
    apt_get = ["apt-get", "-o", "Acquire::Retries=3", "-y", "-q"]
    attempts = [[playwright]]
    if shutil.which("apt-get") and os.geteuid() == 0:
        attempts.append(
            [[*apt_get, "update"], [*apt_get, "install", "--no-install-recommends", "chromium"]]
        )
    for commands in attempts:
        try:
            for command in commands:
                print("$", *command, flush=True)
                subprocess.run(command, check=True, timeout=INSTALL_SECONDS)
        except (subprocess.SubprocessError, OSError) as error:
            print(error, file=sys.stderr)
        if find():
            return


def main() -> int:
    if find() is None:
        install()
    if found := find():
        print(f"The browser tests use {found}.")
        return 0
    print("The browser tests need Chromium; please install it, then try again.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
