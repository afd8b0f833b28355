"""Tokens made by hand, with no code of the server's: whatever a test wants to present."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class Key:
    """An RSA key of a test's own, or that of a PEM file, and what can be signed with it."""

    def __init__(self, pem: bytes | None = None) -> None:
        private = serialization.load_pem_private_key(pem, None) if pem else rsa.generate_private_key(65537, 2048)
        assert isinstance(private, rsa.RSAPrivateKey)
        self.private = private
        numbers = self.private.public_key().public_numbers()
        self.public_jwk = {"e": number(numbers.e), "kty": "RSA", "n": number(numbers.n)}
        self.kid = b64(hashlib.sha256(json.dumps(self.public_jwk, separators=(",", ":")).encode()).digest())

    @property
    def pem(self) -> bytes:
        form = serialization.PrivateFormat.PKCS8
        return self.private.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())

    def public(self, encoding: serialization.Encoding) -> bytes:
        return self.private.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)

    def sign(self, data: bytes, digest: hashes.HashAlgorithm | None = None) -> bytes:
        return self.private.sign(data, padding.PKCS1v15(), digest or hashes.SHA256())

    def token(
        self,
        header: Any = None,
        claims: Any = None,
        *,
        signature: bytes | None = None,
        digest: hashes.HashAlgorithm | None = None,
    ) -> str:
        """A token signed with this key; `header` and `claims` may be objects, or the very bytes."""
        signing_input = f"{b64(raw(header))}.{b64(raw(claims))}"
        return f"{signing_input}.{b64(self.sign(signing_input.encode(), digest) if signature is None else signature)}"

    def header(self, **other: Any) -> dict[str, Any]:
        return {"alg": "RS256", "kid": self.kid, "typ": "at+jwt"} | other


def raw(part: Any) -> bytes:
    return part if isinstance(part, bytes) else json.dumps(part).encode()


def hs256(secret: bytes, header: Any, claims: Any) -> str:
    signing_input = f"{b64(raw(header))}.{b64(raw(claims))}"
    return f"{signing_input}.{b64(hmac.digest(secret, signing_input.encode(), 'sha256'))}"


def es256(key: ec.EllipticCurvePrivateKey, header: Any, claims: Any) -> str:
    signing_input = f"{b64(raw(header))}.{b64(raw(claims))}"
    r, s = decode_dss_signature(key.sign(signing_input.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{signing_input}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def claims(issuer: str, **other: Any) -> dict[str, Any]:
    """The claims of a good token; one that is given as None is left out."""
    now = int(time.time())
    good = {"iss": issuer, "aud": "workflow_api", "exp": now + 3600, "nbf": now, "scope": ["workflow_api"]}
    return {name: value for name, value in (good | other).items() if value is not None}
