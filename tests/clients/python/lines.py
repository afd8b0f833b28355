"""Calls as lines of JSON on standard input; to each one line of what the client made of it."""

import json
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

SERVER = os.environ["WORKFLOW_MOCK_URL"]


def answer(*calls: Callable[..., dict[str, Any]]) -> None:
    """Answer each call by the function of its name."""
    by_name = {call.__name__: call for call in calls}
    for line in sys.stdin:
        given = json.loads(line)
        try:
            made = by_name[given.pop("call")](**given)
        except Exception:
            made = {"raised": traceback.format_exc()}
        print(json.dumps(made, default=str), flush=True)
