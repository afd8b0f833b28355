"""What python-jose brings with it and must not be used."""

import subprocess
import sys

SCRIPT = """
import json, sys
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jwk
from workflow_mock.oauth.keys import SigningKey, read_jwks
pair = jwk.construct(ec.generate_private_key(ec.SECP256R1()), "ES256")
members = {name: value for name, value in pair.public_key().to_dict().items() if name != "alg"}
(key,) = read_jwks(json.dumps({"keys": [members]}).encode())
assert key.verifies(b"data", pair.sign(b"data"))
assert SigningKey.generate().token({}).count(".") == 2
print([name for name in sys.modules if name.partition(".")[0] in ("ecdsa", "rsa", "pyasn1")])
"""


def test_neither_ecdsa_nor_another_key_in_pure_python_is_ever_imported() -> None:
    """ecdsa has an open advisory (CVE-2024-23342, a timing attack on signing); python-jose requires it all the same."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr
