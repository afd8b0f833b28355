"""Tokens that must not get in, each with the exact status, code and header of contract section 2, on a real socket."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from tests.oauth.forge import Key, b64, claims, hs256
from tests.support import Answer, Server, path, serving

KEY, OTHER = Key(), Key()
SECRET = b"a secret that has more than 32 bytes in it"
HS_ISSUER = "https://hs.example.com"
ISSUER = "https://issuer.example.com"
CUSTOMER = "5f0c1e0a-7d5b-4b5e-9c57-2f1f6c3a9d10"
NOW = int(time.time())

INVALID = 'Bearer error="invalid_token"'
SIGNATURE = f'{INVALID}, error_description="The signature is invalid"'
NO_KEY = f'{INVALID}, error_description="The signature key was not found"'
NO_EXP = f'{INVALID}, error_description="The token has no expiration"'


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("keys")
    (folder / "key.pem").write_bytes(KEY.pem)
    (folder / "secret").write_bytes(SECRET + b"\n")
    options = ["--signing-key", str(folder / "key.pem"), "--issuer", ISSUER]
    with serving(*options, "--hs256-secret", str(folder / "secret"), "--hs256-issuer", HS_ISSUER) as running:
        now = {"action": "freeze", "to": datetime.fromtimestamp(NOW, UTC).isoformat()}
        assert running.http.put("/__admin/clock", json=now).status_code == 200
        yield running


def present(server: Server, token: str, *more: str) -> Answer:
    lines = [f"POST {path(customer=CUSTOMER)} HTTP/1.1", "Host: x", "Content-Length: 0", *more]
    lines.append(f"Authorization: Bearer {token}")
    (answer,) = server.send("\r\n".join([*lines, "", ""]).encode("latin-1"))
    return answer


def good(**other: Any) -> dict[str, Any]:
    return claims(ISSUER, **{"nbf": NOW, "exp": NOW + 3600} | other)


def signed(header: Any = None, body: Any = None) -> str:
    return KEY.token(KEY.header() if header is None else header, good() if body is None else body)


def with_claim(name: str, value: str) -> str:
    """A good token with this claim's JSON written as it is."""
    text = json.dumps(good(**{name: None}))
    return signed(body=f'{text[:-1]},"{name}":{value}}}'.encode())


def parts(change: Callable[[list[str]], list[str]]) -> str:
    return ".".join(change(signed().split(".")))


def hmac_with(secret: bytes, **header: Any) -> str:
    return hs256(secret, KEY.header(alg="HS256", **header), good())


def trailing_bits(token: str) -> str:
    """Another last character of the signature that decodes to the same bytes."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]


MALFORMED = ("token_malformed", INVALID)
ALGORITHM = ("token_algorithm", SIGNATURE)
UNKNOWN = ("token_key_unknown", NO_KEY)
BAD_SIGNATURE = ("token_signature", SIGNATURE)
CLAIMS = ("token_claims", INVALID)
NO_EXPIRY = ("token_claims", NO_EXP)
EXPIRED = ("token_expired", f"{INVALID}, error_description=\"The token expired at '02/20/2000 00:00:00'\"")
EARLY = ("token_not_yet_valid", f"{INVALID}, error_description=\"The token is not valid before '01/15/2045 00:00:00'\"")


def audience(shown: str) -> tuple[str, str]:
    return "token_audience", f"{INVALID}, error_description=\"The audience '{shown}' is invalid\""


def lifetime(not_before: str, expires: str, code: str = "token_expired") -> tuple[str, str]:
    times = f"NotBefore: '{not_before}', Expires: '{expires}'"
    return code, f'{INVALID}, error_description="The token lifetime is invalid; {times}"'


def issuer(shown: str) -> tuple[str, str]:
    return "token_issuer", f"{INVALID}, error_description=\"The issuer '{shown}' is invalid\""


ATTACKS: dict[str, tuple[str, tuple[str, str]]] = {
    # Form
    "no JWT": ("garbage", MALFORMED),
    "two parts": (parts(lambda p: p[:2]), MALFORMED),
    "four parts": (parts(lambda p: [*p, p[2]]), MALFORMED),
    "five parts, as if encrypted": (parts(lambda p: [*p, p[1], p[2]]), MALFORMED),
    "six parts": (parts(lambda p: [*p, *p]), MALFORMED),
    "empty parts": ("..", MALFORMED),
    "an empty header": (parts(lambda p: ["", p[1], p[2]]), MALFORMED),
    "an empty payload": (parts(lambda p: [p[0], "", p[2]]), BAD_SIGNATURE),
    "an empty payload that is signed": (signed(body=b""), NO_EXPIRY),
    "an empty payload that is not empty": (signed(body=b" "), MALFORMED),
    "an empty signature": (parts(lambda p: [p[0], p[1], ""]), BAD_SIGNATURE),
    "padding": (parts(lambda p: [p[0] + "=", p[1], p[2]]), MALFORMED),
    "padding of the signature": (signed() + "==", MALFORMED),
    "standard base64": (parts(lambda p: [p[0], p[1], p[2][:-4] + "+/+/"]), MALFORMED),
    "white space inside": (parts(lambda p: [p[0], p[1][:9] + " " + p[1][9:], p[2]]), MALFORMED),
    "a tab at the end": (signed() + "\tx", MALFORMED),
    **{f"four of {junk!r} in the signature, which lenient decoders skip": (
        parts(lambda p, junk=junk: [p[0], p[1], p[2][:8] + junk * 4 + p[2][8:]]), MALFORMED)  # type: ignore[misc]
       for junk in "!=+"},
    "a comma and a second token": (signed() + "," + signed(), MALFORMED),
    "junk after the signature": (signed() + "AAAA", BAD_SIGNATURE),
    "junk that is no base64url after the signature": (signed() + "!", MALFORMED),
    "bits left over at the end": (trailing_bits(signed()), MALFORMED),
    "bytes beyond ASCII": (signed() + "\xc3\xa9", MALFORMED),
    "a header that is a list": (signed([KEY.header()]), MALFORMED),
    "a header that is not JSON": (signed(b"{"), MALFORMED),
    "a header that is not utf-8": (signed(b'{"alg":"\xff"}'), MALFORMED),
    "a header that repeats a name": (signed(b'{"alg":"none","alg":"RS256"}'), MALFORMED),
    "claims that repeat a name": (with_claim("exp", f'1,"exp":{NOW + 9}'), MALFORMED),
    "claims that repeat a name of which the last is wrong": (
        with_claim("aud", '"workflow_api","aud":"billing"'), audience("billing")),
    "claims that repeat a name deep inside": (with_claim("x", '[{"a":1,"a":2}]'), MALFORMED),
    "claims that repeat a name before NaN": (with_claim("x", '{"a":1,"a":2},"y":NaN'), MALFORMED),
    "claims that repeat a name, under another key": (
        OTHER.token(KEY.header(), json.dumps(good())[:-1].encode() + b',"exp":1}'), BAD_SIGNATURE),
    "claims that are a string": (signed(body="x"), MALFORMED),
    "claims that are a nested token": (signed(body=signed()), MALFORMED),
    "claims with NaN": (with_claim("x", "NaN"), MALFORMED),
    "claims 5,000 deep": (signed(body=b'{"x":' + b"[" * 5_000 + b"]" * 5_000 + b"}"), MALFORMED),
    "claims 65 deep": (with_claim("x", "[" * 64 + "]" * 64), MALFORMED),
    "claims 65 deep, in objects and lists": (with_claim("x", '[{"a":' * 32 + "1" + "}]" * 32), MALFORMED),
    "a header 65 deep": (signed(json.dumps(KEY.header())[:-1].encode() + b',"x":' + b"[" * 64 + b"]" * 64 + b"}"),
        MALFORMED),
    **{f"half a surrogate pair in {text}": (with_claim("x", text), MALFORMED)
       for text in (r'"\ud800"', r'["a", "\udfff"]', r'1,"\ud800":1')},
    "half a surrogate pair in a list, and the wrong audience": (
        signed(body=good(x=["\ud800"], aud="billing")), audience("billing")),
    "half a surrogate pair in a list, under another key": (
        OTHER.token(KEY.header(), good(x=["\ud800"])), BAD_SIGNATURE),
    "half a surrogate pair in an audience, under another key": (
        OTHER.token(KEY.header(), good(aud=["\ud800"])), MALFORMED),
    "a number of 5,000 digits": (with_claim("exp", "9" * 5_000), MALFORMED),
    "a typ that is a number": (signed(KEY.header(typ=1)), MALFORMED),
    "a cty that is a number": (signed(KEY.header(cty=1)), MALFORMED),
    "a kid that is a number": (signed(KEY.header(kid=1)), MALFORMED),
    "a kid that is a list": (signed(KEY.header(kid=[KEY.kid])), MALFORMED),
    # Algorithm
    **{f"alg {a}": (f"{b64(json.dumps(KEY.header(alg=a)).encode())}.{b64(json.dumps(good()).encode())}.", ALGORITHM)
       for a in ("none", "None", "NONE", "nOnE", "", "rs256", " RS256", "dir", "RSA-OAEP")},
    "alg none with a signature": (signed(KEY.header(alg="none")), ALGORITHM),
    "no alg": (signed({"kid": KEY.kid}), ALGORITHM),
    "alg null": (signed(KEY.header(alg=None)), ALGORITHM),
    "alg a list": (signed(KEY.header(alg=["RS256"])), MALFORMED),
    "alg an object": (signed(KEY.header(alg={"RS256": 1})), MALFORMED),
    **{f"alg {a}, a signature and no kid": (signed({"alg": a}), UNKNOWN)
       for a in ("none", "rs256", "RS512", "PS256", "ES256", "")},
    **{f"alg {a}, no signature and no kid": (KEY.token({"alg": a}, good(), signature=b""), ALGORITHM)
       for a in ("none", "nOnE", "PS256")},
    "alg none, no signature and an unknown kid": (
        KEY.token({"alg": "none", "kid": "x"}, good(), signature=b""), ALGORITHM),
    "alg none, a signature and an unknown kid": (signed({"alg": "none", "kid": "x"}), UNKNOWN),
    "an RSA signature under the HMAC issuer's alg": (signed(KEY.header(alg="HS256")), ALGORITHM),
    "alg that no key has": (signed(KEY.header(alg="RS512")), ALGORITHM),
    "alg PS256": (signed(KEY.header(alg="PS256")), ALGORITHM),
    "alg ES256": (signed(KEY.header(alg="ES256")), ALGORITHM),
    "crit": (signed(KEY.header(crit=["exp"])), ALGORITHM),
    "an empty crit": (signed(KEY.header(crit=[])), ALGORITHM),
    "b64 false": (signed(KEY.header(b64=False)), ALGORITHM),
    "b64 false and crit": (signed(KEY.header(b64=False, crit=["b64"])), ALGORITHM),
    # Confusion: the public key as an HMAC secret, under the RSA key's name and under none
    **{f"HMAC with the public key as {form}": (hmac_with(secret), ALGORITHM) for form, secret in {
        "PEM": KEY.public(Encoding.PEM),
        "PEM without its last line break": KEY.public(Encoding.PEM).rstrip(),
        "DER": KEY.public(Encoding.DER),
        "JWK": json.dumps(KEY.public_jwk).encode(),
        "the JWK's n": KEY.public_jwk["n"].encode(),
        "nothing": b"",
    }.items()},
    "HMAC with the public key under no name": (
        hs256(KEY.public(Encoding.PEM), {"alg": "HS256"}, good()), UNKNOWN),
    "the HMAC issuer's secret in our name": (
        hs256(SECRET, {"alg": "HS256"}, good()), issuer(ISSUER)),
    "our key in the HMAC issuer's name": (signed(body=claims(HS_ISSUER)), issuer(HS_ISSUER)),
    # Key
    "another key": (OTHER.token(OTHER.header(), good()), UNKNOWN),
    "another key under an unknown name, expired": (OTHER.token(OTHER.header(), good(nbf=1, exp=951004800)), EXPIRED),
    "another key under an unknown name, too early": (OTHER.token(OTHER.header(), good(nbf=2368051200, exp=10**17)),
        EARLY),
    "another key under an unknown name, nbf after exp": (
        OTHER.token(OTHER.header(), good(nbf=951004801, exp=951004800)),
        lifetime("02/20/2000 00:00:01", "02/20/2000 00:00:00")),
    "another key under an unknown name, no exp": (
        OTHER.token(OTHER.header(), good(nbf=951004800, exp=None)),
        lifetime("02/20/2000 00:00:00", "01/01/0001 00:00:00")),
    "another key under an unknown name, no times": (OTHER.token(OTHER.header(), good(nbf=None, exp=None)),
        ("token_expired", f"{INVALID}, error_description=\"The token expired at '01/01/0001 00:00:00'\"")),
    "another key under an unknown name, for others by others": (
        OTHER.token(OTHER.header(), claims("https://x.example", aud="billing")), issuer("https://x.example")),
    "another key under an unknown name, for others": (
        OTHER.token(OTHER.header(), good(aud="billing")), audience("billing")),
    "another key under no name, expired and for others by others": (
        OTHER.token({"alg": "RS256"}, claims("https://x.example", aud="billing", nbf=1, exp=2)), UNKNOWN),
    "the public key as PEM, under an unknown name": (
        hs256(KEY.public(Encoding.PEM), {"alg": "HS256", "kid": "x"}, good()), UNKNOWN),
    "another key under no name": (OTHER.token({"alg": "RS256"}, good()), UNKNOWN),
    **{f"another key under a kid that is {name}": (OTHER.token(OTHER.header(kid=kid), good()), UNKNOWN)
       for name, kid in {"a path": "../../../../dev/null", "SQL": "' OR 1=1 --", "long": "k" * 8_000, "empty": "",
                         "ours in another case": KEY.kid.swapcase()}.items()},
    "a flipped signature under an unknown kid": (
        KEY.token(KEY.header(kid="x"), good(), signature=KEY.sign(b"another text")), UNKNOWN),
    "a key of its own in jwk": (OTHER.token({"alg": "RS256", "jwk": OTHER.public_jwk}, good()), UNKNOWN),
    "a key of its own at jku": (OTHER.token({"alg": "RS256", "jku": "https://evil.example/jwks"}, good()), UNKNOWN),
    "a key of its own in x5c": (OTHER.token({"alg": "RS256", "x5c": ["MIIB"]}, good()), UNKNOWN),
    "a key of its own at x5u": (OTHER.token({"alg": "RS256", "x5u": "https://evil.example/x"}, good()), UNKNOWN),
    # Signature
    "another key under our key's name": (OTHER.token(KEY.header(), good()), BAD_SIGNATURE),
    "other claims": (parts(lambda p: [p[0], b64(json.dumps(good(sub="admin")).encode()), p[2]]), BAD_SIGNATURE),
    "another header": (parts(lambda p: [b64(json.dumps(KEY.header(x=1)).encode()), p[1], p[2]]), BAD_SIGNATURE),
    "half a signature": (parts(lambda p: [p[0], p[1], p[2][:172]]), BAD_SIGNATURE),
    "a signature of zeros": (KEY.token(KEY.header(), good(), signature=bytes(256)), BAD_SIGNATURE),
    "another hash": (KEY.token(KEY.header(), good(), signature=KEY.sign(b"x", hashes.SHA512())), BAD_SIGNATURE),
    # Lifetime
    "expired": (signed(body=good(nbf=1, exp=951004800)), EXPIRED),
    "expired, by half a second less": (signed(body=good(nbf=None, exp=951004799.5)), EXPIRED),
    "expired beyond the skew": (signed(body=good(nbf=None, exp=NOW - 400)), ("token_expired", "")),
    **{f"expired before 1970, at {exp}": (signed(body=good(nbf=None, exp=exp)), (
        "token_expired", f"{INVALID}, error_description=\"The token expired at '01/01/1970 00:00:00'\""))
       for exp in (0, -1, -0.5, -10**18)},
    "not yet valid": (signed(body=good(nbf=2368051200, exp=2368051200)), EARLY),
    "not yet valid beyond the skew": (signed(body=good(nbf=NOW + 1_000)), ("token_not_yet_valid", "")),
    "nbf after exp, both past": (signed(body=good(nbf=951004800, exp=946684800)),
        lifetime("02/20/2000 00:00:00", "01/01/2000 00:00:00")),
    "nbf after exp, both to come": (signed(body=good(nbf=2368051201, exp=2368051200)),
        lifetime("01/15/2045 00:00:01", "01/15/2045 00:00:00", "token_not_yet_valid")),
    "nbf past the calendar": (signed(body=good(nbf=10**18, exp=2368051200)),
        lifetime("12/31/9999 23:59:59", "01/15/2045 00:00:00", "token_not_yet_valid")),
    "nbf and exp past the calendar": (signed(body=good(nbf=10**18, exp=10**18)), ("token_not_yet_valid",
        f"{INVALID}, error_description=\"The token is not valid before '12/31/9999 23:59:59'\"")),
    "no exp, and all else wrong": (signed(body=claims("https://x.example", exp=None, nbf=2368051200, aud="x")),
        NO_EXPIRY),
    # Audience and issuer
    "another audience": (signed(body=good(aud="billing")), audience("billing")),
    "several other audiences": (signed(body=good(aud=["a", "b"])), audience("a, b")),
    "no audience": (signed(body=good(aud=None)), audience("empty")),
    "an empty audience": (signed(body=good(aud="")), audience("(null)")),
    **{f"the audience with {more!r} after it": (signed(body=good(aud="workflow_api" + more)),
        audience("workflow_api" + more)) for more in ("//", "/ ", "/x")},
    "an audience in another case": (signed(body=good(aud="Workflow_API")), audience("Workflow_API")),
    "an audience that breaks out of its quotes": (
        signed(body=good(aud='x", y="\r\nSet-Cookie: z')), audience('x\\", y=\\"??Set-Cookie: z')),
    "another issuer": (signed(body=claims("https://evil.example")), issuer("https://evil.example")),
    "no issuer": (signed(body=good(iss=None)), issuer("")),
    "an empty issuer": (signed(body=claims("")), issuer("")),
    "an issuer that is null": (with_claim("iss", "null"), issuer("(null)")),
    "an issuer with a slash more": (signed(body=claims(ISSUER + "/")), issuer(ISSUER + "/")),
    "an issuer in another case": (signed(body=claims(ISSUER.upper())), issuer(ISSUER.upper())),
    "an issuer that looks alike": (signed(body=claims("https://іssuer.example.com")), issuer("https://?ssuer.example.com")),
    "an issuer of one lone surrogate": (with_claim("iss", r'"\ud800"'), MALFORMED),
    # Claims
    "no exp": (signed(body=good(exp=None)), NO_EXPIRY),
    **{f"{name} {value}": (with_claim(name, value), CLAIMS) for name, value in (
        *((name, value) for name in ("exp", "nbf", "iat") for value in (
            "null", "true", '"2000000000"', '"x"', "[]", "{}", "1e400", "-1e400", "1e300", "1e19", "-1e19", str(2**63),
            "9" * 400)),
        ("sub", "true"), ("sub", "[]"), ("sub", "{}"), ("jti", "1"), ("jti", "[]"), ("azp", "1"),
        *((name, value) for name in ("aud", "iss") for value in ("1", "true", "{}", "1.5")),
        ("aud", "[1]"), ("aud", '["workflow_api", 1]'), ("aud", '[["workflow_api"]]'), ("iss", '["x"]'), ("iss", "[]"),
        ("customer_id", "1"), ("customer_id", "null"), ("customer_id", "[null]"),
    )},
    **{f"aud {value}": (with_claim("aud", value), audience("empty")) for value in ("null", "[]", "[null]")},
    "aud 1 under another key": (OTHER.token(KEY.header(), good(aud=1)), CLAIMS),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_it_does_not_get_in(guarded: Server, name: str) -> None:
    token, (code, challenge) = ATTACKS[name]
    answer = present(guarded, token)
    assert (answer.status, answer.json()["meta"]["errors"][0]["code"]) == (401, code)
    shown = answer.header("www-authenticate") or ""
    assert shown == challenge if challenge else shown.startswith(f"{INVALID}, error_description=")


def test_the_table_is_long_enough() -> None:
    assert len(ATTACKS) >= 100


GOOD: dict[str, str] = {
    "as the server's own": signed(),
    "no kid": signed({"alg": "RS256"}),
    "kid null": signed(KEY.header(kid=None)),
    **{f"a kid that no key has: {name}": signed(KEY.header(kid=kid))
       for name, kid in {"a letter": "x", "empty": "", "ours in another case": KEY.kid.swapcase(), "SQL": "' OR 1=1 --",
                         "a path": "../../../../dev/null", "long": "k" * 8_000}.items()},
    **{f"typ {typ!r}": signed(KEY.header(typ=typ))
       for typ in ("JWT", "application/AT+JWT", "id+jwt", "application/okta-internal-at+jwt", "", None)},
    "other members in the header": signed(
        KEY.header(jku="https://evil.example", jwk=OTHER.public_jwk, zip="DEF", x5t="x")),
    "two audiences": signed(body=good(aud=["other", "workflow_api"])),
    "a slash after the audience": signed(body=good(aud="workflow_api/")),
    "a slash after one of two audiences": signed(body=good(aud=["other", "workflow_api/"])),
    "null among the audiences": with_claim("aud", '[null, "workflow_api"]'),
    "scopes as words": signed(body=good(scope="openid workflow_api")),
    "others than words among the scopes": signed(body=good(scope=["workflow_api", 1, None, {"x": 1}])),
    "expired within the skew": signed(body=good(nbf=None, exp=NOW - 200)),
    "not yet valid within the skew": signed(body=good(nbf=NOW + 200)),
    "no nbf": signed(body=good(nbf=None)),
    "nbf before 1970": signed(body=good(nbf=-(10**18))),
    "exp with a fraction": signed(body=good(exp=NOW + 0.5)),
    **{f"exp {name}, which is past the calendar": signed(body=good(exp=exp))
       for name, exp in {"by a second": 253402300800, "in milliseconds": NOW * 1000, "10^18": 10**18,
                         "2^63-1": 2**63 - 1}.items()},
    "iat past the calendar": signed(body=good(iat=10**18)),
    "claims that nobody reads": signed(body=good(at_hash="x", x={"y": [None, 1.5]}, sub=7, client_id=["demo"], cnf=1)),
    "sub null": with_claim("sub", "null"),
    "half a surrogate pair where nobody reads": with_claim("x", r'{"y": "\ud800"}'),
    "a number out of range where nobody reads": with_claim("x", "1e999"),
    "claims 64 deep": with_claim("x", "[" * 63 + "]" * 63),
    "many lists side by side": with_claim("x", "[" + "[]," * 200 + "[]]"),
    "30 kB": signed(body=good(x="x" * 22_000)),
    "its customer in upper case": signed(body=good(customer_id=CUSTOMER.upper())),
    "two customers": signed(body=good(customer_id=["x", CUSTOMER])),
    "HS256": hs256(SECRET, {"alg": "HS256", "typ": "JWT"}, claims(HS_ISSUER)),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_a_good_token_of_any_form_does(guarded: Server, name: str) -> None:
    assert present(guarded, GOOD[name]).status == 415  # the token is good; the request has no Content-Type


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"scope": ["other"]}, "insufficient_scope"),
        ({"scope": None}, "insufficient_scope"),
        ({"scope": "workflow_api2 xworkflow_api"}, "insufficient_scope"),
        ({"scope": 7}, "insufficient_scope"),
        ({"scope": True}, "insufficient_scope"),
        ({"scope": {"workflow_api": 1}}, "insufficient_scope"),
        ({"scope": [["workflow_api"]]}, "insufficient_scope"),
        ({"customer_id": "6f0c1e0a-7d5b-4b5e-9c57-2f1f6c3a9d10"}, "customer_forbidden"),
        ({"customer_id": []}, "customer_forbidden"),
    ],
)
def test_a_token_without_the_right_is_forbidden(guarded: Server, other: Any, code: str) -> None:
    answer = present(guarded, signed(body=good(**other)))
    assert (answer.status, answer.json()["meta"]["errors"][0]["code"]) == (403, code)
    assert answer.header("www-authenticate") is None


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "token_missing"),
        ("", "token_missing"),
        ("Bearer", "token_missing"),
        ("Bearer ", "token_missing"),
        ("Basic ZGVtbzpkZW1v", "token_missing"),
        (signed(), "token_missing"),
        (f"Bearer{signed()}", "token_missing"),
        (f"Bearer {signed()} x", "token_malformed"),
        (f'Bearer "{signed()}"', "token_malformed"),
    ],
)
def test_a_header_without_a_bearer_token_is_none(guarded: Server, authorization: str | None, code: str) -> None:
    line = "" if authorization is None else f"Authorization: {authorization}\r\n"
    (answer,) = guarded.send(f"POST {path()} HTTP/1.1\r\nHost: x\r\n{line}Content-Length: 0\r\n\r\n".encode())
    assert (answer.status, answer.json()["meta"]["errors"][0]["code"]) == (401, code)
    assert answer.header("www-authenticate") == ("Bearer" if code == "token_missing" else INVALID)


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "beaRER  "])
def test_the_name_of_the_scheme_matches_in_any_case(guarded: Server, scheme: str) -> None:
    line = f"Authorization: {scheme} {signed()}\r\n"
    (answer,) = guarded.send(f"POST {path()} HTTP/1.1\r\nHost: x\r\n{line}Content-Length: 0\r\n\r\n".encode())
    assert answer.status == 415


# Each fault of a token, in the order in which they are looked for: in its header, in its claims.
Fault = tuple[dict[str, Any], dict[str, Any]]
FORM: dict[str, Fault] = {
    "token_malformed": ({"typ": 1}, {}),
    "token_claims": ({}, {"jti": 1}),
    "token_algorithm": ({"crit": []}, {}),
}
LIFETIME: dict[str, Fault] = {
    "has no expiration": ({}, {"exp": None}),
    "lifetime is invalid": ({}, {"nbf": 2368051200, "exp": 1}),
    "is not valid before": ({}, {"nbf": 2368051200, "exp": 2368051200}),
    "expired at": ({}, {"nbf": None, "exp": 1}),
}
AUDIENCE: dict[str, Fault] = {"The audience": ({}, {"aud": "other"})}
FOREIGN: dict[str, Fault] = {"The issuer": ({}, {"iss": "https://other.example"})}
RIGHTS: dict[str, Fault] = {
    "insufficient_scope": ({}, {"scope": ["other"]}),
    "customer_forbidden": ({}, {"customer_id": "none"}),
}
ALL_WRONG: dict[str, Any] = {"nbf": None, "exp": 1, "aud": "other", "iss": "https://other.example", "scope": []}
TIMES = {told: fault for told, fault in LIFETIME.items() if told != "has no expiration"}
ORDERS: dict[str, tuple[Key, str | None, dict[str, Fault]]] = {
    "a key that fits": (KEY, KEY.kid, FORM | LIFETIME | AUDIENCE | FOREIGN | RIGHTS),
    "a known key that doesn't fit": (OTHER, KEY.kid, FORM | {"token_signature": ({}, ALL_WRONG)}),
    "an unknown key": (OTHER, "x", FORM | TIMES | FOREIGN | AUDIENCE | {"token_key_unknown": ({}, {"scope": []})}),
    "no key that is named": (OTHER, None, FORM | {"token_key_unknown": ({}, ALL_WRONG)}),
}


@pytest.mark.parametrize(
    ("order", "first"), [(order, first) for order, (_, _, faults) in ORDERS.items() for first in faults]
)
def test_of_several_faults_the_first_in_the_order_is_answered(guarded: Server, order: str, first: str) -> None:
    key, kid, faults = ORDERS[order]
    header, body = {"alg": "RS256", "kid": kid, "typ": "at+jwt"}, good()
    for name in reversed(list(faults)[list(faults).index(first) :]):
        header |= faults[name][0]
        body |= faults[name][1]
    answer = present(guarded, key.token(header, {name: value for name, value in body.items() if value is not None}))
    code = answer.json()["meta"]["errors"][0]["code"]
    assert first == code or first in (answer.header("www-authenticate") or "")


def test_a_token_seen_before_is_good_for_no_other_customer_and_no_longer_than_it_says(guarded: Server) -> None:
    token = signed(body=good(customer_id=CUSTOMER))
    assert present(guarded, token).status == 415
    assert guarded.start(token=token).status_code == 403
    assert present(guarded, token).status == 415


def test_the_skew_is_a_setting(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(KEY.pem)
    options = ["--signing-key", str(tmp_path / "key.pem"), "--issuer", ISSUER, "--clock-skew", "0"]
    with serving(*options, "--require-customer-claim") as own:
        assert (
            present(own, signed(body=good(nbf=None, exp=NOW - 2))).json()["meta"]["errors"][0]["code"]
            == "token_expired"
        )
        assert present(own, signed()).json()["meta"]["errors"][0]["code"] == "customer_forbidden"
        assert present(own, signed(body=good(customer_id=CUSTOMER))).status == 415


def test_nothing_of_a_token_is_in_the_log(guarded: Server) -> None:
    present(guarded, signed())
    text = guarded.log.read_text()
    assert "401" in text
    assert not any(part in text for part in signed().split("."))
    assert SECRET.decode() not in text
