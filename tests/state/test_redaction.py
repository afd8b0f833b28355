"""What is secret in a request is shown nowhere, however it is written; what is innocent stays as it was sent."""

import base64
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from workflow_mock.errors import ErrorDetail, ValidationDetail
from workflow_mock.http.content_type import FORM
from workflow_mock.http.messages import Response
from workflow_mock.state.exchange import REQUEST_TOKEN, START_EXECUTION, Exchange, Facts, Result, Target
from workflow_mock.state.redaction import (
    REDACTED,
    is_secret_name,
    redact_body,
    redact_form,
    redact_headers,
    redact_json,
    redact_path,
    redact_text,
    redact_tokens,
)

from tests.support import request_of

SECRET = "hush-hush-hush"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


SIGNATURE = b64(b"\x93\x07signature that nobody may see")
HEADERS = [
    b'{"alg":"RS256","typ":"at+jwt"}',
    b'{ "alg" : "RS256" }',
    b'{\n  "typ": "JWT",\n  "alg": "none"\n}',
    b'{\r\n\t"alg":"ES256"} \n',
    b'{"\\u0061lg":"HS256","kid":"\xc3\xa9"}',
    b'{"alg":""}',
]
TOKENS = [f"{b64(header)}.{claims}.{SIGNATURE}" for header in HEADERS for claims in (b64(b'{ "sub": "x" }'), "e30", "")]
TOKENS += [f"{b64(HEADERS[1])}.{SIGNATURE}", f"{b64(HEADERS[0])}..{b64(b'iv')}.{SIGNATURE}.{b64(b'tag')}"]
BEFORE = [
    "",
    "see ",
    "\\n",
    "\n",
    "_",
    "-",
    "x",
    "xy",
    "abc",
    "=",
    "%3D",
    "%2E",
    ".",
    "a.b.",
    "v1.",
    "eyJ",
    "eHsi",
    "%20",
    "é",
    '"',
]


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("token", TOKENS)
def test_a_token_is_known_by_its_shape_wherever_it_stands(token: str, before: str) -> None:
    for text in (
        before + token,
        f"{before}{token} and more",
        before + token.replace(".", "%2E"),
        quote(before + token),
    ):
        assert SIGNATURE not in redact_text(text)
        assert SIGNATURE not in redact_path(text.encode())
        assert SIGNATURE not in redact_body(text.encode(), {}, False).decode()
        assert SIGNATURE not in json.dumps(redact_json({"a": [{"b": text}], text: 1}))
        assert SIGNATURE not in redact_form(b"x=" + quote(text).encode(), only_plain=False).decode()
        assert SIGNATURE not in json.dumps(list(map(repr, redact_headers({b"x-note": text.encode()}).items())))
    assert SIGNATURE not in redact_tokens(before + token)


@given(st.binary(max_size=12), st.text(alphabet="abz019-_", max_size=9), st.integers(0, 3))
def test_no_text_before_a_token_hides_it(padding: bytes, before: str, spaces: int) -> None:
    header = b"{" + b" \n"[: spaces % 3] + b'"alg":"none","x":"' + padding.hex().encode() + b'"}'
    assert SIGNATURE not in redact_text(f"{before}{b64(header)}.e30.{SIGNATURE}")


INNOCENT = [
    "127.0.0.1:8080",
    "workflow-mock-in-a-network.example.com",
    "python-httpx2/0.27.0",
    "gzip, deflate, br;q=1.0, *;q=0.5",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "http://localhost:3000/page?workflow=7&name=a%20b#top",
    "basic setup of a workflow",
    "2030-01-01T00:00:00.1234567Z",
    "com.example.workflows.StartWorkflowExecution.Handler",
    f"{b64(b'no object at all, but long')}.{SIGNATURE}",
    "/api/workflow/v1.0/customer/3c90c3cc-0d44-4b50-8888-8dd25736052a/workflow/x/WorkflowExecution",
]


@pytest.mark.parametrize("text", INNOCENT)
def test_what_is_innocent_stays_as_it_was_sent(text: str) -> None:
    body = json.dumps({"data": {"workflowId": text}}, indent=1).encode()
    assert redact_text(text) == text
    assert redact_body(body, {}, False) == body
    assert redact_headers({b"x-note": text.encode()}) == {b"x-note": text.encode()}


TELLING = """
    Authorization Proxy-Authorization Authentication X-Auth X-Access-Token id_token Client-Secret client_secret
    clientSecret Client_Secret Password passwd X-Pass X-Passphrase pwd Cookie Set-Cookie X-Api-Key api_key apikey ApiKey
    APIKey X-Apikey Ocp-Apim-Subscription-Key X-Functions-Key X-Access-Key X-Private-Key X-Key key keys accessKey
    AWSAccessKeyId X-Bearer bearer X-Signature X-Hub-Signature-256 sig X-Session X-Session-Id JSESSIONID sessionid
    X-Csrf X-Csrf-Token X-Xsrf-Token jwt X-JWT DPoP assertion client_assertion X-Credential credentials code
    code_verifier SAMLResponse X-Hmac otp pin userPin X-Amz-Security-Token myKey my_key
""".split()  # noqa: SIM905
HARMLESS = """
    Accept Content-Type Host User-Agent X-Monkey Idempotency-Key X-Idempotency-Key idempotencyKey Sec-WebSocket-Key
    Keyboard X-Turkey partition_key cache-key Public-Key X-Bypass Compass Author author_name Authority auth_time
    token_type token_use client_assertion_type grant_type workflowId customerId X-Request-Id traceparent X-Encode
    Accept-Encoding design signal passenger spin optional copied
""".split()  # noqa: SIM905


@pytest.mark.parametrize("name", TELLING)
def test_the_value_of_a_field_with_a_telling_name_is_not_shown(name: str) -> None:
    assert is_secret_name(name)
    if is_secret_name(name.lower()):  # else its words are told apart by their capitals, which no header has
        header = {name.lower().encode(): SECRET.encode()}
        assert redact_headers(header) == {name.lower().encode(): REDACTED.encode()}
    else:
        assert name in ("userPin", "myKey")
    pair = f"{name}={SECRET}"
    texts = [
        pair,
        f"a=b;{pair}",
        f"a=b&{pair}&c=d",
        f"http://x/?{pair}",
        f"https://x/y?u={quote(f'http://z/?{pair}', safe='')}",
        quote(pair, safe=""),
        f"{name}: {SECRET}",
        f'{{"{name}": "{SECRET}"',
        f'{{"{name}":\n ["{SECRET}", {{"x": "{SECRET}"}}]',
        json.dumps(json.dumps({name: SECRET})),
        f"<{name}>{SECRET}</{name}>",
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{SECRET}\r\n--x--',
        json.dumps({"data": [{name: SECRET}]}),
        json.dumps({"data": {name: {"value": [SECRET]}}}),
        json.dumps({name: f'quoted "{SECRET}'}),
        json.dumps({"a": 1, name: SECRET})[:-1] + ', "a": 2}',
    ]
    for text in texts:
        for kept in (
            redact_text(text).encode(),
            redact_body(text.encode(), {b"content-type": b"application/json"}, False),
            redact_body(text.encode(), {b"content-type": b"Application/X-WWW-Form-Urlencoded ; charset=x"}, False),
            redact_body(text.encode("utf-16"), {}, False).replace(b"\0", b""),
            redact_form(text.encode(), only_plain=False),
            redact_form(text.encode(), only_plain=True),
            redact_path(text.encode()).encode(),
            *redact_headers({b"referer": text.encode(), b"x-original-uri": text.encode()}).values(),
        ):
            assert SECRET.encode() not in kept, text


@pytest.mark.parametrize("name", HARMLESS)
def test_the_value_of_a_field_with_another_name_is_shown(name: str) -> None:
    assert not is_secret_name(name)
    assert redact_headers({name.lower().encode(): b"shown"}) == {name.lower().encode(): b"shown"}
    assert redact_text(f"a=b;{name}=shown") == f"a=b;{name}=shown"
    assert redact_json({name: "shown"}) == {name: "shown"}


CREDENTIALS: list[Callable[[str], str]] = [
    lambda secret: "Basic " + base64.b64encode(f"demo:{secret}".encode()).decode(),
    lambda secret: "basic  " + base64.urlsafe_b64encode(f"é:{secret}??>".encode()).decode().rstrip("="),
    lambda secret: f"x, BASIC demo:{secret}",
    lambda secret: f"Bearer {secret}",
    lambda secret: f"see bearer {secret}, please",
    lambda secret: f"https://demo:{secret}@example.com/x",
    lambda secret: f"postgres://{secret}@example.com",
]


@pytest.mark.parametrize("written", CREDENTIALS)
def test_credentials_are_known_by_their_scheme(written: Callable[[str], str]) -> None:
    text = written(SECRET)
    hidden = re.findall(r"[\w+/=-]{10,}", text.replace("https://", "").replace("postgres://", ""))
    for kept in (redact_text(text), redact_text(quote(text)), json.dumps(redact_json([text]))):
        assert REDACTED in kept
        assert not [word for word in hidden if word in kept and word != "example"]


def test_every_header_of_a_token_request_is_replaced_but_those_known_to_be_harmless() -> None:
    names = [b"referer", b"x-client", b"x-original-uri", b"x-note", b"forwarded", b"x-anything", b"authorization"]
    shown = redact_headers(dict.fromkeys(names, SECRET.encode()), is_token_request=True)
    assert set(shown.values()) == {REDACTED.encode()}
    plain = {b"host": b"x", b"user-agent": b"curl/8", b"content-type": FORM.encode(), b"accept": b"*/*"}
    assert redact_headers(dict(plain), is_token_request=True) == plain
    assert redact_headers({b"user-agent": b"x?client_secret=" + SECRET.encode()}, is_token_request=True) == {
        b"user-agent": b"x?client_secret=[redacted]"
    }


@pytest.mark.parametrize("operation", [REQUEST_TOKEN, START_EXECUTION])
def test_no_part_of_an_entry_has_a_secret(operation: str) -> None:
    token = TOKENS[1]
    request = request_of(
        method=token,
        raw_path=f"/x/{token}".encode(),
        query_string=f"{token}=1&bearer={SECRET}".encode(),
        headers=[(b"referer", f"http://x/?client_secret={SECRET}".encode()), (b"x-note", token.encode())],
    )
    result = Result(
        Response(405, (), b""),
        Facts(notes=(f"{token}: not documented",)),
        datetime.now(UTC),
        [ErrorDetail("code", f"not {token}")],
        [ValidationDetail(token, f"not {token}")],
    )
    entry = Exchange.of(
        request,
        Target(operation),
        result,
        None,
        0.0,
    )
    assert SIGNATURE not in repr(entry)
    assert SECRET not in repr(entry)


JSON = st.recursive(
    st.none() | st.integers() | st.text(), lambda some: st.lists(some) | st.dictionaries(st.text(), some), max_leaves=9
)


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_can_be_redacted(data: bytes, only_plain: bool) -> None:
    redact_path(data)
    redact_form(data, only_plain=only_plain)
    redact_body(data, {}, only_plain)
    redact_headers({b"x": data}, is_token_request=only_plain)


@given(JSON)
def test_any_json_can_be_redacted_and_is_then_free_of_secrets(value: Any) -> None:
    assert redact_json(redact_json(value)) == redact_json(value)


LONG = 16 * 1024
UNFRIENDLY = [
    "eyJ",
    "eyJ.",
    "a=",
    '"a":1,',
    "token",
    "token=",
    "%25",
    "://",
    "basic ",
    "key-",
    "aA",
    '"',
    "e30.",
    "\\u0025",
]
UNFRIENDLY += ["a====", 'a\\"', "tok[token", "token\r\n\r\n", "token  ", b64(b'{ "' * 40) + ".", "bearer  ", "token:{"]


@pytest.mark.parametrize("part", UNFRIENDLY)
def test_no_text_costs_more_than_linear_time(part: str) -> None:
    """In one process: a quadratic one would take many minutes."""
    text = (part * LONG)[: 64 * LONG]
    for tail in ("", "token=x", ".e30.x"):
        redact_text(text + tail)
    redact_json({text: text})
