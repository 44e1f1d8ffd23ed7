"""Every setting of the process, read once from the environment (STUDIO_…), validated, frozen."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

from platformdirs import user_data_path
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    SecretStr,
    field_serializer,
)
from pydantic import ValidationError as InvalidValues

from studio.errors import BadSetting
from studio.words import LANGUAGES

PREFIX = "STUDIO_"
SHIPPED_CHECKPOINTS = Path(__file__).resolve().parent.parent / "checkpoints"
SECRET = ("password", "c2pa_key")
SPACE_DISK = Path("/data")
"""Where a Hugging Face Space mounts its persistent storage, if it has any."""


def _host(value: str) -> str:
    """An address to listen on: a name such as localhost, or an IP address."""
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        label = r"[a-zA-Z]([a-zA-Z0-9-]{0,62}[a-zA-Z0-9])?"
        if re.fullmatch(rf"{label}(\.{label})*", value):
            return value
        raise


def _home(value: Path) -> Path:
    """A folder, or where one can be made."""
    try:
        home = value.expanduser().resolve()
        is_taken = home.exists() and not home.is_dir()
    except (OSError, RuntimeError) as error:
        raise ValueError("not a path") from error
    if is_taken:
        raise ValueError("a file of this name exists")
    return home


def _folder(value: Path) -> Path:
    folder = _home(value)
    if not folder.exists():
        raise ValueError("no such folder")
    return folder


def _folder_or_bucket(value: Path | str) -> Path | str:
    if isinstance(value, str) and "://" in value:
        # No name and password: they belong to the environment.
        if re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/\w[\w.-]*)*/?", value):
            return value
        raise ValueError("not a bucket")
    return _folder(Path(value))


def _range(value: str) -> str:
    """A number of replicas, or two; at least one of them, and no more than a thousand."""
    if not re.fullmatch(r"\d{1,4}(-\d{1,4})?", value):
        raise ValueError("not a range")
    least, _, most = value.partition("-")
    if not int(least) <= int(most or least) <= 1000 or int(most or least) < 1:
        raise ValueError("not a range")
    return value


def _share(value: float) -> float:
    """Ray gives a share of one, or whole ones."""
    if value > 1 and value != int(value):
        raise ValueError("not a share")
    return value


def text_or_file(value: str) -> str:
    """What a setting says itself, or the file that it names. Raises: OSError; UnicodeError."""
    return value if value.startswith("-----BEGIN ") else Path(value).expanduser().read_text("ascii")


def _pem(value: str | SecretStr) -> str | SecretStr:
    """A text in PEM, or a file with one."""
    said = value.get_secret_value() if isinstance(value, SecretStr) else value
    try:
        text = text_or_file(said)
    except (OSError, RuntimeError, UnicodeError) as error:
        raise ValueError("not a file") from error
    if not text.lstrip().startswith("-----BEGIN "):
        raise ValueError("not in PEM")
    return value


def _automatic(value: str | None) -> str | None:
    return None if value == "auto" else value


class Settings(BaseModel):
    """How this studio runs. `str(settings)` lists it; `python -m studio settings` prints that.

    Attributes:
        host: address to listen on; 0.0.0.0 lets other machines in.
        port: the port of the page.
        home: where artworks, ratings, versions and runs are kept; created when needed.
        database_url: another database for the store, such as PostgreSQL; None: a file in `home`.
        space_dataset: a private dataset repository of the Hub that mirrors `home`; None: none.
        checkpoints: the folder of the shipped base checkpoints, read only; or a bucket, such as
            s3://studio/versions, that keeps all versions for several machines.
        device: auto, cpu, mps, cuda or cuda:N.
        device_budget: bytes of device memory that loaded models may take together.
        language: "en" or "zh" for everybody; None: what each browser asks for.
        max_upload_mb: the largest file a person may drop in, in megabytes.
        threads: CPU threads for the models; None: torch decides.
        engine: local, or ray: generators and lessons on a Ray cluster (see studio.cluster).
        ray_replicas: of each medium's generators, how many or from how many to how many.
        ray_cpus, ray_gpus: what each replica and each lesson takes of its machine; of a GPU, a
            share or whole ones.
        ray_lessons: lessons of this process that may learn at the same time.
        asks_per_second: how often one person's page may ask for something, again and again.
        asks_at_once: questions of all people under way at the same time; whoever asks beyond that
            is told their place in line.
        lesson_seconds: how long a lesson in Teach may learn; it usually needs a quarter of that.
        lesson_works: works that a lesson is checked on before it is offered; each of its rounds
            looks at a quarter as many.
        password: what everybody has to say before they see the page; None: nothing.
        c2pa_certificate: what downloads are signed with (see studio.credentials): a chain of
            certificates in PEM, or a file with one; None: they are not signed.
        c2pa_key: likewise, the private key of the first of them.
        keep_days: days after which what nobody came back to is deleted; None: never.
        dice_seed: the same throws of the dice after every start; None: chance.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: Annotated[str, AfterValidator(_host)] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 7860
    home: Annotated[Path, AfterValidator(_home)] = Field(
        default_factory=lambda: user_data_path("latent-studio", appauthor=False)
    )
    database_url: Annotated[str | None, Field(pattern=r"^(sqlite|postgres(ql)?)(\+\w+)?://")] = None
    space_dataset: Annotated[
        Annotated[str, Field(pattern=r"^[\w.-]{1,96}/[\w.-]{1,96}$")] | None,
        BeforeValidator(_automatic),
    ] = None
    checkpoints: Annotated[Path | str, BeforeValidator(_folder_or_bucket)] = SHIPPED_CHECKPOINTS
    device: Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d{1,2})?)$")] = "auto"
    device_budget: Annotated[ByteSize, Field(ge=1_000_000)] = ByteSize(2_000_000_000)
    language: Annotated[
        Annotated[str, Field(pattern=f"^({'|'.join(LANGUAGES)})$")] | None,
        BeforeValidator(_automatic),
    ] = None
    max_upload_mb: Annotated[int, Field(ge=1, le=1024)] = 20
    threads: Annotated[Annotated[int, Field(ge=1, le=1024)] | None, BeforeValidator(_automatic)] = (
        None
    )
    engine: Annotated[str, Field(pattern=r"^(local|ray)$")] = "local"
    ray_replicas: Annotated[str, AfterValidator(_range)] = "1-4"
    ray_cpus: Annotated[float, Field(ge=0.01, le=1024), AfterValidator(_share)] = 1.0
    ray_gpus: Annotated[float, Field(ge=0, le=64), AfterValidator(_share)] = 0.0
    ray_lessons: Annotated[int, Field(ge=1, le=64)] = 2
    asks_per_second: Annotated[int, Field(ge=1, le=10_000)] = 30
    asks_at_once: Annotated[int, Field(ge=1, le=1024)] = 64
    # A person rather waits on a busy machine than learns that nothing came of a lesson.
    lesson_seconds: Annotated[int, Field(ge=1, le=86400)] = 240
    lesson_works: Annotated[int, Field(ge=16, le=4096)] = 128
    password: Annotated[SecretStr, Field(min_length=8, max_length=200)] | None = None
    c2pa_certificate: Annotated[
        Annotated[str, AfterValidator(_pem)] | None, BeforeValidator(_automatic)
    ] = None
    c2pa_key: Annotated[
        Annotated[SecretStr, AfterValidator(_pem)] | None, BeforeValidator(_automatic)
    ] = None
    keep_days: Annotated[
        Annotated[int, Field(ge=1, le=36500)] | None, BeforeValidator(_automatic)
    ] = None
    dice_seed: Annotated[
        Annotated[int, Field(ge=0, le=2**32 - 1)] | None, BeforeValidator(_automatic)
    ] = None

    @property
    def replicas(self) -> tuple[int, int]:
        """The fewest and the most of `ray_replicas`."""
        least, _, most = self.ray_replicas.partition("-")
        return int(least), int(most or least)

    @property
    def resolved_database_url(self) -> str:
        """Where the store is: `database_url`, or the file `studio.db` in `home`."""
        return self.database_url or f"sqlite:///{(self.home / 'studio.db').as_posix()}"

    @field_serializer("c2pa_certificate")
    def _in_one_line(self, certificate: str | None) -> str | None:
        return certificate and certificate.split("\n")[0]

    @field_serializer("database_url")
    def _without_password(self, url: str | None) -> str | None:
        return url and without_password(url)

    def __str__(self) -> str:
        """One `name = value` line a setting; auto stands for what is not set."""
        shown = self.model_dump(mode="json")
        shown["database_url"] = without_password(self.resolved_database_url)
        shown["device_budget"] = self.device_budget.human_readable(decimal=True)
        return "\n".join(
            f"{_variable(name)} = {'auto' if value is None else value}"
            for name, value in shown.items()
        )


def load_settings(env: Mapping[str, str] | None = None) -> Settings:
    """The settings that an environment asks for (default: the process's own).

    An empty variable counts as not set.

    Raises:
        BadSetting: a value makes no sense; names the variable, the value and what is accepted.
    """
    env = os.environ if env is None else env
    _refuse_misspelt(env)
    given: dict[str, Any] = {
        name: env[_variable(name)].strip()
        for name in Settings.model_fields
        if env.get(_variable(name), "").strip()
    }
    try:
        return Settings(**(_space_defaults(env) | given))
    except InvalidValues as error:
        name = str(error.errors()[0]["loc"][0])
        value = "" if name in SECRET else without_password(str(given.get(name, "")))
        raise BadSetting(f"setting_{name}", value=value[:120]) from None


def is_on_space(env: Mapping[str, str] | None = None) -> bool:
    """Whether this runs as a Hugging Face Space, whose disk is wiped at each restart."""
    return "SPACE_ID" in (os.environ if env is None else env)


def without_password(url: str) -> str:
    """A database URL that may be printed."""
    return re.sub(r"(://[^:/@]*):[^/]*@", r"\1:***@", url)


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _refuse_misspelt(env: Mapping[str, str]) -> None:
    """Refuse STUDIO_PROT, which somebody meant; other programs' STUDIO_… variables are none of
    our business (Android Studio has several)."""
    known = [_variable(name) for name in Settings.model_fields]
    for variable in sorted(set(env) - set(known)):
        if variable.startswith(PREFIX) and (near := get_close_matches(variable, known, 1, 0.85)):
            raise BadSetting("setting_unknown", variable=variable, meant=near[0])


def _space_defaults(env: Mapping[str, str]) -> dict[str, Any]:
    """A Hugging Face Space must listen to its proxy, and keeps only what is on its /data disk."""
    if not is_on_space(env):
        return {}
    defaults: dict[str, Any] = {"host": "0.0.0.0"}
    if os.access(SPACE_DISK, os.W_OK):
        defaults["home"] = SPACE_DISK / "latent-studio"
    return defaults
