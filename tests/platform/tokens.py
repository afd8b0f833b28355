"""The tokens of the corpus, by name: good ones, and ones that are wrong in one way or two.

They were presented to the platform as they are made here, but for the keys, on which no answer depends.
"""

import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from tests.oauth.forge import Key, b64

ISSUER = "https://issuer.twin.test"
KEY_ID = "twin-key"
CUSTOMER = "5f0c1e0a-7d5b-4b5e-9c57-2f1f6c3a9d10"
PAST, FUTURE = 1577836800, 4070908800
"""2020 and 2099."""
OLD = {"nbf": 946684800, "iat": 946684800, "exp": 951004800}
"""Expired on 2000-02-20."""
NEW = {"nbf": 2368051200, "iat": 2368051200}
"""Valid from 2045-01-15."""
ABSENT: Any = object()

HEADER = {"alg": "RS256", "kid": KEY_ID, "typ": "at+jwt"}
CLAIMS = {
    "iss": ISSUER,
    "nbf": PAST,
    "iat": PAST,
    "exp": FUTURE,
    "aud": "workflow_api",
    "client_id": "demo",
    "sub": "demo",
    "jti": "0" * 32,
    "scope": ["workflow_api"],
}

OTHER_CLAIMS: dict[str, dict[str, Any]] = {
    # times
    "expired": OLD,
    "nbf-far": NEW,
    "no-exp": {"exp": ABSENT},
    "no-nbf": {"nbf": ABSENT},
    "no-iat": {"iat": ABSENT},
    "no-nbf-iat": {"nbf": ABSENT, "iat": ABSENT},
    "iat-future": {"iat": FUTURE - 1},
    "iat-string": {"iat": "x"},
    "exp-string": {"exp": str(FUTURE)},
    "exp-word": {"exp": "tomorrow"},
    "exp-fraction": {"exp": FUTURE + 0.5},
    "exp-fraction-expired": OLD | {"exp": 951004800.75},
    "exp-null": {"exp": None},
    "exp-list": {"exp": [FUTURE]},
    "exp-zero": {"nbf": ABSENT, "exp": 0},
    "exp-negative": {"nbf": ABSENT, "exp": -1},
    "exp-last-second": {"exp": 253402300799},
    "exp-past-year-9999": {"exp": 253402300800},
    "exp-1e18": {"exp": 10**18},
    "exp-1e30": {"exp": 10**30},
    "exp-milliseconds": {"exp": FUTURE * 1000},
    "nbf-string": {"nbf": str(PAST)},
    "nbf-word": {"nbf": "yesterday"},
    "nbf-null": {"nbf": None},
    "nbf-after-exp": {"nbf": FUTURE, "exp": FUTURE - 1},
    "nbf-after-exp-both-past": {"nbf": 951004800, "exp": 946684800},
    # the audience
    "no-aud": {"aud": ABSENT},
    "aud-null": {"aud": None},
    "aud-empty": {"aud": ""},
    "aud-empty-list": {"aud": []},
    "aud-wrong": {"aud": "billing_api"},
    "aud-case": {"aud": "Workflow_API"},
    "aud-slash": {"aud": "workflow_api/"},
    "aud-list": {"aud": ["billing_api", "workflow_api"]},
    "aud-list-wrong": {"aud": ["billing_api", "other_api"]},
    "aud-number": {"aud": 7},
    "aud-object": {"aud": {"workflow_api": True}},
    "aud-quote": {"aud": 'a"b\\c'},
    "aud-accent": {"aud": "é漢"},
    "aud-newline": {"aud": "a\r\nX-Injected: 1"},
    "aud-control": {"aud": "a\u0007b"},
    "aud-long": {"aud": "a" * 3000},
    "aud-words": {"aud": "workflow_api other_api"},
    # the issuer
    "no-iss": {"iss": ABSENT},
    "iss-null": {"iss": None},
    "iss-empty": {"iss": ""},
    "iss-wrong": {"iss": "https://issuer.example"},
    "iss-slash": {"iss": f"{ISSUER}/"},
    "iss-case": {"iss": ISSUER.upper()},
    "iss-list": {"iss": [ISSUER]},
    "iss-number": {"iss": 7},
    "iss-quote": {"iss": 'a"b\\c'},
    "iss-accent": {"iss": "é漢"},
    # the scope
    "scope-missing": {"scope": ABSENT},
    "scope-empty": {"scope": ""},
    "scope-empty-list": {"scope": []},
    "scope-null": {"scope": None},
    "scope-other": {"scope": ["other_api"]},
    "scope-list": {"scope": ["other_api", "workflow_api"]},
    "scope-string": {"scope": "workflow_api"},
    "scope-string-many": {"scope": "other_api workflow_api"},
    "scope-case": {"scope": ["Workflow_API"]},
    "scope-number": {"scope": 7},
    "scope-as-scp": {"scope": ABSENT, "scp": "workflow_api"},
    "scope-in-uri-claim": {"scope": ABSENT, "http://schemas.microsoft.com/identity/claims/scope": "workflow_api"},
    "one-claim-twice-in-list": {"scope": ["workflow_api", "workflow_api"]},
    # others
    "no-sub": {"sub": ABSENT},
    "sub-number": {"sub": 7},
    "no-client-id": {"client_id": ABSENT},
    "client-id-list": {"client_id": ["demo"]},
    "no-jti": {"jti": ABSENT},
    "jti-number": {"jti": 7},
    "customer-this": {"customer_id": [CUSTOMER]},
    "customer-other": {"customer_id": ["11111111-2222-4333-8444-555555555555"]},
    "extra-claims": {"deep": {"a": [{"b": [1, None, True]}]}},
    # two that are wrong: which of them is told
    "expired-and-aud": OLD | {"aud": "billing_api"},
    "expired-and-iss": OLD | {"iss": "https://issuer.example"},
    "aud-and-iss": {"aud": "billing_api", "iss": "https://issuer.example"},
    "no-exp-and-aud": {"exp": ABSENT, "aud": "billing_api"},
    "no-exp-and-iss": {"exp": ABSENT, "iss": "https://issuer.example"},
    "no-exp-and-nbf": {"exp": ABSENT} | NEW,
    "scope-and-expired": OLD | {"scope": []},
    "scope-and-aud": {"scope": [], "aud": "billing_api"},
}

OTHER_HEADERS: dict[str, dict[str, Any]] = {
    "typ-jwt": {"typ": "JWT"},
    "typ-jwt-lower": {"typ": "jwt"},
    "typ-missing": {"typ": ABSENT},
    "typ-upper": {"typ": "AT+JWT"},
    "typ-application": {"typ": "application/at+jwt"},
    "typ-application-jwt": {"typ": "application/jwt"},
    "typ-other": {"typ": "logout+jwt"},
    "typ-empty": {"typ": ""},
    "typ-null": {"typ": None},
    "typ-number": {"typ": 7},
    "kid-missing": {"kid": ABSENT},
    "kid-unknown": {"kid": "not-twin-key"},
    "kid-empty": {"kid": ""},
    "kid-null": {"kid": None},
    "kid-number": {"kid": 7},
    "kid-case": {"kid": KEY_ID.upper()},
    "kid-path": {"kid": "../../dev/null"},
    "x5t-unknown": {"x5t": "AAAA"},
    "crit-unknown": {"crit": ["http://example.com/new"], "http://example.com/new": True},
    "crit-b64": {"crit": ["b64"], "b64": True},
    "crit-empty": {"crit": []},
    "crit-exp": {"crit": ["exp"], "exp": FUTURE},
    "b64-true": {"b64": True},
    "zip": {"zip": "DEF"},
    "cty": {"cty": "JWT"},
    "cty-json": {"cty": "json"},
    "jku": {"jku": "http://127.0.0.1:9/jwks"},
    "header-extra": {"foo": {"bar": [1]}},
    "alg-lower": {"alg": "rs256"},
    "alg-missing": {"alg": ABSENT},
    "alg-null": {"alg": None},
    "alg-number": {"alg": 256},
    "alg-list": {"alg": ["RS256"]},
    "alg-unknown": {"alg": "RS257"},
    "alg-es256": {"alg": "ES256"},
    "alg-hs256-over-rsa": {"alg": "HS256"},
    "alg-uri": {"alg": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"},
}

BY_THE_CLOCK = {
    "expired-by-60": {"nbf": -3600, "exp": -60},
    "expired-by-290": {"nbf": -3600, "exp": -290},
    "expired-by-310": {"nbf": -3600, "exp": -310},
    "nbf-in-60": {"nbf": 60},
    "nbf-in-290": {"nbf": 290},
    "nbf-in-310": {"nbf": 310},
}
"""Seconds from now: on either side of the clock skew."""


def text(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()


def changed(members: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**members, **changes}.items() if value is not ABSENT}


def claims(**changes: Any) -> bytes:
    return text(changed(CLAIMS, changes))


def header(**changes: Any) -> dict[str, Any]:
    return changed(HEADER, changes)


class Tokens:
    """The corpus' tokens under a key of this run; `stranger` is a key that nobody trusts."""

    def __init__(self, key: Key | None = None) -> None:
        self.key, self.stranger = key or Key(), Key()
        self._made = self._make()

    def __getitem__(self, name: str) -> str:
        by_the_clock = BY_THE_CLOCK.get(name)
        if by_the_clock is None:
            return self._made[name]
        now = int(time.time())
        return self.sign(HEADER, claims(**{claim: now + seconds for claim, seconds in by_the_clock.items()}))

    def jwks(self) -> str:
        return json.dumps({"keys": [self._jwk(self.key)]})

    @staticmethod
    def _jwk(key: Key) -> dict[str, str]:
        return key.public_jwk | {"use": "sig", "alg": "RS256", "kid": KEY_ID}

    def sign(self, header: Any = HEADER, payload: Any = None, *, key: Key | None = None, alg: str = "RS256") -> str:
        return self._sign_parts(b64(text(header)), b64(text(CLAIMS if payload is None else payload)), key, alg)

    def _sign_parts(self, header: str, payload: str, key: Key | None = None, alg: str = "RS256") -> str:
        digest: hashes.HashAlgorithm = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}[alg[2:]]
        data = f"{header}.{payload}".encode()
        pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
        private = (key or self.key).private
        signature = private.sign(data, pss if alg.startswith("PS") else padding.PKCS1v15(), digest)
        return f"{header}.{payload}.{b64(signature)}"

    def _make(self) -> dict[str, str]:
        good = self.sign()
        made = {"good": good}
        made |= {name: self.sign(HEADER, claims(**changes)) for name, changes in OTHER_CLAIMS.items()}
        made |= {name: self.sign(header(**changes)) for name, changes in OTHER_HEADERS.items()}
        for alg in ("RS384", "RS512", "PS256", "PS384", "PS512"):
            made[f"alg-{alg.lower()}"] = self.sign(header(alg=alg), alg=alg)
        made["alg-ps256-no-kid"] = self.sign(header(alg="PS256", kid=ABSENT), alg="PS256")
        made |= self._forged(good) | self._with_another_signature(good, made) | self._of_another_form(good)
        made |= {name: self.sign(HEADER, payload) for name, payload in PAYLOADS.items()}
        for size in (4, 8, 15, 17, 24, 28, 31, 40):
            made[f"size-{size}k"] = self.sign(HEADER, claims(filler="x" * ((size * 1024 - 900) * 3 // 4)))
        return made

    def _forged(self, good: str) -> dict[str, str]:
        """RFC 8725, section 2."""
        _, payload, signature = good.split(".")
        none = b64(text(header(alg="none")))
        public = self.key.public(serialization.Encoding.PEM)
        return {
            "none": f"{none}.{payload}.",
            "none-with-signature": f"{none}.{payload}.{signature}",
            "none-no-kid": f"{b64(text({'alg': 'none'}))}.{payload}.",
            "none-two-parts": f"{none}.{payload}",
            "none-case": f"{b64(text(header(alg='nOnE')))}.{payload}.",
            "none-expired": f"{none}.{b64(claims(**OLD))}.",
            "hs256-public-pem": _hs256(public, header(alg="HS256")),
            "hs256-public-pem-no-kid": _hs256(public, header(alg="HS256", kid=ABSENT)),
            "hs256-empty-secret": _hs256(b"", header(alg="HS256")),
            "embedded-jwk": self.sign(header(jwk=self._jwk(self.stranger), kid=ABSENT), key=self.stranger),
        }

    def _with_another_signature(self, good: str, made: Mapping[str, str]) -> dict[str, str]:
        first, payload, signature = good.split(".")
        unknown = header(kid="not-twin-key")
        return {
            "signature-flipped": _flipped(good),
            "signature-flipped-no-kid": _flipped(made["kid-missing"]),
            "signature-flipped-kid-unknown": _flipped(made["kid-unknown"]),
            "signature-flipped-and-expired": _flipped(made["expired"]),
            "signature-flipped-and-aud": _flipped(made["aud-wrong"]),
            "signature-empty": f"{first}.{payload}.",
            "signature-short": f"{first}.{payload}.{signature[:100]}",
            "signature-long": f"{good}AAAA",
            "signature-junk-after": f"{good}!",
            "signature-padded": f"{good}==",
            "signature-standard-alphabet": f"{first}.{payload}.{signature.replace('-', '+').replace('_', '/')}",
            "signature-left-over-bits": _with_left_over_bits(good),
            "payload-changed": f"{first}.{b64(claims(sub='admin'))}.{signature}",
            "header-changed": f"{b64(text(header(typ='JWT')))}.{payload}.{signature}",
            "other-key": self.sign(key=self.stranger),
            "other-key-no-kid": self.sign(header(kid=ABSENT), key=self.stranger),
            "other-key-no-kid-expired": self.sign(header(kid=ABSENT), claims(**OLD), key=self.stranger),
            "other-key-kid-unknown": self.sign(unknown, key=self.stranger),
            "other-key-kid-unknown-expired": self.sign(unknown, claims(**OLD), key=self.stranger),
            "other-key-kid-unknown-iss": self.sign(unknown, claims(iss="https://x.example"), key=self.stranger),
            "other-key-kid-unknown-aud": self.sign(unknown, claims(aud="billing_api"), key=self.stranger),
        }

    def _of_another_form(self, good: str) -> dict[str, str]:
        first, payload, signature = good.split(".")
        return {
            "one-part": "abc",
            "two-parts": f"{first}.{payload}",
            "four-parts": f"{good}.AAAA",
            "five-parts": f"{first}.AAAA.AAAA.AAAA.AAAA",
            "six-parts": f"{first}.AAAA.AAAA.AAAA.AAAA.AAAA",
            "dots": "..",
            "dot-first": f".{good}",
            "dot-last": f"{good}.",
            "junk": "!!!",
            "opaque": "3fa9c2d17b5e4860a1f2",
            "guid": CUSTOMER,
            "header-padded": f"{first}{'=' * (-len(first) % 4 or 4)}.{payload}.{signature}",
            "header-padded-and-signed": self._sign_parts(_padded(text(HEADER)), payload),
            "payload-padded-and-signed": self._sign_parts(first, _padded(claims())),
            "header-not-json": f"{b64(b'not json')}.{payload}.{signature}",
            "header-list": self.sign([HEADER]),
            "header-empty-object": self.sign({}),
            "header-repeated-alg": self.sign(b'{"alg":"none","alg":"RS256","kid":"twin-key"}'),
            "header-repeated-alg-none-last": self.sign(b'{"alg":"RS256","kid":"twin-key","alg":"none"}'),
        }


def _noted(note: bytes) -> bytes:
    """The claims with one more, whose value is this text."""
    return claims()[:-1] + b',"note":' + note + b"}"


PAYLOADS: dict[str, Any] = {
    "payload-not-json": b"not json",
    "payload-list": [CLAIMS],
    "payload-empty": b"",
    "payload-empty-object": {},
    "payload-null": b"null",
    "payload-bom": b"\xef\xbb\xbf" + claims(),
    "payload-spaces": b" \r\n" + claims() + b"\n ",
    "payload-junk-after": claims() + b"x",
    "payload-comment": claims()[:-1] + b"/* */}",
    "payload-trailing-comma": claims()[:-1] + b",}",
    "payload-utf16": claims().decode().encode("utf-16-le"),
    "payload-bad-utf8": _noted(b'"\xff\xfe"'),
    "payload-lone-surrogate": _noted(b'"\\ud800"'),
    "payload-raw-control": _noted(b'"a\nb"'),
    "payload-nan": _noted(b"NaN"),
    "payload-huge-number": _noted(b"1e999"),
    "payload-deep-60": _noted(b"[" * 60 + b"]" * 60),
    "payload-deep-70": _noted(b"[" * 70 + b"]" * 70),
    "payload-repeated-sub": claims()[:-1] + b',"sub":"admin"}',
    "payload-repeated-exp": b'{"exp":951004800,' + claims()[1:],
    "payload-repeated-exp-last-expired": claims(nbf=ABSENT)[:-1] + b',"exp":951004800}',
    "payload-repeated-aud": b'{"aud":"billing_api",' + claims()[1:],
    "payload-escaped-name": claims().replace(b'"exp"', b'"e\\u0078p"'),
    "payload-name-case": claims().replace(b'"exp"', b'"EXP"'),
}


def _hs256(secret: bytes, header: Mapping[str, Any]) -> str:
    signed = f"{b64(text(header))}.{b64(claims())}"
    return f"{signed}.{b64(hmac.digest(secret, signed.encode(), 'sha256'))}"


def _flipped(token: str) -> str:
    signed, _, signature = token.rpartition(".")
    return f"{signed}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def _padded(data: bytes) -> str:
    """With padding, which a part never has (RFC 7515, section 2)."""
    return urlsafe_b64encode(data if len(data) % 3 else data[:-1] + b" }").decode()


def _with_left_over_bits(token: str) -> str:
    """The same bytes, with bits set in the last character that belong to none of them."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) | 1]
