"""What every scenario shares: one JSON line a check, and the same words for sync and async clients."""

import base64
import inspect
import json
import os
import sys
import time
import urllib.parse
import urllib.request

from azure.core.exceptions import AzureError, HttpResponseError


class Report:
    """Prints each check as it is made and counts those that failed."""

    def __init__(self, suite):
        self.suite = suite
        self.made = 0
        self.failed = 0

    def check(self, name, is_ok, found=None):
        """Notes whether something is as it should be; `found` says what was there instead."""
        self.made += 1
        line = {"suite": self.suite, "check": name, "ok": bool(is_ok)}
        if not is_ok:
            self.failed += 1
            line["found"] = repr(found)[:400]
        print(json.dumps(line), flush=True)

    def equal(self, name, found, expected):
        """Notes whether two values are equal."""
        self.check(name, found == expected, {"found": found, "expected": expected})

    async def refused(self, name, call, status, code=None):
        """Notes whether a call fails with a status and, where given, a code."""
        try:
            found = await value(call())
        except HttpResponseError as error:
            given = error_code(error)
            is_ok = error.status_code == status and (code is None or given == code)
            has_words = bool(error.message)
            self.check(name, is_ok and has_words, (error.status_code, given, error.message))
        except AzureError as error:
            self.check(name, False, error)
        else:
            self.check(name, False, found)

    async def raises(self, name, call):
        """Notes whether the client itself refuses a call."""
        try:
            found = await value(call())
        except Exception:  # the clients raise whatever they like
            self.check(name, True)
        else:
            self.check(name, False, found)


def error_code(error):
    """Returns the code of the error envelope, which not every client reads."""
    try:
        return json.loads(error.response.text())["error"]["code"]
    except (AttributeError, KeyError, TypeError, ValueError):
        return getattr(error.error, "code", None)


async def value(result):
    """Returns what a call of either kind of client returns."""
    return await result if inspect.isawaitable(result) else result


async def items(pages):
    """Returns the items of a list of either kind of client."""
    if hasattr(pages, "__aiter__"):
        return [item async for item in pages]
    return list(pages)


async def by_page(pages):
    """Returns the pages of a list of either kind of client, each as a list."""
    pages = pages.by_page()
    if hasattr(pages, "__aiter__"):
        return [await items(page) async for page in pages]
    return [list(page) for page in pages]


class Exchange:
    """Where the exchange under test is, as the environment says."""

    def __init__(self):
        self.endpoint = os.environ["TRUNKLINE_ENDPOINT"].rstrip("/")
        self.http_endpoint = os.environ.get("TRUNKLINE_HTTP_ENDPOINT", "").rstrip("/")
        self.access_key = os.environ["TRUNKLINE_ACCESS_KEY"]

    @property
    def connection_string(self):
        return f"endpoint={self.endpoint}/;accesskey={self.access_key}"

    def sign_in(self, user, app_id):
        """Signs a directory user in for an app: returns the token to exchange, and the user's id."""
        scope = "openid https://auth.msft.communication.azure.com/Teams.ManageChats"
        granted = self._granted(
            grant_type="password", client_id=app_id, username=user, password="any", scope=scope
        )
        body = granted["id_token"].split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return granted["access_token"], claims["oid"]

    def admit(self, app_id):
        """Signs a program in by itself."""
        granted = self._granted(
            grant_type="client_credentials", client_id=app_id, client_secret="any"
        )
        return granted["access_token"]

    def _granted(self, **form):
        data = urllib.parse.urlencode(form).encode()
        url = f"{self.endpoint}/adfs/oauth2/token"
        with urllib.request.urlopen(url, data, timeout=10) as answer:
            return json.load(answer)


def finish(reports, begun):
    """Prints the sum of all reports and ends the program."""
    made = sum(report.made for report in reports)
    failed = sum(report.failed for report in reports)
    seconds = round(time.monotonic() - begun, 1)
    print(json.dumps({"done": True, "checks": made, "failed": failed, "seconds": seconds}))
    sys.exit(1 if failed or not made else 0)
