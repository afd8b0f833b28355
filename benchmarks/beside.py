"""Random requests to this server and to the platform: `make beside PLATFORM=http://127.0.0.1:PORT KEY=key.pem`.

The platform is an ASP.NET Core Web API of the documented operation that trusts KEY for the issuer of `tokens.py`. What
parts is shown with no more variations than it needs, the smallest first; where a reason is listed here, it is only
counted. Ends with 1 where something parts without one.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote, urlsplit

sys.path[:0] = [str(Path(__file__).parents[1])]

from tests.oauth.forge import Key
from tests.platform.replay import TEXTS, Case, Client, Seen, bound_by, serving_corpus
from tests.platform.tokens import CUSTOMER, Tokens
from tests.support import WORKFLOW

MAX_SHOWN = 1500
SMUGGLING = "framing that two servers could read differently"
TARGET = "targets in a form that no client of an API sends"
NO_UNICODE = "text that is no Unicode, numbers that no reader agrees on"
ONE_SPELLING = "base64url has one spelling, and what follows a token belongs to it"
SANDBOX = "data.workflowId is there and is the path's, and names a workflow"
CONTROL = "control characters in header values"
FAILS = "the platform fails, or says another name for what can't be read"


@dataclass
class Draft:
    """A request that is being made; `reasons` say why it may part."""

    method: str = "POST"
    segments: list[str] = field(
        default_factory=lambda: [
            "api",
            "workflow",
            "v1.0",
            "customer",
            CUSTOMER,
            "workflow",
            WORKFLOW,
            "WorkflowExecution",
        ]
    )
    query: str = ""
    version: str = "HTTP/1.1"
    host: str = "x"
    authorization: str = "Bearer {{TOKEN:good}}"
    media_type: str = "application/json"
    headers: list[str] = field(default_factory=list)
    body: str = TEXTS["BODY"]
    is_chunked: bool = False
    reasons: set[str] = field(default_factory=set)

    def text(self) -> str:
        """The request, one character a byte."""
        length = "Transfer-Encoding: chunked" if self.is_chunked else f"Content-Length: {len(self.body)}"
        body = f"{len(self.body):x}\r\n{self.body}\r\n0\r\n\r\n" if self.is_chunked else self.body
        lines = [
            f"{self.method} /{'/'.join(self.segments)}{self.query} {self.version}",
            f"Host: {self.host}",
            f"Authorization: {self.authorization}",
            f"Content-Type: {self.media_type}",
            *self.headers,
            length,
        ]
        return "\r\n".join([*lines, "", body])


Variation = Callable[[Random, Draft], None]


def mutate(random: Random, text: str, pieces: Sequence[str]) -> str:
    """The text with some pieces put in, or in the place of others."""
    for _ in range(random.randint(1, 3)):
        begin = random.randint(0, len(text))
        text = text[:begin] + random.choice(pieces) + text[random.randint(begin, min(len(text), begin + 2)) :]
    return text


def latin(text: str) -> str:
    """The text as utf-8, one character a byte."""
    return text.encode().decode("latin-1")


def method(random: Random, draft: Draft) -> None:
    names = [
        "post",
        "Post",
        "GET",
        "get",
        "HEADS",
        "FOO",
        "A_B",
        "PUT",
        "DELETE",
        "PATCH",
        "OPTIONS",
        "PROPFIND",
        "P(ST",
        "PO\tST",
        "p" * 300,
    ]
    draft.method = random.choice(names)


def path(random: Random, draft: Draft) -> None:
    at = random.randrange(len(draft.segments))
    segment = draft.segments[at]
    kind = random.randrange(7)
    if kind == 0:
        draft.segments[at] = random.choice([segment.upper(), segment.lower(), segment.title()])
    elif kind == 1:
        draft.segments.insert(at, random.choice([".", "..", "%2e", "%2E.", "...", "", "a", ".a", "..;"]))
    elif kind == 2:
        draft.segments[at:at] = ["a", random.choice(["..", ".%2e", "%2e%2E"])]
    elif kind == 3:
        draft.segments.append(random.choice(["", ".", "..", "%2e", "a/..", "%2F"]))
    elif kind == 4:
        draft.segments[at] = mutate(
            random, segment, ["%41", "%2F", "%5C", "%25", "%", "%zz", "%e9", "%C3%A9", "%00", ";", "\\", "+", "%20"]
        )
    elif kind == 5:
        draft.segments[at] = "".join(f"%{ord(each):02x}" if random.random() < 0.3 else each for each in segment)
    else:
        draft.query = random.choice(["?", "?a=%00", "?/../..", "??", "?a=#", "#", "?" + "a" * 7000, "?" + "a" * 9000])
        draft.reasons |= {TARGET} if "#" in draft.query else set()


FORMS = [
    WORKFLOW,
    WORKFLOW.upper(),
    WORKFLOW.replace("-", ""),
    f"{{{WORKFLOW}}}",
    f"({WORKFLOW})",
    "{0x3c90c3cc,0xd44,0x4b50,{0x88,0x88,0x8d,0xd2,0x57,0x36,0x5,0x2a}}",
    f" {WORKFLOW}\t",
]
PIECES = ["", "0", "0x", "+", "f", "-", "{", "}", "(", ",", " ", "\t", "\xa0", "\u2003", "\u200b", "g", "３"]


def path_id(random: Random, draft: Draft) -> None:
    form = random.choice(FORMS)
    draft.segments[random.choice([4, 6, 6])] = quote(mutate(random, form, PIECES) if random.random() < 0.6 else form)


def body_id(random: Random, draft: Draft) -> None:
    form = random.choice(FORMS)
    text = mutate(random, form, PIECES) if random.random() < 0.5 else form
    draft.body = TEXTS["BODY"].replace(WORKFLOW, latin(text))


TYPES = [
    *(
        "application/json",
        "text/json",
        "application/x+json",
        "text/a+json",
        "text/plain",
        "application/json, text/plain",
    ),
    *("application/json; charset=utf-8", 'application/json; a="b"; charset="UTF-8"', "application/json; charset=utf8"),
]
TYPE_PIECES = [
    "",
    " ",
    "\t",
    ";",
    "=",
    "/",
    ",",
    '"',
    "\\",
    ";charset=",
    "+",
    "utf8",
    ";a=b",
    "*",
    "{",
    "\xc3\xa9",
    "; charset = utf-8",
]


def media_type(random: Random, draft: Draft) -> None:
    draft.media_type = mutate(random, random.choice(TYPES), TYPE_PIECES)
    if random.random() < 0.2:
        draft.headers.append(f"Content-Type: {random.choice(TYPES)}")


ACCEPTS = [
    "application/json",
    "text/json",
    "text/*",
    "*/*",
    "text/html",
    "text/json;q=0.5",
    "application/json;q=0.4",
    "application/*;q=1",
]
ACCEPT_PIECES = ["", " ", ",", ";", ";q=0.3", "q", "=", "/", '"', "1", ".", "x", "*"]


def accept(random: Random, draft: Draft) -> None:
    text = ", ".join(random.choices(ACCEPTS, k=random.randint(1, 4)))
    draft.headers.append(f"Accept: {mutate(random, text, ACCEPT_PIECES) if random.random() < 0.4 else text}")


def charset(random: Random, draft: Draft) -> None:
    name = random.choice(
        [
            "utf-16",
            "UTF-16LE",
            "ucs-2",
            "unicode",
            "iso-10646-ucs-2",
            "utf-16be",
            "utf-8",
            "x-unicode-1-1-utf-8",
            "ascii",
        ]
    )
    codec = random.choice(["utf-16-le", "utf-16-be", "utf-8"])
    draft.media_type = f"application/json; charset={name}"
    draft.body = (random.choice(["", "\ufeff"]) + draft.body).encode(codec, "replace").decode("latin-1")


def authorization(random: Random, draft: Draft) -> None:
    token = "{{TOKEN:good}}"
    if random.random() < 0.1:
        draft.authorization = f"Bearer {token}{random.choice(['x', '=', '!', ', x'])}"
        draft.reasons.add(ONE_SPELLING)
        return
    draft.authorization = random.choice(
        [
            *(f"bearer {token}", f"BEARER   {token}", f"Bearer \t{token}", f"Bearer\t{token}", f"Bearer {token} \t"),
            *(
                f"Bearer {latin(chr(0xA0))}{token}",
                f"Bearer {token}\xe9",
                f"Bearer {latin('é')}",
                "Bearer",
                "Basic eA==",
                "",
            ),
            *(f"Bearer{token}", token, "Bearer x.y.z"),
        ]
    )


def framing(random: Random, draft: Draft) -> None:
    kind = random.randrange(6)
    if kind == 0:
        draft.is_chunked = True
    elif kind == 1:
        draft.version = random.choice(["HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "HTTP/3.0"])
        draft.reasons |= {SMUGGLING} if draft.is_chunked else set()
    elif kind == 2:
        draft.headers.append(
            random.choice(["Connection: close", "Connection: keep-alive", "Connection: x", "TE: trailers"])
        )
    elif kind == 3:
        values = ["caf\xe9", latin("é"), "a\tb", "", "\xff", "a" * 8000, "a" * 33_000]
        draft.headers.append(f"X: {random.choice(values)}")
    elif kind == 4:
        draft.headers += [f"X-{number}: a" for number in range(random.choice([50, 90, 95, 98, 120]))]
    else:
        names = [
            "",
            "x:1",
            "x:",
            ":1",
            "a_b",
            "a,b",
            "a b",
            "[::1]",
            "[::1]:1",
            "x%41",
            "a*b",
            "a@b",
            "a/b",
            "\xe9",
            "x:65536",
            "a..b",
        ]
        draft.host = random.choice(names)


JSON_PIECES = [
    "",
    " ",
    "\n",
    ",",
    "{",
    "}",
    "[",
    "]",
    '"',
    ":",
    "null",
    "1",
    "-1.5e3",
    "true",
    "//x",
    "/**/",
    '"x":1,',
    "\\",
    "\\u0041",
    "NaN",
    "D",
]


def json_text(random: Random, draft: Draft) -> None:
    draft.body = mutate(random, draft.body, JSON_PIECES)


def json_members(random: Random, draft: Draft) -> None:
    good = f'{{"workflowId": "{WORKFLOW}"}}'
    datas = [
        good,
        "null",
        "{}",
        "5",
        "[]",
        '""',
        '{"workflowId": null}',
        '{"workflowId": "x"}',
        '{"WORKFLOWID": 1}',
        f'{{"x": [1, {{}}], "workflowid": "{WORKFLOW}"}}',
    ]
    members = [
        f'"{random.choice(["data", "Data", "DATA", "x"])}": {random.choice(datas)}' for _ in range(random.randint(1, 3))
    ]
    draft.body = (
        latin(random.choice(["", "\ufeff", " "])) + f"{{{', '.join([*members, f'{chr(34)}data{chr(34)}: {good}'])}}}"
    )


VARIATIONS: list[Variation] = [
    *(
        method,
        path,
        path_id,
        path_id,
        body_id,
        media_type,
        accept,
        charset,
        authorization,
        framing,
        json_text,
        json_members,
    )
]


def draft_of(variations: Sequence[tuple[Variation, int]]) -> Draft:
    draft = Draft()
    for variation, seed in variations:
        variation(Random(seed), draft)
    return draft


def reason_of(draft: Draft, ours: Seen, theirs: Seen) -> str | None:
    """Why these may part."""
    if draft.reasons:
        return min(draft.reasons)
    status = theirs[0]["status"] if theirs and "status" in theirs[0] else 0
    if status == 200 and ours and ours[0].get("status") in (400, 404):
        bound = theirs[0].get("bound", [CUSTOMER, WORKFLOW, WORKFLOW])
        if bound[1:] != [WORKFLOW, WORKFLOW]:
            return SANDBOX
    if status == 500:
        return FAILS
    return None


class Both:
    """Both servers, side by side."""

    def __init__(self, ours: Client, theirs: Client) -> None:
        self._ours, self._theirs = ours, theirs

    def part(self, variations: Sequence[tuple[Variation, int]]) -> tuple[str | None, Seen, Seen] | None:
        """The reason and both answers if they part; nothing if they don't."""
        draft = draft_of(variations)
        case = Case("beside/x", [draft.text(), "<await>", "<end>"], [])
        ours, theirs = (without_words(client.replay(case, 1)) for client in (self._ours, self._theirs))
        return None if ours == theirs else (reason_of(draft, ours, theirs), ours, theirs)

    def smallest(self, variations: list[tuple[Variation, int]]) -> list[tuple[Variation, int]]:
        """As few of the variations as part without a reason."""
        for each in list(variations):
            fewer = [other for other in variations if other is not each]
            if fewer and (found := self.part(fewer)) is not None and found[0] is None:
                variations = fewer
        return variations


def without_words(seen: Seen) -> Seen:
    """What is compared: which member is at fault is a matter of words."""
    return [
        {name: value for name, value in one.items() if name != "faults"} if isinstance(one, dict) else one
        for one in seen
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("platform", help="http://127.0.0.1:PORT")
    parser.add_argument("key", type=Path)
    parser.add_argument("--requests", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    tokens = Tokens(Key(options.key.read_bytes()))
    address = urlsplit(options.platform)
    random = Random(options.seed)
    drawn = [
        [(random.choice(VARIATIONS), random.getrandbits(32)) for _ in range(random.choice([1, 1, 1, 2, 2, 3]))]
        for _ in range(options.requests)
    ]
    with tempfile.TemporaryDirectory() as folder, serving_corpus(tokens, Path(folder)) as server:
        theirs = Client((address.hostname or "", address.port or 80), tokens, bound_there)
        both = Both(Client(server.address, tokens, partial(bound_by, server)), theirs)
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(both.part, drawn))
        known = Counter(each[0] for each in found if each is not None and each[0] is not None)
        unknown = [
            both.smallest(variations) for variations, each in zip(drawn, found, strict=True) if each and each[0] is None
        ]
        for reason, count in known.most_common():
            print(f"{count:6}  {reason}")
        for text, variations in sorted(
            {draft_of(each).text(): each for each in unknown}.items(), key=lambda one: len(one[0])
        ):
            parted = both.part(variations)
            print(f"\n{text[:MAX_SHOWN]!r}\n  ours   {parted and parted[1]}\n  theirs {parted and parted[2]}")
    print(f"\n{options.requests} requests, {sum(known.values())} part with a reason, {len(unknown)} without")
    return 1 if unknown else 0


def bound_there(started: Any) -> list[str]:
    return list(started["meta"]["info"].values())


if __name__ == "__main__":
    sys.exit(main())
