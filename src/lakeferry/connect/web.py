"""Bytes of a public address as they come: no key, any size, taken up again where they broke off."""

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from urllib.parse import urlsplit

from lakeferry.errors import FerryError
from lakeferry.version import VERSION

CHUNK = 2**20
TRIES = 3  # without a byte of progress between them
TIMEOUT_S = 60  # without a byte
PAUSE_S = 0.5  # before the second try; doubled before each further one


def chunks(url: str, size: int = CHUNK) -> Iterator[bytes]:
    """Yield the body of an address, at most `size` bytes at a time.

    A connection that breaks is made again, and the body goes on behind what has come, if the
    server says that it is still the same. Proxies are those of the environment.

    Raises:
        FerryError: LF-6652 for an address that is not of HTTP, an answer that is not 200, a
            connection that cannot be made, or a body that ends early.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise _not_fetched(url, "it is no address of http or https")
    done, tag, tries, why = 0, "", 0, ""
    while tries < TRIES:
        if tries:
            time.sleep(PAUSE_S * 2 ** (tries - 1))
        tries += 1
        try:
            with _opened(url, done, tag) as answer:
                tag = answer.headers.get("ETag", "")
                left = answer.headers.get("Content-Length")
                end = None if left is None else done + int(left)
                while part := answer.read(size):
                    done += len(part)
                    tries = 1
                    yield part
            if end is None or done >= end:
                return
            why = f"it ends after {done:,} of {end:,} bytes"
        except urllib.error.HTTPError as error:
            why = f"the answer is {error.code} {error.reason}"
            if error.code < 500 and error.code != 429:
                break
        except (OSError, http.client.HTTPException) as error:
            why = str(getattr(error, "reason", "") or error) or type(error).__name__
        if done and not tag:
            break  # nothing says that a second answer would be of the same file
    raise _not_fetched(url, why)


def _opened(url: str, done: int, tag: str) -> http.client.HTTPResponse:
    headers = {"User-Agent": f"lakeferry/{VERSION}", "Accept-Encoding": "identity"}
    if done:
        headers |= {"Range": f"bytes={done}-", "If-Range": tag}
    request = urllib.request.Request(url, headers=headers)
    answer: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=TIMEOUT_S)
    if done and answer.status != 206:
        answer.close()
        raise _not_fetched(url, f"it changed after {done:,} bytes had been read")
    return answer


def _not_fetched(url: str, why: str) -> FerryError:
    return FerryError(
        "LF-6652",
        "a price list cannot be fetched",
        f"{url}: {why}",
        "look at the address and the way there (HTTPS_PROXY names a proxy), or fetch the file "
        "elsewhere and name it",
    )
