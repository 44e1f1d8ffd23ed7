"""Teaching from works of one's own, as an artist does it in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from studio.latent import noise_from_seeds
from studio.registry import Registry
from tests.browser.conftest import ServedStudio, open_tab, picture, wait_for_another

pytestmark = pytest.mark.thorough

Person = Callable[..., Page]
LESSON = 600_000
SEEDS = range(7000, 7032)
WORKS = 7


@pytest.fixture(scope="module")
def dark(tmp_path_factory: pytest.TempPathFactory, studio: ServedStudio) -> list[Path]:
    """Pictures by somebody who loves the night: the darkest of some, without their recipes."""
    folder = tmp_path_factory.mktemp("own works")
    generator = Registry(studio.checkpoints(), "cpu").use("painting")
    works = generator.decode(generator.map(noise_from_seeds(SEEDS)))
    pictures = sorted((Image.fromarray(work.pixels) for work in works), key=lightness)
    files = []
    for number, picture_ in enumerate(pictures[:WORKS]):
        files.append(folder / f"night {number}.png")
        picture_.save(files[-1])
    return files


def lightness(image: Image.Image) -> float:
    grey = image.convert("L").resize((1, 1), Image.Resampling.BOX)
    return float(grey.tobytes()[0])


def give(page: Page, files: list[Path]) -> None:
    """Press the button beside the works and choose files."""
    with page.expect_file_chooser() as chooser:
        page.locator("#tab-teach .teach-works [data-go]").click()
    chooser.value.set_files(files)


def test_a_version_leans_towards_works_of_ones_own(
    person: Person, dark: list[Path], tmp_path: Path
) -> None:
    page = person()
    as_trained = picture(page)
    open_tab(page, "teach")
    works = page.locator("#tab-teach .teach-works")
    broken = tmp_path / "holiday.png"
    broken.write_bytes(b"no picture")
    give(page, [*dark[:3], broken])
    expect(works).to_contain_text("3 works to lean towards")
    expect(works).to_contain_text("2 more are needed")
    expect(works.get_by_role("button", name="Lean towards these")).to_be_disabled()
    works.get_by_text("1 left out").click()
    expect(works.locator(".left-out li")).to_contain_text("holiday.png")
    give(page, dark)
    expect(works).to_contain_text(f"{WORKS} works to lean towards")
    expect(works.get_by_text("3 left out")).to_be_visible()
    expect(works.locator(".own-works img")).to_have_count(WORKS)
    page.reload()
    open_tab(page, "teach")
    expect(works).to_contain_text(f"{WORKS} works to lean towards")
    works.get_by_text("Boldly").click()
    works.get_by_role("button", name="Lean towards these").press("Enter")
    teach = page.locator("#tab-teach")
    teach.get_by_role("button", name="Accept: use this from now on").wait_for(timeout=LESSON)
    expect(teach.locator(".measured")).to_contain_text("nearer")
    expect(teach.locator(".pairs li")).to_have_count(8)
    teach.get_by_role("button", name="Accept: use this from now on").click()
    row = teach.locator(".versions [aria-current]")
    expect(row).to_contain_text("Your taste 1")
    expect(row).to_contain_text(f"from {WORKS} works of one's own")
    open_tab(page, "explore")
    wait_for_another(page, as_trained)
    open_tab(page, "teach")
    works.get_by_role("button", name="Take them away").click()
    expect(works).not_to_contain_text("works to lean towards")


def test_it_says_so_in_chinese(person: Person, dark: list[Path]) -> None:
    page = person(locale="zh-CN", width=400, height=800)
    open_tab(page, "teach")
    works = page.locator("#tab-teach .teach-works")
    give(page, dark[:1])
    expect(works).to_contain_text("要靠近的作品：1 件")
    expect(works.get_by_role("button", name="向它们靠近")).to_be_disabled()
