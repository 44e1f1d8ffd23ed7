"""Settings: read from the environment once, and nonsense is answered with a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from studio import settings as settings_module
from studio.errors import BadSetting
from studio.settings import SECRET, SHIPPED_CHECKPOINTS, Settings, load_settings
from studio.words import LANGUAGES, Words

NONSENSE = {
    "host": ["http://example.org", "999.1.1.1", "two words", "-x"],
    "port": ["abc", "0", "-1", "65536", "78.6"],
    "home": [__file__, "a\0b", "~nobody-of-this-name/studio", "x" * 110 + "/" + "x" * 5000],
    "database_url": ["studio.db", "mysql://user:secret@host/studio", "sqlite"],
    "space_dataset": ["studio", "ada/", "ada/studio/x", "https://huggingface.co/ada/studio"],
    "checkpoints": [
        "/no/such/folder",
        __file__,
        "s3://",
        "s3://ada:secret@studio/versions",
        "s3://studio/../versions",
        "ftp://studio/versions",
    ],
    "device": ["tpu", "cuda:", "cuda:x", "CPU please"],
    "device_budget": ["lots", "-4GB", "4XB", "0", "1KB"],
    "language": ["de", "klingon"],
    "asks_per_second": ["0", "often", "1e9"],
    "asks_at_once": ["0", "-1", "2000"],
    "lesson_seconds": ["0", "-5", "long", "100000"],
    "lesson_works": ["0", "15", "few", "5000"],
    "password": ["sesame", "x" * 201],
    "keep_days": ["0", "-1", "a month", "40000"],
    "dice_seed": ["-1", "six", "4294967296"],
    "max_upload_mb": ["0", "-5", "a lot", "5000"],
    "threads": ["0", "many", "1.5"],
    "engine": ["cluster", "RAY", "spark"],
    "ray_replicas": ["0", "4-1", "-2", "1-4-9", "many", "1-2000"],
    "ray_cpus": ["0", "-1", "1.5", "half", "nan"],
    "ray_gpus": ["-1", "1.5", "100", "one"],
    "ray_lessons": ["0", "-1", "1.5", "100"],
    "c2pa_certificate": ["/no/such/file.pem", __file__, "MIIB" * 9],
    "c2pa_key": ["/no/such/file.pem", __file__, "secret" * 9],
}


def test_an_empty_environment_gives_safe_defaults() -> None:
    settings = load_settings({})
    assert (settings.host, settings.port) == ("127.0.0.1", 7860)
    assert settings.checkpoints == SHIPPED_CHECKPOINTS
    assert settings.resolved_database_url == f"sqlite:///{settings.home}/studio.db"
    assert settings.language is None
    assert settings.home.is_absolute()


def test_every_setting_is_read_from_its_variable(tmp_path: Path) -> None:
    settings = load_settings(
        {
            "STUDIO_HOST": "0.0.0.0",
            "STUDIO_PORT": " 8000 ",
            "STUDIO_HOME": str(tmp_path / "new"),
            "STUDIO_DATABASE_URL": "postgresql://artist:secret@db/studio",
            "STUDIO_SPACE_DATASET": "ada/studio-home",
            "STUDIO_CHECKPOINTS": str(tmp_path),
            "STUDIO_DEVICE": "cuda:1",
            "STUDIO_DEVICE_BUDGET": "4GB",
            "STUDIO_LANGUAGE": "zh",
            "STUDIO_MAX_UPLOAD_MB": "7",
            "STUDIO_LESSON_SECONDS": "60",
            "STUDIO_LESSON_WORKS": "32",
            "STUDIO_ASKS_PER_SECOND": "50",
            "STUDIO_ASKS_AT_ONCE": "12",
            "STUDIO_PASSWORD": "open sesame",
            "STUDIO_KEEP_DAYS": "90",
            "STUDIO_DICE_SEED": "7",
            "STUDIO_THREADS": "3",
            "STUDIO_ENGINE": "ray",
            "STUDIO_RAY_REPLICAS": "0-8",
            "STUDIO_RAY_CPUS": "0.5",
            "STUDIO_RAY_GPUS": "0.25",
            "STUDIO_RAY_LESSONS": "3",
            "STUDIO_C2PA_CERTIFICATE": "-----BEGIN CERTIFICATE-----\nMIIB",
            "STUDIO_C2PA_KEY": "-----BEGIN PRIVATE KEY-----\nMIGH",
        }
    )
    assert settings == Settings(
        host="0.0.0.0",
        port=8000,
        home=tmp_path / "new",
        database_url="postgresql://artist:secret@db/studio",
        space_dataset="ada/studio-home",
        checkpoints=tmp_path,
        device="cuda:1",
        device_budget=4_000_000_000,
        language="zh",
        max_upload_mb=7,
        lesson_seconds=60,
        lesson_works=32,
        asks_per_second=50,
        asks_at_once=12,
        password=SecretStr("open sesame"),
        keep_days=90,
        dice_seed=7,
        threads=3,
        engine="ray",
        ray_replicas="0-8",
        ray_cpus=0.5,
        ray_gpus=0.25,
        ray_lessons=3,
        c2pa_certificate="-----BEGIN CERTIFICATE-----\nMIIB",
        c2pa_key=SecretStr("-----BEGIN PRIVATE KEY-----\nMIGH"),
    )
    assert settings.replicas == (0, 8)
    assert settings.resolved_database_url == "postgresql://artist:secret@db/studio"
    assert set(NONSENSE) == set(Settings.model_fields)


@pytest.mark.parametrize("place", ["s3://studio", "s3://studio/versions", "s3://a.b-c/x/y_z.1/"])
def test_versions_may_be_kept_in_a_bucket(place: str) -> None:
    assert load_settings({"STUDIO_CHECKPOINTS": place}).checkpoints == place


@pytest.mark.parametrize(
    ("text", "size"),
    [("500MB", 500_000_000), ("1.5 GiB", 3 * 2**29), ("2gb", 2_000_000_000), ("1048576", 2**20)],
)
def test_sizes_are_written_as_people_write_them(text: str, size: int) -> None:
    assert load_settings({"STUDIO_DEVICE_BUDGET": text}).device_budget == size


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in NONSENSE.items() for value in values]
)
def test_nonsense_is_refused_with_a_sentence(name: str, value: str) -> None:
    variable = f"STUDIO_{name.upper()}"
    with pytest.raises(BadSetting) as refused:
        load_settings({variable: value})
    for language in LANGUAGES:
        sentence = Words(language).error(refused.value)
        assert variable in sentence
        is_shown = value.replace("secret", "***")[:120] in sentence
        assert is_shown is (name not in SECRET)
    assert "secret" not in str(refused.value)


@given(st.sampled_from(sorted(NONSENSE)), st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_either_accepted_or_refused_with_a_sentence(name: str, value: str) -> None:
    variable = f"STUDIO_{name.upper()}"
    try:
        load_settings({variable: value})
    except BadSetting as refused:
        assert variable in str(refused)


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load_settings({"STUDIO_PORT": "", "STUDIO_THREADS": "  "}) == load_settings({})


def test_a_misspelt_setting_is_pointed_out_and_a_foreign_one_is_left_alone() -> None:
    with pytest.raises(BadSetting, match=r"STUDIO_PROT\b.*STUDIO_PORT"):
        load_settings({"STUDIO_PROT": "8000"})
    assert load_settings({"STUDIO_GRADLE_JDK": "/usr/lib/jvm"}) == load_settings({})


def test_the_processes_own_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_PORT", "9001")
    assert load_settings().port == 9001


def test_settings_cannot_change() -> None:
    with pytest.raises(ValidationError):
        load_settings({}).port = 1


def test_printed_settings_name_everything_but_the_password() -> None:
    settings = load_settings(
        {
            "STUDIO_DATABASE_URL": "postgresql://artist:secret@db/studio",
            "STUDIO_PASSWORD": "a secret of many",
        }
    )
    printed = dict(line.split(" = ", 1) for line in str(settings).splitlines())
    assert set(printed) == {f"STUDIO_{name.upper()}" for name in Settings.model_fields}
    assert printed["STUDIO_DATABASE_URL"] == "postgresql://artist:***@db/studio"
    assert "secret" not in settings.model_dump_json() + str(settings) + repr(settings.password)
    del printed["STUDIO_DATABASE_URL"], printed["STUDIO_PASSWORD"]
    without = {"database_url": None, "password": None}
    assert load_settings(printed) == settings.model_copy(update=without)


def test_a_space_listens_to_its_proxy_and_keeps_things_on_its_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_module, "SPACE_DISK", tmp_path / "missing")
    space = {"SPACE_ID": "artist/studio"}
    assert load_settings(space).host == "0.0.0.0"
    assert load_settings(space).home == load_settings({}).home
    monkeypatch.setattr(settings_module, "SPACE_DISK", tmp_path)
    assert load_settings(space).home == tmp_path / "latent-studio"
    assert load_settings(space | {"STUDIO_HOME": str(tmp_path / "mine")}).home == tmp_path / "mine"
