"""Drives the official, unmodified Python SDKs against an exchange; see ../README.md."""

import asyncio
import sys
import time

import chat_checks
import identity_checks
import numbers_checks
import rooms_checks
from checks import Exchange, Report, finish
from clients import clients

SUITES = {
    "identity": identity_checks.run,
    "chat": chat_checks.run,
    "rooms": rooms_checks.run,
    "numbers": numbers_checks.run,
}

# Each suite takes seconds; this is for an exchange that hangs.
LIMIT_SECONDS = 120


async def main(names):
    begun = time.monotonic()
    reports = []
    for is_async in (False, True):
        for name in names:
            async with clients(Exchange(), is_async) as lent:
                report = Report(f"{lent.name}/{name}")
                reports.append(report)
                try:
                    await asyncio.wait_for(SUITES[name](report, lent), LIMIT_SECONDS)
                except Exception as error:  # one suite's end is no reason to skip the others
                    report.check("the suite runs to its end", False, error)
            lent.check_coverage(report, name)
    finish(reports, begun)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or list(SUITES)))
