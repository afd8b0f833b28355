"""The record that the contract shows is the one that the server gives."""

import json
import re
from typing import Any

from tests.docs.pages import Snippet, text_of
from tests.support import Server

RECORD = Snippet("docs/contract.md", "jsonc")
CONTRACT_SNIPPETS = [RECORD]


def names(document: Any) -> Any:
    """The names in a document, in their order; of a list, those of its first item."""
    if isinstance(document, dict):
        return {key: {} if key in ("parameters", "info") else names(value) for key, value in document.items()}
    return [names(document[0])] if isinstance(document, list) and document else None


def test_the_documented_record_has_the_members_of_a_real_one(server: Server) -> None:
    shown = json.loads(re.sub(r"//.*", "", text_of(RECORD)))
    started, refused = server.start(), server.start(json={})
    assert started.status_code == 200
    assert refused.status_code == 400
    assert json.dumps(names(started.json()["data"])) == json.dumps(names(shown["data"]))
    assert json.dumps(names(refused.json()["meta"])) == json.dumps(names(shown["meta"]))
    assert started.json()["meta"] == {"errors": [], "validation": [], "info": {}}
    assert refused.json()["data"] is None
