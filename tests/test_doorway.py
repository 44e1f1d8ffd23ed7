"""A full studio tells everybody their place in line, and lets them in in turn."""

from __future__ import annotations

import httpx
import pytest

from studio.latent import noise_from_seeds
from studio.studio import Studio
from studio.words import Words
from tests.test_line import until
from tests.test_traffic import served as served
from tests.test_traffic import values

MEDIUM = "stripes"


def gesture(url: str) -> int:
    config = httpx.get(f"{url}/config").json()
    return next(one["id"] for one in config["dependencies"] if one["targets"][0][1] == "gesture")


def ask(url: str, event: int, key: str, language: str = "en", medium: str = MEDIUM):
    body = {"data": [key, medium, [{"do": "dice"}]], "fn_index": event, "session_hash": key[:8]}
    return httpx.post(
        f"{url}/gradio_api/queue/join", json=body, headers={"Accept-Language": language}
    )


def answered(url: str, key: str) -> str:
    query = {"session_hash": key[:8]}
    with httpx.stream("GET", f"{url}/gradio_api/queue/data", params=query, timeout=60) as lines:
        for line in lines.iter_lines():
            if '"process_completed"' in line:
                return line
    raise AssertionError("the studio closed the stream")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_full_studio_tells_the_place_in_line(studio: Studio, served: str, language: str) -> None:
    event, one, other, third = (
        gesture(served),
        *(studio.store.open_session(None).key for _ in range(3)),
    )
    studio.door.room = 0
    for key, place in ((one, 1), (other, 2), (one, 1)):
        told = ask(served, event, key, language)
        assert told.status_code == 429
        assert told.json()["place"] == place
        assert told.json()["sentence"] == Words(language)("common.wait.full", place=place)
        assert 0 < told.json()["seconds"] < 10
    studio.door.room = 1
    # Whoever was there first is let in first, and the place is free again once they are answered.
    assert ask(served, event, third).status_code == 429
    assert ask(served, event, other).status_code == 429
    assert ask(served, event, one).status_code == 200
    assert "<figure" in answered(served, one)
    assert ask(served, event, other).status_code == 200
    assert "<figure" in answered(served, other)


def test_what_is_answered_with_an_error_keeps_nobody_out(studio: Studio, served: str) -> None:
    event, key = gesture(served), studio.store.open_session(None).key
    studio.door.room = 1
    assert ask(served, event, key, medium="sculpture").status_code == 200
    answered(served, key)
    with pytest.raises(AssertionError):
        assert ask(served, 10**6, key).status_code == 200
    assert studio.door.inside == {}
    assert ask(served, event, key).status_code == 200
    assert "<figure" in answered(served, key)


def overtaken(studio: Studio) -> float:
    found = values(studio.registry.traffic)
    return found.get("studio_asks_unanswered_total/why=overtaken", 0)


def test_only_the_newest_place_of_a_dial_is_decoded(studio: Studio, served: str) -> None:
    event, key = gesture(served), studio.store.open_session(None).key
    generator = studio.registry.use(MEDIUM)
    line = studio.registry.line
    # Somebody keeps every pass busy.
    running, line.passes = line.passes, 0
    steer = {"do": "steer", "positions": {}, "wildness": 1.0, "live": True}
    for index in range(3):
        body = {"data": [key, MEDIUM, [steer]], "fn_index": event, "session_hash": f"s{index}"}
        httpx.post(f"{served}/gradio_api/queue/join", json=body).raise_for_status()
        until(lambda i=index: overtaken(studio) == i and len(line.waiting) == 1)
    line.passes = running
    generator.decode(generator.map(noise_from_seeds([1])))
    pictures = ["<figure" in answered(served, f"s{index}") for index in range(3)]
    assert pictures.count(True) == 1
