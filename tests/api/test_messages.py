"""A message leads to what is wrong: the right address, the encoding, the type."""

import gzip
import zlib
from uuid import uuid4

import pytest
from workflow_mock.paths import START_PATH, TOKEN_PATH

from tests.support import START_BODY, TOKEN_FORM, Server


@pytest.mark.parametrize(
    "target",
    [
        "/connect/token",
        "/api/authentication/connect/token/x",
        "/api/authentication/token",
        "/api/authentification/connect/token",
        "/oauth/token",
        "/",
    ],
)
def test_an_unknown_path_names_both_operations(server: Server, target: str) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    message = server.http.post(target, content=TOKEN_FORM, headers=form).json()["meta"]["errors"][0]["message"]
    assert TOKEN_PATH in message
    assert START_PATH in message


@pytest.mark.parametrize(
    "body",
    [gzip.compress(START_BODY), *(zlib.compress(START_BODY, level) for level in (0, 1, 6, 9))],
    ids=["gzip", "deflate 0", "deflate 1", "deflate 6", "deflate 9"],
)
def test_a_compressed_body_is_called_so(server: Server, token: str, body: bytes) -> None:
    answer = server.start(token=token, content=body, headers={"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()["meta"]["errors"][0]["code"]) == (400, "malformed_json")
    assert "compressed" in answer.json()["meta"]["errors"][0]["message"]


@pytest.mark.parametrize("secret", ["a+b", "50%", "100%25", "a%zz"])
def test_a_basic_header_that_was_not_url_encoded_is_told_in_the_log(server: Server, secret: str) -> None:
    params = {"customerId": str(uuid4())}
    answer = server.http.post(
        TOKEN_PATH, params=params, data={"grant_type": "client_credentials"}, auth=("demo", secret)
    )
    assert answer.json() == {"error": "invalid_client"}
    (entry,) = server.http.get("/__admin/requests", params=params).json()["requests"]
    assert "URL-encoded" in entry["errors"][0]["message"]


WRONG = {
    "a number for a string": ({"name": 5, "tasks": [{"key": "a"}]}, "name: must be a string: put it in quotes"),
    "a word for a list": ({"name": "x", "tasks": "a"}, "tasks: must be a list"),
    "a list for an object": ({"name": "x", "tasks": [[]]}, "tasks[0]: must be an object"),
    "a word for a boolean": (
        {"name": "x", "tasks": [{"key": "a", "isTrigger": "yes"}]},
        "isTrigger: must be a boolean",
    ),
    "nothing in a list": ({"name": "x", "tasks": []}, "tasks: must have at least 1 item"),
    "nothing": ({"name": "x"}, "tasks: is missing"),
}


@pytest.mark.parametrize("what", WRONG)
def test_no_problem_is_told_in_the_words_of_a_library(server: Server, what: str) -> None:
    body, says = WRONG[what]
    answer = server.http.put("/__admin/workflows/6f1c5d1e-8a44-4f7e-bf6a-0c1f4c9f1d01", json=body)
    told = [f"{each['property']}: {each['message']}" for each in answer.json()["meta"]["validation"]]
    assert any(line.endswith(says) for line in told), told
    assert not [line for line in told if "should" in line or "Input" in line or "Field" in line]
