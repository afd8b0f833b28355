"""Who is trusted to issue tokens: this server, and the issuers that the settings name.

Source: docs/contract.md, 2.1, "Keys", and docs/contract.md, 3.4, "The issuer".
"""

import asyncio
import logging
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import datetime, timedelta

from workflow_mock.caching import BoundedDict
from workflow_mock.oauth.keys import (
    ALGORITHM,
    ASYMMETRIC_ALGORITHMS,
    NO_KEY,
    InvalidKeyError,
    SigningKey,
    VerificationKey,
    read_jwks,
)
from workflow_mock.settings import without_password
from workflow_mock.state.clock import Clock, uptime

ISSUED_NAMES = 1000
"""Names of this server that it has put into tokens and still accepts; the least recently used is forgotten first."""

RETIRED_KEYS = 10
"""Keys of this server that were rotated out and whose tokens it still accepts; over that, the oldest is forgotten."""

FETCH_INTERVAL = timedelta(minutes=1)
"""Between two fetches of an issuer's keys, while there are some."""
RETRY_INTERVAL = timedelta(seconds=2)
"""Between two fetches while there is no key at all: the issuer may just be starting."""
MAX_AGE = timedelta(minutes=5)
"""A key that an external issuer withdraws counts for so long at most, as long as its set can be had."""
FETCH_TIMEOUT = timedelta(seconds=5)
MAX_JWKS_BYTES = 256 * 1024

logger = logging.getLogger(__name__)


class TrustedIssuer:
    """An issuer whose tokens count: its name, and the keys that it signs with."""

    def __init__(self, name: str | None, keys: Sequence[VerificationKey] = ()) -> None:
        self._name = name
        self._keys = keys

    @property
    def keys(self) -> Sequence[VerificationKey]:
        """The keys that it signs with, as far as they are known now."""
        return self._keys

    def trusts(self, key: VerificationKey) -> bool:
        """Whether it still signs with this key."""
        return key in self._keys

    @property
    def algorithms(self) -> frozenset[str]:
        """What its tokens may be signed with."""
        return frozenset(key.algorithm for key in self.keys)

    def accepts(self, issuer: str, request_issuer: Callable[[], str]) -> bool:
        """Whether a token signed with one of its keys may name this issuer.

        `request_issuer` gives our issuer's URL as the sender of the request knows it.
        """
        return issuer == self._name

    def needs_keys(self, issuer: object, kid: str | None) -> bool:
        """Whether `get_keys` must come first where a token names this issuer and key id."""
        return False

    async def get_keys(self) -> None:
        """See to it that its keys are there, and are those that count now."""

    def lacks_keys(self, issuer: object) -> bool:
        """Whether this is the issuer, and none of its keys could be had."""
        return False


class OwnIssuer(TrustedIssuer):
    """This server. Its key may still be in the making, so that nobody waits for it who doesn't need it.

    It goes by many names, inside and outside a container network, and accepts each that it has issued a token under,
    and the one that the request being checked calls it by; with a `fixed` name, that one alone.
    """

    algorithms = frozenset({ALGORITHM})

    def __init__(self, signing_key: Future[SigningKey], fixed: str | None, clock: Clock) -> None:
        super().__init__(fixed)
        self._first = signing_key
        self._clock = clock
        self._signing_key: SigningKey | None = None
        self._retired: tuple[tuple[SigningKey, datetime], ...] = ()
        self._issued_names: BoundedDict[str, None] = BoundedDict(ISSUED_NAMES)
        clock.before_change(self._end_retired)

    @property
    def fixed_name(self) -> str | None:
        """The one name of `--issuer`."""
        return self._name

    def name(self, request_issuer: str) -> str:
        """The issuer to put into a token: the fixed name, else the URL that the client used."""
        return self._name or request_issuer

    def remember(self, name: str) -> None:
        """Accept this name of the server from now on."""
        self._issued_names[name] = None

    async def signing_key(self) -> SigningKey:
        """The key that signs now. The first call waits until it is made."""
        if not self._first.done():
            await asyncio.shield(asyncio.wrap_future(self._first))
        # Nobody else has come between from here on: a key that was rotated in meanwhile stays.
        if self._signing_key is None:
            self._signing_key = self._first.result()
        return self._signing_key

    @property
    def is_rotated(self) -> bool:
        """Whether another key signs than the one of the start."""
        return self._signing_key is not None and self._signing_key is not self._first.result()

    @property
    def signing_keys(self) -> list[SigningKey]:
        """The key that signs, and those that did and still count, newest first."""
        current = [] if self._signing_key is None else [self._signing_key]
        if not self._retired:
            return current
        self._end_retired()
        return current + [key for key, _ in self._retired]

    def _end_retired(self) -> None:
        """Forget the keys that are over, which don't come back when the clock goes back."""
        if self._retired:
            now = self._clock.now()
            self._retired = tuple(retired for retired in self._retired if now < retired[1])

    @property
    def keys(self) -> list[VerificationKey]:
        if self._signing_key is not None and not self._retired:
            return [self._signing_key.public]
        return [key.public for key in self.signing_keys]

    def trusts(self, key: VerificationKey) -> bool:
        return (self._signing_key is not None and key is self._signing_key.public) or key in self.keys

    async def rotate(self, overlap: timedelta) -> SigningKey:
        """Sign with a new key from now on; the old ones count for the overlap at most, which may be none."""
        new = await asyncio.to_thread(SigningKey.generate)
        old = await self.signing_key()  # after the wait: another rotation may have come meanwhile
        until = self._clock.now() + overlap
        older = ((key, min(end, until)) for key, end in self._retired)
        self._retired = ((old, until), *older)[:RETIRED_KEYS] if overlap else ()
        self._signing_key = new
        return new

    def reset(self) -> None:
        """Back to the key of the start, alone; the names stay, so that tokens got before stay good."""
        self._signing_key, self._retired = None, ()

    def accepts(self, issuer: str, request_issuer: Callable[[], str]) -> bool:
        if self._name is not None:
            return issuer == self._name
        if issuer in self._issued_names:
            self._issued_names.move_to_end(issuer)
            return True
        return issuer == request_issuer()

    def needs_keys(self, issuer: object, kid: str | None) -> bool:
        return self._signing_key is None

    async def get_keys(self) -> None:
        await self.signing_key()


class RemoteIssuer(TrustedIssuer):
    """An issuer whose JWK Set is at a URL.

    It is fetched when the issuer's first token comes, again when one names a key id that isn't in it, and when it is
    older than `MAX_AGE`; at most once a minute, or once in 2 s while it has no key. While it can't be had, the last
    good set counts.
    """

    algorithms = frozenset(ASYMMETRIC_ALGORITHMS)

    def __init__(self, name: str, url: str) -> None:
        super().__init__(name)
        self._url = url
        self._read: timedelta | None = None
        self._tried: timedelta | None = None
        self._fetching = asyncio.Lock()

    def trusts(self, key: VerificationKey) -> bool:
        return super().trusts(key) and not self._may_be_old

    def needs_keys(self, issuer: object, kid: str | None) -> bool:
        return issuer == self._name and (self._may_be_old or not any(key.is_named(kid) for key in self.keys))

    @property
    def _may_be_old(self) -> bool:
        return _is_past(self._read, MAX_AGE) and self._may_fetch

    @property
    def _may_fetch(self) -> bool:
        return _is_past(self._tried, FETCH_INTERVAL if self._keys else RETRY_INTERVAL)

    def lacks_keys(self, issuer: object) -> bool:
        return issuer == self._name and not self._keys

    async def get_keys(self) -> None:
        async with self._fetching:
            if not self._may_fetch:
                return
            try:
                self._keys = read_jwks(await fetch(self._url))
                self._read = uptime()
                if not self._keys:
                    raise InvalidKeyError(NO_KEY)
            except (InvalidKeyError, OSError) as error:
                logger.warning(
                    "the keys of %s can't be had from %s: %s", self._name, without_password(self._url), error
                )
            # Set after the fetch: the requests that waited for the lock meanwhile don't fetch again. A request that is
            # cancelled in a fetch doesn't come here, and so the next one fetches.
            self._tried = uptime()


def _is_past(since: timedelta | None, age: timedelta) -> bool:
    return since is None or uptime() - since >= age


async def fetch(url: str) -> bytes:
    """The body of a 200 from this URL, within a time and a size; redirects aren't followed. Raises OSError.

    Certificates are checked as OpenSSL does by default: SSL_CERT_FILE and SSL_CERT_DIR name those of a private CA.
    """
    import httpx2  # noqa: PLC0415 - takes 60 ms that a server without such an issuer need not spend

    body = bytearray()
    trusted = await asyncio.to_thread(ssl.create_default_context)  # reads 200 KB
    try:
        async with (
            asyncio.timeout(FETCH_TIMEOUT.total_seconds()),
            httpx2.AsyncClient(follow_redirects=False, trust_env=False, verify=trusted) as client,
            client.stream("GET", url, headers={"Accept": "application/json"}) as response,
        ):
            if response.status_code != httpx2.codes.OK:
                raise OSError(f"it answered {response.status_code}")
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_JWKS_BYTES:
                    raise OSError(f"it is over {MAX_JWKS_BYTES} bytes")
    except TimeoutError:
        raise OSError(f"no whole response within {FETCH_TIMEOUT.total_seconds():.0f} s") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
        raise OSError(str(error) or type(error).__name__) from None
    return bytes(body)
