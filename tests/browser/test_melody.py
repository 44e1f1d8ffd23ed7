"""Melodies in a real browser: chosen, played, steered, begun from a file, morphed."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable
from pathlib import Path

import mido
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import open_save_menu, open_tab


def melodies(person: Callable[..., Page]) -> Page:
    page = person()
    page.get_by_label("Kind of artwork").select_option("melody")
    page.locator("#tab-explore .melody audio").wait_for()
    return page


def notes(page: Page, tab: str = "explore") -> str:
    """The piano roll that is shown, as text."""
    return page.locator(f"#tab-{tab} .melody-roll svg").inner_html()


def wait_for_other_notes(page: Page, before: str, tab: str = "explore") -> str:
    expect(page.locator(f"#tab-{tab} .melody")).to_be_visible()
    page.wait_for_function(
        """([tab, before]) => {
            const roll = document.querySelector(`#tab-${tab} .melody-roll svg`);
            return roll && roll.innerHTML !== before;
        }""",
        arg=[tab, before],
    )
    return notes(page, tab)


def test_a_melody_plays_and_its_sound_is_not_silent(
    person: Callable[..., Page], tmp_path: Path
) -> None:
    page = melodies(person)
    audio = page.locator("#tab-explore .melody audio")
    audio.click(position={"x": 24, "y": 27})
    page.wait_for_function("document.querySelector('#tab-explore .melody audio').currentTime > 0.4")
    page.wait_for_function(
        "parseFloat(document.querySelector('#tab-explore .melody').style.getPropertyValue('--at'))"
        " > 0.02"
    )
    open_save_menu(page)
    with page.expect_download() as waiting:
        page.locator("#tab-explore .menu-list button", has_text="WAV").click()
    with wave.open(io.BytesIO(Path(waiting.value.path()).read_bytes())) as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), np.int16)
        assert sound.getnframes() / sound.getframerate() > 3
    assert np.abs(samples.astype(float)).mean() > 50


def test_busier_is_more_notes_and_it_plays_on(person: Callable[..., Page]) -> None:
    page = melodies(person)
    page.locator("#tab-explore .melody audio").click(position={"x": 24, "y": 27})
    page.wait_for_function("document.querySelector('#tab-explore .melody audio').currentTime > 0.1")
    counts = []
    dial = page.get_by_label("Density", exact=True).first
    before = notes(page)
    for key in ("Home", "End"):
        dial.press(key)
        before = wait_for_other_notes(page, before)
        counts.append(before.count("<rect"))
    assert counts[1] > 1.3 * counts[0]
    page.wait_for_function("!document.querySelector('#tab-explore .melody audio').paused")


@pytest.mark.parametrize("plays", [False, True])
def test_while_a_dial_is_dragged_only_what_plays_is_heard(
    person: Callable[..., Page], plays: bool
) -> None:
    page = melodies(person)
    audio = page.locator("#tab-explore .melody audio")
    if plays:
        audio.click(position={"x": 24, "y": 27})
        page.wait_for_function("window.melodyPlays && window.melodyAt > 0")
    dial = page.get_by_label("Density", exact=True).first
    dial.scroll_into_view_if_needed()
    box = dial.bounding_box()
    assert box
    before = notes(page)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + box["height"] / 2, steps=3)
    wait_for_other_notes(page, before)
    page.wait_for_function("window.studio.desks['tab-explore'].isIdle()")
    assert (audio.get_attribute("src") is not None) == plays
    page.mouse.up()
    page.locator("#tab-explore .melody audio[src]").wait_for()
    page.wait_for_function(
        "plays => document.querySelector('#tab-explore .melody audio').paused !== plays", arg=plays
    )


def test_a_midi_file_is_taken_and_morphed_to_a_find(
    person: Callable[..., Page], tmp_path: Path
) -> None:
    page = melodies(person)
    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    file.tracks.append(track)
    for pitch in (60, 62, 64, 65, 67, 69, 71, 72) * 2:
        track.append(mido.Message("note_on", note=pitch, velocity=80))
        track.append(mido.Message("note_off", note=pitch, time=480))
    path = tmp_path / "scale.mid"
    file.save(path)
    shelf = page.locator("#tab-explore .shelf .cell")
    page.keyboard.press("p")
    expect(shelf).to_have_count(1)
    before = notes(page)
    page.locator("#tab-explore input[type=file]").set_input_files(path)
    found = wait_for_other_notes(page, before)
    assert found.count("<rect") in range(12, 21)
    page.keyboard.press("p")
    expect(shelf).to_have_count(2)
    open_tab(page, "morph")
    page.locator("#tab-morph .melody audio").wait_for()
    with page.expect_download() as waiting:
        page.locator("#tab-morph [data-film=mid]").click()
    target = tmp_path / "morph.mid"
    waiting.value.save_as(target)
    names = [m.text for m in mido.MidiFile(target).tracks[0] if m.type == "marker"]
    assert len(names) > 2 and len(set(names)) == len(names)

    page.locator("#tab-morph [data-do=whole]").click()
    whole = page.locator("#tab-morph .whole audio")
    whole.wait_for()
    page.wait_for_function(
        """names => {
            const whole = document.querySelector("#tab-morph .whole audio");
            const one = document.querySelector("#tab-morph .stage audio");
            return whole.duration > (names - 1) * one.duration;
        }""",
        arg=len(names),
    )


def test_kept_bars_stay_and_a_melody_goes_on(person: Callable[..., Page]) -> None:
    page = melodies(person)
    before = notes(page)
    bars = page.locator("#tab-explore [data-do=part]")
    for bar in (0, 1):
        bars.nth(bar).click()
        expect(bars.nth(bar)).to_have_attribute("aria-pressed", "true")
    first = beginning(page)
    page.locator("#tab-explore [data-do=refill]").click()
    anew = wait_for_other_notes(page, before)
    assert beginning(page) == first

    go_on = page.locator("#tab-explore [data-do=continue]")
    for bars_now in (8, 12, 16):
        go_on.click()
        longer = wait_for_other_notes(page, anew)
        expect(page.locator("#tab-explore .melody-score .measure")).to_have_count(bars_now)
        anew = longer
    expect(go_on).to_be_disabled()
    page.keyboard.press("[")
    wait_for_other_notes(page, anew)
    expect(page.locator("#tab-explore .melody-score .measure")).to_have_count(12)


def beginning(page: Page) -> set[tuple[float, str]]:
    """Where the notes of the first two bars begin, and their colours (which notes they are)."""
    found = page.locator("#tab-explore .melody-roll svg rect").evaluate_all(
        """notes => notes.map(note => [note.x.baseVal.value, note.getAttribute("fill")])"""
    )
    return {(round(x), fill) for x, fill in found if x < 320}


def test_a_melody_is_shaped_by_hand(person: Callable[..., Page]) -> None:
    page = melodies(person)
    before = notes(page)
    steps = page.locator("#tab-explore nav.strip button")
    locked = page.locator("#tab-explore [data-do=part]").first
    locked.click()
    expect(locked).to_have_attribute("aria-pressed", "true")
    first_bar = {one for one in beginning(page) if one[0] < 160}
    page.keyboard.press("h")
    layer = page.locator(".hand-layer")
    box, roll = layer.bounding_box(), page.locator("#tab-explore .melody-roll svg").bounding_box()
    assert box and roll and all(abs(box[side] - roll[side]) < 2 for side in roll)

    # A line that rises, by keys alone: one step, which sounds otherwise and can be undone.
    page.get_by_role("button", name="Draw", exact=True).click()
    layer.focus()
    for _ in range(4):
        page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Enter")
    for _ in range(4):
        page.keyboard.press("Shift+ArrowRight")
        page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("Enter")
    expect(steps).to_have_count(2)
    expect(page.locator(".hand-gauge")).not_to_be_empty()
    wait_for_other_notes(page, before)
    assert {one for one in beginning(page) if one[0] < 160} == first_bar

    # What is locked is not dragged, and a sentence says so.
    page.get_by_role("button", name="Drag", exact=True).click()
    x, y = page.locator("#tab-explore .melody-roll rect").first.evaluate(
        "note => { const box = note.getBoundingClientRect(); "
        "return [box.x + box.width / 2, box.y + box.height / 2] }"
    )
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + 40, steps=3)
    page.mouse.up()
    page.get_by_text("This bar is locked").wait_for()
    page.keyboard.press("[")
    page.wait_for_function(
        "before => document.querySelector('#tab-explore .melody-roll svg')?.innerHTML === before",
        arg=before,
    )


def test_what_is_chosen_is_heard_and_comes_back(person: Callable[..., Page]) -> None:
    page = melodies(person)
    before = notes(page)
    seconds = duration(page)
    choose = page.locator("#tab-explore .options")
    choose.get_by_label("Accompaniment").select_option("chords")
    page.locator("#tab-explore .melody-score .harm").first.wait_for()
    choose.get_by_label("Key note").select_option("G")
    page.locator("#tab-explore .melody-score .keySig").first.wait_for()
    slower = choose.get_by_label("Tempo")
    slower.fill("60")
    page.wait_for_function(
        "seconds => document.querySelector('#tab-explore .melody audio').duration > 1.5 * seconds",
        arg=seconds,
    )
    page.keyboard.press("d")
    wait_for_other_notes(page, before)
    page.locator("#tab-explore .melody-score .harm").first.wait_for()
    page.reload()
    page.locator("#tab-explore .melody audio").wait_for()
    expect(choose.get_by_label("Key note")).to_have_value("G")
    expect(slower).to_have_value("60")


def duration(page: Page) -> float:
    """Seconds that the melody lasts."""
    return page.wait_for_function(
        "document.querySelector('#tab-explore .melody audio').duration"
    ).json_value()


def test_a_drum_file_gets_a_sentence(person: Callable[..., Page], tmp_path: Path) -> None:
    page = melodies(person)
    file = mido.MidiFile()
    track = mido.MidiTrack()
    file.tracks.append(track)
    for _ in range(8):
        track.append(mido.Message("note_on", note=38, velocity=80, channel=9))
        track.append(mido.Message("note_off", note=38, time=480, channel=9))
    file.save(tmp_path / "drums.mid")
    page.locator("#tab-explore input[type=file]").set_input_files(tmp_path / "drums.mid")
    page.get_by_text("holds only drums").wait_for()
