"""A plugin package brings a medium, and the studio works with it without a change.

The tests of the contract, of the words and of the command line run for it too: see conftest.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.__main__ import main
from studio.medium import media
from studio.settings import Settings
from studio.studio import Studio


def test_an_installed_package_is_found() -> None:
    assert {"painting", "stripes"} <= set(media())


def test_its_own_training_makes_a_version_that_people_can_use(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    own = settings.home / "mine"
    assert main(["train", "stripes", str(own)]) == 0
    assert str(own) in capsys.readouterr().out
    studio = Studio.start(settings.model_copy(update={"checkpoints": own}))
    assert studio.registry.use("stripes").version == "base"
    studio.close()


def test_nothing_of_the_studio_knows_it() -> None:
    studio = Path(__file__).resolve().parent.parent / "studio"
    assert [path for path in studio.rglob("*.py") if "stripes" in path.read_text("utf-8")] == []
