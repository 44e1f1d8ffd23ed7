"""Content credentials: downloads signed by whoever hosts the studio.

C2PA (Coalition for Content Provenance and Authenticity, Technical Specification 2.2, 2025): a
manifest in the file says what made it, and that a machine did; the host's certificate signs it
together with the file's bytes, so that whoever changes either is found out. The recipe is among
those bytes.
"""

from __future__ import annotations

import io
import json
import logging
from typing import Any

from PIL import Image

from studio.errors import BadSetting
from studio.provenance import MADE_BY_A_MODEL
from studio.settings import Settings, text_or_file

FORMATS = ("png", "jpg", "gif", "webp", "mp4", "wav", "pdf")
"""Those of the studio's files that can hold a manifest."""

log = logging.getLogger(__name__)


class Credentials:
    """Signs files; without a certificate it hands them on as they are."""

    def __init__(self, certificate: str = "", key: str = "") -> None:
        """Args: certificate: PEM, the host's own first, then those above it; key: PEM, its own."""
        self.certificate, self.key = certificate, key

    @classmethod
    def of(cls, settings: Settings) -> Credentials:
        """Raises: BadSetting: no file can be signed with what the settings name."""
        certificate, key = settings.c2pa_certificate, settings.c2pa_key
        if certificate is None and key is None:
            return cls()
        if certificate is None or key is None:
            raise BadSetting("c2pa_half")
        try:
            made = cls(text_or_file(certificate), text_or_file(key.get_secret_value()))
            made.signed(pixel(), "png")
        except ModuleNotFoundError as error:
            raise BadSetting("c2pa_without_library") from error
        except Exception as error:
            # Not of what was read, in which a key may be.
            reason = str(error)[:200] if type(error).__module__.startswith("c2pa") else ""
            raise BadSetting("c2pa_unusable", reason=reason or type(error).__name__) from None
        return made

    def sign(self, content: bytes, format: str) -> bytes:
        """A file with its manifest. A work is worth more than its credentials: it is handed on
        without them where they cannot be made, as when a certificate has run out.

        Args:
            format: the file's ending, such as png.
        """
        if not self.certificate or format not in FORMATS:
            return content
        try:
            return self.signed(content, format)
        except Exception:
            log.warning("a %s file could not be signed", format, exc_info=True)
            return content

    def signed(self, content: bytes, format: str) -> bytes:
        """Raises: c2pa.C2paError, ValueError: it cannot be signed."""
        import c2pa

        info = c2pa.C2paSignerInfo(
            alg=algorithm(self.key),
            sign_cert=self.certificate.encode(),
            private_key=self.key.encode(),
            ta_url=None,  # nobody is asked for the time: files are signed where there is no network
        )
        # A preview would be as large again as many a work.
        settings = {"builder": {"thumbnail": {"enabled": False}}}
        target = io.BytesIO()
        with (
            c2pa.Context.from_dict(settings, c2pa.Signer.from_info(info)) as context,
            c2pa.Builder(json.dumps(manifest()), context) as builder,
        ):
            builder.sign(format, io.BytesIO(content), target)
        return target.getvalue()


def pixel() -> bytes:
    """A picture to try a certificate on."""
    stream = io.BytesIO()
    Image.new("RGB", (1, 1)).save(stream, "PNG")
    return stream.getvalue()


def manifest() -> dict[str, Any]:
    """What is claimed of every file: that it was created, by this program, with a trained model."""
    program = {"name": "Latent Studio"}
    created = {
        "action": "c2pa.created",
        "digitalSourceType": MADE_BY_A_MODEL,
        "softwareAgent": program,
    }
    return {
        "claim_generator_info": [program],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [created]}}],
    }


def algorithm(key: str) -> Any:
    """The one that fits a private key. Raises: ValueError: not a key that C2PA allows."""
    import c2pa
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    private = load_pem_private_key(key.encode(), password=None)
    of = c2pa.C2paSigningAlg
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return {256: of.ES256, 384: of.ES384, 521: of.ES512}[private.curve.key_size]
    if isinstance(private, rsa.RSAPrivateKey):
        return of.PS256
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return of.ED25519
    raise ValueError("C2PA allows keys for ECDSA, RSA and Ed25519")
