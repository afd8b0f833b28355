"""Tokens for tests: good ones, and ones that are wrong in one named way.

Source: docs/contract.md, 2, "Bearer tokens"; RFC 8725, section 2, for the attacks among them.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import uuid4

from workflow_mock.oauth.keys import ALGORITHM, SigningKey, base64url, compact_json, hmac_token


class TokenKind(StrEnum):
    """What a token for tests is: good, or wrong in one way."""

    GOOD = "good"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    WRONG_ISSUER = "wrong-issuer"
    WRONG_AUDIENCE = "wrong-audience"
    BAD_SIGNATURE = "bad-signature"
    UNKNOWN_KEY = "unknown-key"
    ALGORITHM_NONE = "algorithm-none"
    HMAC_CONFUSION = "hmac-confusion"
    MISSING_SCOPE = "missing-scope"
    OTHER_CUSTOMER = "other-customer"
    NO_EXPIRY = "no-expiry"
    MALFORMED = "malformed"


def make_token(
    kind: TokenKind, claims: Mapping[str, Any], other: Mapping[str, Any], key: SigningKey, clock_skew: timedelta
) -> str:
    """A token of this kind, made of the claims of a good one, and of `other` claims put over them."""
    wrong = dict(claims)
    far = int((clock_skew + timedelta(hours=1)).total_seconds())
    header = {"alg": ALGORITHM, "kid": key.kid, "typ": "at+jwt"}
    match kind:
        case TokenKind.EXPIRED:
            life = claims["exp"] - claims["nbf"]
            wrong |= {"nbf": claims["nbf"] - far - life, "iat": claims["nbf"] - far - life, "exp": claims["nbf"] - far}
        case TokenKind.NOT_YET_VALID:
            wrong |= {"nbf": claims["nbf"] + far, "exp": claims["exp"] + far}
        case TokenKind.WRONG_ISSUER:
            wrong["iss"] = "https://issuer.invalid"
        case TokenKind.WRONG_AUDIENCE:
            wrong["aud"] = f"not-{claims['aud']}"
        case TokenKind.UNKNOWN_KEY:
            header["kid"] = f"not-{key.kid}"
        case TokenKind.MISSING_SCOPE:
            wrong["scope"] = []
        case TokenKind.OTHER_CUSTOMER:
            wrong["customer_id"] = [str(uuid4())]
        case TokenKind.NO_EXPIRY:
            del wrong["exp"]
    wrong |= other
    match kind:
        case TokenKind.ALGORITHM_NONE:
            return f"{base64url(compact_json(header | {'alg': 'none'}))}.{base64url(compact_json(wrong))}."
        case TokenKind.HMAC_CONFUSION:
            return hmac_token(key.public_pem, header | {"alg": "HS256"}, wrong)
    token = key.sign(header, wrong)
    if kind is TokenKind.MALFORMED:
        return token.rpartition(".")[0]
    if kind in (TokenKind.BAD_SIGNATURE, TokenKind.UNKNOWN_KEY):
        # The first character is the first six bits of the signature: any other one is another signature, and under the
        # id of a key that nobody has that is one by another key, as each key that is known is tried.
        signed, _, signature = token.rpartition(".")
        return f"{signed}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
    return token
