"""What is counted of the models, and what a machine reads of it."""

from __future__ import annotations

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from studio.latent import noise_from_seeds
from studio.studio import Studio
from studio.traffic import Traffic
from studio.ui.app import build_app
from studio.ui.models import busy
from studio.ui.session import Visit


def values(traffic: Traffic) -> dict[str, float]:
    """Every sample by its name and labels."""
    return {
        "/".join([sample.name, *(f"{k}={v}" for k, v in sorted(sample.labels.items()))]): (
            sample.value
        )
        for family in text_string_to_metric_families(traffic.text().decode())
        for sample in family.samples
    }


def test_a_decode_is_counted_once_and_its_wait_measured(studio: Studio) -> None:
    generator = studio.registry.use("stripes")
    assert studio.registry.traffic.lately() is None
    generator.decode(generator.map(noise_from_seeds(range(3))))
    generator.decode(generator.map(noise_from_seeds([9])))
    found = values(studio.registry.traffic)
    assert found["studio_decode_batch_works_sum/medium=stripes"] == 4
    assert found["studio_decode_batch_works_count/medium=stripes"] == 2
    assert found["studio_decode_seconds_count/medium=stripes"] == 2
    assert found["studio_models_total/event=loaded/medium=stripes"] == 1
    assert found["studio_models_bytes"] == studio.registry.used_bytes() > 0
    assert found["studio_jobs_unfinished"] == 0
    lately = studio.registry.traffic.lately()
    assert lately is not None
    assert (lately.works, lately.batch) == (4, 2.0)
    assert 0 < lately.median <= lately.slow


def test_models_tells_it_in_words(studio: Studio) -> None:
    visit = Visit(studio, studio.store.open_session(None).key, "stripes", "en")
    assert "Nothing was asked for" in busy(visit)
    generator = studio.registry.use("stripes")
    generator.decode(generator.map(noise_from_seeds(range(5))))
    assert "5 works asked for, 5.0 at a time" in busy(visit)


@pytest.fixture
def served(studio: Studio):
    app, arguments = build_app(studio)
    _, url, _ = app.launch(prevent_thread_lock=True, quiet=True, **arguments)
    yield url.rstrip("/")
    app.close()


def test_the_studio_says_how_it_is(studio: Studio, served: str) -> None:
    well = httpx.get(f"{served}/healthz")
    assert (well.status_code, well.json()) == (200, {"status": "well", "ailments": []})
    key = studio.store.open_session(None).key
    told = httpx.get(f"{served}/metrics")
    assert told.status_code == 200 and told.headers["content-type"].startswith("text/plain")
    assert "studio_models_budget_bytes" in told.text
    assert key not in told.text
    page = httpx.get(served)
    for answer in (page, httpx.get(f"{served}/config"), httpx.get(f"{served}/gradio_api/info")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
    assert (
        "frame-ancestors 'self' https://huggingface.co" in page.headers["content-security-policy"]
    )
    assert page.status_code == 200 and "window.studioLanguage" in page.text

    with studio.store._database.writing() as db:
        db.execute(text("ALTER TABLE sessions RENAME TO gone"))
    ill = httpx.get(f"{served}/healthz")
    assert (ill.status_code, ill.json()["ailments"]) == (503, ["store_unreadable"])
    with studio.store._database.writing() as db:
        db.execute(text("ALTER TABLE gone RENAME TO sessions"))
    studio.jobs.shutdown()
    assert httpx.get(f"{served}/healthz").json() == {"status": "ill", "ailments": ["jobs_stopped"]}
