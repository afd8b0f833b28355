"""What of a request the journal shows."""

from urllib.parse import quote_plus

import pytest
from workflow_mock.state.redaction import REDACTED, redact_form, redact_headers

SECRET_NAMES = [
    *("Authorization", "Proxy-Authorization", "X-Auth", "X-Access-Token", "client_secret", "password", "passwd", "pwd"),
    *("Cookie", "Set-Cookie", "Api-Key", "api_key", "APIKEY", "X-API-Key", "X-JWT", "jwt", "DPoP", "client_assertion"),
    *("X-Amz-Credential", "credentials", "code", "code_verifier"),
]
PLAIN_NAMES = ["Accept", "User-Agent", "customerId", "X-Barcode", "api-version", "monkey"]


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_telling_name_hides_its_value(name: str) -> None:
    assert redact_headers({name.lower().encode(): b"hush"}) == {name.lower().encode(): REDACTED.encode()}
    form = f"a=b&{name}=hush".encode()
    assert redact_form(form, only_plain=False) == f"a=b&{name}={quote_plus(REDACTED)}".encode()


@pytest.mark.parametrize("name", PLAIN_NAMES)
def test_another_name_does_not(name: str) -> None:
    assert redact_headers({name.lower().encode(): b"shown"}) == {name.lower().encode(): b"shown"}
    assert redact_form(f"{name}=shown".encode(), only_plain=False) == f"{name}=shown".encode()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"pass": "hush=hush"}', id="JSON"),
        pytest.param("a=b&{hush}=x", id="braces"),
        pytest.param("a=b&hush hush=x", id="words"),
        pytest.param("<hush a='b'/>", id="XML"),
        pytest.param("hush", id="no pair"),
    ],
)
@pytest.mark.parametrize("only_plain", [True, False])
def test_nothing_is_shown_of_what_is_no_form(text: str, only_plain: bool) -> None:
    assert redact_form(text.encode(), only_plain=only_plain) == REDACTED.encode()
