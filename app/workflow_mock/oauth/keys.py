"""Keys: making, reading, signing, verifying. The one module that imports python-jose.

Only jose's key objects are used, each built once. Its `jwt.decode` and `jws.verify` are not: they choose the algorithm
and skip the checks that docs/contract.md, 2.1, "Keys" lists. The parts of a token are taken apart in `oauth.jws`.
"""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jose import jwk
from jose.backends.base import Key
from jose.exceptions import JOSEError
from jose.utils import base64_to_long

from workflow_mock.errors import ConfigError
from workflow_mock.settings import flag

ALGORITHM = "RS256"
"""The algorithm of the server's own keys."""

_EC_ALGORITHMS = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
_RSA_ALGORITHMS = ("RS256", "RS384", "RS512")
ASYMMETRIC_ALGORITHMS = (*_RSA_ALGORITHMS, *_EC_ALGORITHMS.values())
NO_KEY = f"it has no key for {', '.join(ASYMMETRIC_ALGORITHMS)}"
_MINIMUM_RSA_BITS = 2048
_MINIMUM_SECRET_BYTES = 32
_MAXIMUM_KEYS = 100
"""Of a JWK Set."""
_THUMBPRINT_MEMBERS = ("e", "kty", "n")


class InvalidKeyError(ValueError):
    """A key can't be read or must not be used; the message says why."""


def base64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515, section 2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def compact_json(document: Mapping[str, Any]) -> bytes:
    """JSON without white space, in ASCII."""
    return json.dumps(document, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True, eq=False)
class VerificationKey:
    """A key that verifies signatures of one algorithm, and no other (RFC 8725, section 3.1)."""

    kid: str | None
    algorithm: str
    _key: Key

    def is_named(self, kid: str | None) -> bool:
        """Whether a token with this key id may be signed with it; the id of a token or key without one fits any."""
        return kid is None or self.kid is None or self.kid == kid

    def verifies(self, signing_input: bytes, signature: bytes) -> bool:
        """Whether the signature is one by this key; a signature that can't be read is none."""
        try:
            return bool(self._key.verify(signing_input, signature))
        except (JOSEError, ValueError, TypeError):  # an ECDSA signature of a wrong length, say
            return False


class SigningKey:
    """An RSA key pair of the server's own. Its key id is the thumbprint of the public key (RFC 7638)."""

    def __init__(self, private: rsa.RSAPrivateKey) -> None:
        pair: Any = private  # jose takes it, its stubs don't know
        self._private = jwk.construct(pair, ALGORITHM)
        public = self._private.public_key()
        members = {name: _text(value) for name, value in public.to_dict().items()}
        self.kid = base64url(hashlib.sha256(compact_json({n: members[n] for n in _THUMBPRINT_MEMBERS})).digest())
        self.public_jwk: Mapping[str, str] = {**members, "use": "sig", "kid": self.kid}
        self.public = VerificationKey(self.kid, ALGORITHM, public)

    @classmethod
    def generate(cls) -> "SigningKey":
        """A new 2048-bit key. Takes about 50 ms, so it is made on a thread of its own."""
        return cls(rsa.generate_private_key(public_exponent=65537, key_size=_MINIMUM_RSA_BITS))

    @classmethod
    def from_pem(cls, pem: bytes) -> "SigningKey":
        """Raises InvalidKeyError."""
        try:
            private = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            hint = " (it has a passphrase: remove it)" if isinstance(error, TypeError) else ""
            raise InvalidKeyError(f"it isn't an unencrypted private key in PEM form{hint}") from None
        if not isinstance(private, rsa.RSAPrivateKey) or private.key_size < _MINIMUM_RSA_BITS:
            raise InvalidKeyError(f"it isn't an RSA key of at least {_MINIMUM_RSA_BITS} bits")
        return cls(private)

    @classmethod
    def begin(cls, pem: Path | None) -> Future["SigningKey"]:
        """The key in this file; or a new one, made in the background. Raises ConfigError."""
        if pem is None:
            return ThreadPoolExecutor(1, "key").submit(cls.generate)
        made: Future[SigningKey] = Future()
        try:
            made.set_result(cls.from_pem(pem.read_bytes()))
        except (InvalidKeyError, OSError) as error:
            raise ConfigError(f"{flag('signing_key')} {pem}: {error}") from None
        return made

    def token(self, claims: Mapping[str, Any]) -> str:
        """An access token with these claims (RFC 9068, section 2.1)."""
        return self.sign({"alg": ALGORITHM, "kid": self.kid, "typ": "at+jwt"}, claims)

    def sign(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        """A JWS in compact form (RFC 7515, section 7.1) of this header and these claims, as they are."""
        signing_input = f"{base64url(compact_json(header))}.{base64url(compact_json(claims))}"
        return f"{signing_input}.{base64url(self._private.sign(signing_input.encode()))}"

    @property
    def public_pem(self) -> bytes:
        """The public key in PEM form."""
        pem: bytes = self._private.public_key().to_pem()
        return pem


def hmac_token(secret: bytes, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """A JWS with an HMAC under whatever secret: what an attacker makes who takes a public key for one."""
    signing_input = f"{base64url(compact_json(header))}.{base64url(compact_json(claims))}"
    return f"{signing_input}.{base64url(hmac.digest(secret, signing_input.encode(), 'sha256'))}"


def doubt_of_secret(secret: bytes) -> str | None:
    """What a secret has that an editor may have put into its file."""
    if secret.startswith((BOM_UTF8, BOM_UTF16_LE, BOM_UTF16_BE)):
        return "begins with a byte order mark"
    return None if secret == secret.strip() else "begins or ends with white space"


def shared_secret(secret: bytes) -> VerificationKey:
    """An HS256 secret of at least 32 bytes (RFC 7518, section 3.2). Raises InvalidKeyError."""
    if len(secret) < _MINIMUM_SECRET_BYTES:
        raise InvalidKeyError(f"an HS256 secret needs {_MINIMUM_SECRET_BYTES} bytes; this one has {len(secret)}")
    try:
        return VerificationKey(None, "HS256", jwk.construct(secret, "HS256"))
    except JOSEError:
        raise InvalidKeyError("it looks like a public key or certificate, which must never be an HMAC secret") from None


def read_jwks(text: bytes) -> tuple[VerificationKey, ...]:
    """The signature keys of a JWK Set (RFC 7517, section 5) that can be used; others in it are passed over.

    Symmetric keys are never taken from a set, nor RSA keys under 2048 bits. Raises InvalidKeyError (no JWK Set).
    """
    try:
        entries = json.loads(text)["keys"]
    except (ValueError, TypeError, LookupError, RecursionError):
        entries = None
    if not isinstance(entries, list):
        raise InvalidKeyError('it isn\'t a JWK Set: a JSON object with a list "keys"')
    usable = [keys for entry in entries if isinstance(entry, dict) and (keys := _keys_of(entry))]
    if len(usable) > _MAXIMUM_KEYS:
        raise InvalidKeyError(f"it has over {_MAXIMUM_KEYS} keys")
    return tuple(key for keys in usable for key in keys)


def _keys_of(entry: Mapping[str, Any]) -> list[VerificationKey]:
    """The entry once for each algorithm that it serves; none if it can't be used."""
    kid, operations = entry.get("kid"), entry.get("key_ops", ["verify"])
    if entry.get("use", "sig") != "sig" or not isinstance(kid, str | None):
        return []
    if not isinstance(operations, list) or "verify" not in operations:
        return []
    # Should a set publish a private key by mistake, its public half is used.
    public = {name: entry[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in entry}
    try:
        if public.get("kty") == "RSA" and base64_to_long(public["n"]).bit_length() < _MINIMUM_RSA_BITS:
            return []
        return [
            VerificationKey(kid, algorithm, jwk.construct(public | {"alg": algorithm}, algorithm))
            for algorithm in _algorithms_of(entry)
        ]
    except (JOSEError, ValueError, TypeError, AttributeError, LookupError, OverflowError):
        return []


def _algorithms_of(entry: Mapping[str, Any]) -> Sequence[str]:
    """The algorithm that a key names, else those that its type and curve have (RFC 8725, section 3.1)."""
    declared = entry.get("alg")
    fitting: Sequence[str] = ()
    if entry.get("kty") == "RSA":
        fitting = _RSA_ALGORITHMS
    elif entry.get("kty") == "EC" and (curve := str(entry.get("crv"))) in _EC_ALGORITHMS:
        fitting = (_EC_ALGORITHMS[curve],)
    return fitting if declared is None else [algorithm for algorithm in fitting if algorithm == declared]


def _text(value: str | bytes) -> str:
    return value.decode("ascii") if isinstance(value, bytes) else value
