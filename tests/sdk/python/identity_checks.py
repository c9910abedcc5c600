"""Every operation of the identity client, with good and bad input."""

import base64
from datetime import datetime, timedelta, timezone

from azure.communication.identity import CommunicationTokenScope, CommunicationUserIdentifier

from checks import value

SCOPES = list(CommunicationTokenScope)
APP = "5f0c3a52-7b1e-4d66-9c43-2a8d7e90b1f4"
WRONG_KEY = base64.b64encode(b"this is a key that nobody has set").decode()


async def run(report, clients):
    client = clients.identity()
    await users(report, client)
    await tokens(report, client)
    await lives(report, client)
    await revocation(report, clients, client)
    await deletion(report, clients, client)
    await exchange(report, clients, client)
    await keys(report, clients)


async def users(report, client):
    one = await value(client.create_user())
    other = await value(client.create_user())
    raw_id = one.properties["id"]
    report.check("a user is created", raw_id.startswith("8:acs:"), raw_id)
    segments = raw_id.removeprefix("8:acs:").split("_")
    report.check("its id has two segments", [len(part) for part in segments] == [36, 36], raw_id)
    report.check("no two users are one", one.raw_id != other.raw_id, raw_id)


async def tokens(report, client):
    for scopes in [[scope] for scope in SCOPES] + [SCOPES, ["chat", "voip"]]:
        user, token = await value(client.create_user_and_token(scopes=scopes))
        names = ",".join(str(getattr(scope, "value", scope)) for scope in scopes)
        is_jwt = token.token.count(".") == 2
        report.check(f"a user with a token for {names}", user.raw_id and is_jwt, token)
        token = await value(client.get_token(user, scopes=scopes))
        report.check(f"another token for {names}", token.token.count(".") == 2, token)
    user = await value(client.create_user())
    await report.refused("a token for no scope", lambda: client.get_token(user, scopes=[]), 400)
    await report.refused("a token for null", lambda: client.get_token(user, scopes=None), 400)
    await report.refused(
        "a token for an unknown scope", lambda: client.get_token(user, scopes=["all"]), 400
    )
    await report.refused(
        "a user with a token for an unknown scope",
        lambda: client.create_user_and_token(scopes=["chat", "all"]),
        400,
    )
    await report.raises(
        "a user with a token for null", lambda: client.create_user_and_token(scopes=None)
    )
    stranger = CommunicationUserIdentifier(f"{user.raw_id[:-12]}000000000000")
    await report.refused(
        "a token for nobody", lambda: client.get_token(stranger, scopes=["chat"]), 404
    )
    foreign = CommunicationUserIdentifier(
        "8:acs:00000000-0000-4000-8000-00000000000f_00000000-0000-4000-8000-00000000000f"
    )
    await report.refused(
        "a token for a user of another resource",
        lambda: client.get_token(foreign, scopes=["chat"]),
        401,
        "IdentityNotOwned",
    )
    for raw_id in ["8:acs:x", "wrong", "8:orgid:00000000-0000-4000-8000-00000000000a"]:
        wrong = CommunicationUserIdentifier(raw_id)
        await report.refused(
            f"a token for {raw_id}", lambda: client.get_token(wrong, scopes=["chat"]), 400
        )


async def lives(report, client):
    user = await value(client.create_user())
    for minutes in [60, 61, 720, 1440, None]:
        life = minutes and timedelta(minutes=minutes)
        wanted = minutes or 1440
        _, token = await value(
            client.create_user_and_token(scopes=["chat"], token_expires_in=life)
        )
        report.check(f"a life of {minutes} minutes", lives_for(token, wanted), token.expires_on)
        token = await value(client.get_token(user, scopes=["voip"], token_expires_in=life))
        report.check(f"a life of {minutes} more", lives_for(token, wanted), token.expires_on)
    for minutes in [0, 59, 1441, 100_000]:
        life = timedelta(minutes=minutes)
        await report.refused(
            f"no life of {minutes} minutes",
            lambda: client.create_user_and_token(scopes=["chat"], token_expires_in=life),
            400,
        )
        await report.refused(
            f"no more life of {minutes} minutes",
            lambda: client.get_token(user, scopes=["chat"], token_expires_in=life),
            400,
        )


def lives_for(token, minutes):
    text = str(token.expires_on)
    is_spelled = text.endswith("+00:00") and len(text.split(".")[1]) == len("0000000+00:00")
    expires_on = datetime.fromisoformat(f"{text[:26]}+00:00")
    left = expires_on - datetime.now(timezone.utc)
    return is_spelled and abs(left - timedelta(minutes=minutes)) < timedelta(minutes=2)


async def revocation(report, clients, client):
    user, token = await value(client.create_user_and_token(scopes=["chat"]))
    chat = clients.chat(token.token)
    report.check("a token opens chat", await listed(chat) is not None)
    await value(client.revoke_tokens(user))
    await report.refused("a revoked token opens nothing", lambda: listed(chat), 401)
    fresh = await value(client.get_token(user, scopes=["chat"]))
    report.check("a later token does", await listed(clients.chat(fresh.token)) is not None)
    await value(client.revoke_tokens(user))
    await value(client.revoke_tokens(user))
    report.check("revoking twice is fine", True)
    stranger = CommunicationUserIdentifier(f"{user.raw_id[:-12]}000000000000")
    await report.refused("nobody's tokens", lambda: client.revoke_tokens(stranger), 404)
    await report.raises("the tokens of null", lambda: client.revoke_tokens(None))


async def deletion(report, clients, client):
    user, token = await value(client.create_user_and_token(scopes=["chat"]))
    chat = clients.chat(token.token)
    report.check("a user lists threads", await listed(chat) == [])
    await value(client.delete_user(user))
    await report.refused("a deleted user's token opens nothing", lambda: listed(chat), 401)
    await report.refused(
        "no token for a deleted user", lambda: client.get_token(user, scopes=["chat"]), 404
    )
    await report.refused("a deleted user is gone", lambda: client.delete_user(user), 404)
    await report.raises("deleting null", lambda: client.delete_user(None))


async def exchange(report, clients, client):
    signed_in, user_id = clients.exchange.sign_in("alice", APP)
    issued = await value(client.get_token_for_teams_user(signed_in, APP, user_id))
    report.check("a directory user gets a token", await listed(clients.chat(issued.token)) is not None)
    for app_id in ["", "app", user_id]:
        await report.refused(
            f"no exchange for another app, {app_id!r}",
            lambda: client.get_token_for_teams_user(signed_in, app_id, user_id),
            400,
        )
    for other_id in ["", "user", APP]:
        await report.refused(
            f"no exchange for another user, {other_id!r}",
            lambda: client.get_token_for_teams_user(signed_in, APP, other_id),
            400,
        )
    by_itself = clients.identity_of_program(clients.exchange.admit(APP))
    user = await value(by_itself.create_user())
    report.check("a program that signed in creates a user", user.raw_id.startswith("8:acs:"), user)
    await report.refused(
        "a program is no directory user",
        lambda: client.get_token_for_teams_user(clients.exchange.admit(APP), APP, APP),
        401,
    )
    for token in ["", "bad", "a.b.c"]:
        await report.refused(
            f"no exchange of {token!r}",
            lambda: client.get_token_for_teams_user(token, "app", "user"),
            401,
        )


async def keys(report, clients):
    client = clients.identity(WRONG_KEY)
    await report.refused("a wrong key", client.create_user, 401, "Denied")
    if clients.exchange.http_endpoint:
        client = clients.identity_over_http()
        user = await value(client.create_user())
        report.check("a user is created over http", user.raw_id.startswith("8:acs:"), user)
        token = await value(client.get_token(user, scopes=["chat"]))
        report.check("a token is issued over http", token.token.count(".") == 2, token)


async def listed(chat):
    pages = chat.list_chat_threads()
    if hasattr(pages, "__aiter__"):
        return [thread async for thread in pages]
    return list(pages)
