"""Signed downloads: a changed file is found out, and no work is lost for want of a signature."""

from __future__ import annotations

import base64
import datetime
import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import c2pa
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image
from pydantic import SecretStr

from studio.credentials import FORMATS, Credentials
from studio.errors import BadSetting
from studio.latent import noise_from_seeds
from studio.medium import Generator, get_medium
from studio.provenance import MADE_BY_A_MODEL, RECIPE_KEY
from studio.settings import Settings
from studio.studio import Studio
from studio.ui import gallery_work, room, room_file, together, walk
from studio.ui.session import Visit
from studio.ui.walk import Walk
from studio.words import LANGUAGES, Words

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
AUTHORITY = ec.generate_private_key(ec.SECP256R1())
KEYS: dict[str, Callable[[], Any]] = {
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}


def named(name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "A museum"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )


def certified(key: Any, name: str, until: datetime.datetime) -> str:
    """What the authority says of a key, in PEM."""
    is_authority = key is AUTHORITY
    usage = dict.fromkeys(
        [
            *("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
            *("encipher_only", "decipher_only"),
        ],
        False,
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named("The museum's authority"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - 30 * DAY)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not is_authority,
                key_cert_sign=is_authority,
                crl_sign=is_authority,
                **usage,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(AUTHORITY.public_key()), False
        )
    )
    if not is_authority:
        made = made.add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False
        )
    signed = made.sign(AUTHORITY, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def pair(kind: str = "p256", until: datetime.datetime = NOW + 30 * DAY) -> tuple[str, str]:
    """A chain of certificates and the private key of the first."""
    key = KEYS[kind]()
    chain = certified(key, "The museum", until)
    chain += certified(AUTHORITY, "The museum's authority", NOW + 60 * DAY)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return chain, private.decode()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Those of a host who signs."""
    chain, key = pair()
    return settings.model_copy(update={"c2pa_certificate": chain, "c2pa_key": SecretStr(key)})


@pytest.fixture
def visit(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> Visit:
    monkeypatch.setattr("studio.ui.session.Visit.say", lambda *_, **__: None)
    return Visit(studio, studio.store.open_session(None).key, "painting", "en")


def read(content: bytes, format: str) -> dict:
    """What a reader of content credentials finds."""
    with c2pa.Reader(format, io.BytesIO(content)) as reader:
        return json.loads(reader.json())


def require_signed(content: bytes, format: str) -> None:
    found = read(content, format)
    # The certificate is nobody's, whom a reader would trust; all else is in order.
    assert found["validation_state"] == "Valid"
    assert [one["code"] for one in found["validation_status"]] == ["signingCredential.untrusted"]
    claim = found["manifests"][found["active_manifest"]]
    assert claim["signature_info"]["issuer"] == "A museum"
    [made] = claim["assertions"][0]["data"]["actions"]
    assert (made["action"], made["digitalSourceType"]) == ("c2pa.created", MADE_BY_A_MODEL)
    assert made["softwareAgent"]["name"] == "Latent Studio"


def test_every_file_that_can_be_is_signed(generator: Generator) -> None:
    credentials = Credentials(*pair())
    [work] = generator.decode(generator.map(noise_from_seeds([3])))
    for format in get_medium(generator.medium).formats:
        plain = work.export(format)
        signed = credentials.sign(plain, format)
        if format in FORMATS:
            require_signed(signed, format)
        else:
            assert signed == plain


@pytest.mark.parametrize("kind", KEYS)
def test_keys_of_each_kind_sign(kind: str) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (32, 32), "navy").save(stream, "PNG")
    require_signed(Credentials(*pair(kind)).sign(stream.getvalue(), "png"), "png")


def test_a_changed_file_is_found_out() -> None:
    stream = io.BytesIO()
    Image.effect_noise((64, 64), 80).save(stream, "PNG")
    signed = bytearray(Credentials(*pair()).sign(stream.getvalue(), "png"))
    at = signed.index(b"IDAT") + 40
    signed[at] ^= 1
    assert read(bytes(signed), "png")["validation_state"] == "Invalid"


def test_what_people_take_along_is_signed(visit: Visit) -> None:
    studio = visit.studio
    explored = Walk(visit)
    walk.save(explored, {"format": "png"})
    picture = base64.b64decode(explored.parcel["data"])
    require_signed(picture, "png")
    # The signature covers the recipe too, which stays where it was.
    assert json.loads(Image.open(io.BytesIO(picture)).info[RECIPE_KEY])["medium"] == "painting"

    together.create(visit, {"title": "Evening", "name": "Ada", "colour": "teal"})
    together.share_explore(visit, {})
    there = room.mine(visit)
    for kind in room_file.KINDS:
        content = b"".join(room_file.zipped(room_file.KINDS[kind](visit, there)))
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            pictures = [name for name in archive.namelist() if name.endswith((".png", ".jpg"))]
            assert pictures
            for name in pictures:
                require_signed(archive.read(name), name.rpartition(".")[2])

    [work, *_] = studio.store.rooms.works(visit.key, there.token)
    id = studio.store.keep_artwork(visit.key, work.recipe, "<svg>", kept=True)
    for format in ("png", "jpg"):
        sent = gallery_work.download(visit, {"id": id, "format": format})
        packed = re.search('data-file="([^"]+)"', sent)
        assert packed is not None
        require_signed(base64.b64decode(packed[1]), format)


def test_a_certificate_that_has_run_out_costs_nobody_a_work() -> None:
    expired = Credentials(*pair(until=NOW - DAY))
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, "PNG")
    assert expired.sign(stream.getvalue(), "png") == stream.getvalue()


def test_a_host_reads_why_nothing_can_be_signed(settings: Settings, tmp_path: Path) -> None:
    chain, key = pair()
    _, other = pair()
    expired, its_key = pair(until=NOW - DAY)
    for certificate, private in (
        (chain, None),
        (None, key),
        (chain, other),
        (expired, its_key),
        ("-----BEGIN CERTIFICATE-----\nnonsense", key),
        (chain, "-----BEGIN PRIVATE KEY-----\nsecret nonsense"),
    ):
        changed = {"c2pa_certificate": certificate, "c2pa_key": private and SecretStr(private)}
        with pytest.raises(BadSetting) as refused:
            Credentials.of(settings.model_copy(update=changed))
        for language in LANGUAGES:
            sentence = Words(language).error(refused.value)
            assert "STUDIO_C2PA_KEY" in sentence and "secret" not in sentence
            assert "MIG" not in sentence
    # Files instead of texts; without either nothing is signed.
    for name, text in (("chain.pem", chain), ("key.pem", key)):
        (tmp_path / name).write_text(text)
    files = {
        "c2pa_certificate": str(tmp_path / "chain.pem"),
        "c2pa_key": SecretStr(str(tmp_path / "key.pem")),
    }
    assert Credentials.of(settings.model_copy(update=files)).key == key
    none = dict.fromkeys(files)
    assert Credentials.of(settings.model_copy(update=none)).sign(b"as it is", "png") == b"as it is"
