"""The official clients, sync and async, under the same names."""

import time
from contextlib import asynccontextmanager

from azure.communication import chat, identity, phonenumbers, rooms
from azure.communication.chat import aio as chat_aio
from azure.communication.identity import aio as identity_aio
from azure.communication.phonenumbers import aio as phonenumbers_aio
from azure.communication.phonenumbers import siprouting
from azure.communication.phonenumbers.siprouting import aio as siprouting_aio
from azure.communication.rooms import aio as rooms_aio
from azure.core.credentials import AccessToken, AzureKeyCredential

from checks import value
from coverage import Watched, check, note

# A failed request is a finding, not something to try again: with retries, a wrong 500 would pass.
NO_RETRIES = {"retry_total": 0}


class Held:
    """A credential that has its token already."""

    def __init__(self, token):
        self._token = token

    def get_token(self, *_scopes, **_options):
        return self._token


class HeldAsync(Held):
    """The same for async clients."""

    async def get_token(self, *_scopes, **_options):
        return self._token

    async def close(self):
        """Has nothing to close."""

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_error):
        await self.close()


class Clients:
    """Makes clients of one kind and closes them all at the end."""

    def __init__(self, exchange, is_async):
        self.exchange = exchange
        self.is_async = is_async
        self.open = []
        self.called = {}

    @property
    def name(self):
        return "python-async" if self.is_async else "python-sync"

    def identity(self, key=None):
        kind = identity_aio if self.is_async else identity
        return self._from_connection_string(kind.CommunicationIdentityClient, key)

    def identity_over_http(self):
        kind = identity_aio if self.is_async else identity
        credential = AzureKeyCredential(self.exchange.access_key)
        # The async client takes the key as text only.
        credential = credential.key if self.is_async else credential
        return self._keep(
            kind.CommunicationIdentityClient(self.exchange.http_endpoint, credential, **NO_RETRIES)
        )

    def identity_of_program(self, token):
        kind = identity_aio if self.is_async else identity
        held = AccessToken(token, int(time.time()) + 3600)
        credential = HeldAsync(held) if self.is_async else Held(held)
        endpoint = self.exchange.endpoint
        return self._keep(kind.CommunicationIdentityClient(endpoint, credential, **NO_RETRIES))

    def rooms(self, key=None):
        kind = rooms_aio if self.is_async else rooms
        return self._from_connection_string(kind.RoomsClient, key)

    def rooms_over_http(self):
        kind = rooms_aio if self.is_async else rooms
        credential = AzureKeyCredential(self.exchange.access_key)
        return self._keep(kind.RoomsClient(self.exchange.http_endpoint, credential, **NO_RETRIES))

    def numbers(self):
        kind = phonenumbers_aio if self.is_async else phonenumbers
        return self._from_connection_string(kind.PhoneNumbersClient, None)

    def sip_routing(self):
        kind = siprouting_aio if self.is_async else siprouting
        return self._from_connection_string(kind.SipRoutingClient, None)

    def chat(self, token, endpoint=None):
        kind = chat_aio if self.is_async else chat
        credential = kind.CommunicationTokenCredential(token)
        endpoint = endpoint or self.exchange.endpoint
        return self._keep(kind.ChatClient(endpoint, credential, **NO_RETRIES))

    def thread(self, client, thread_id):
        return self._keep(client.get_chat_thread_client(thread_id, **NO_RETRIES))

    def _from_connection_string(self, client, key):
        text = f"endpoint={self.exchange.endpoint}/;accesskey={key or self.exchange.access_key}"
        note(self.called, client, "from_connection_string")
        return self._keep(client.from_connection_string(text, **NO_RETRIES))

    def _keep(self, client):
        # Clients that another client makes are watched already.
        watched = client if isinstance(client, Watched) else Watched(client, self.called)
        self.open.append(watched)
        return watched

    def check_coverage(self, report, suite):
        """Notes whether a suite that has ended, with its clients closed, called every method."""
        kinds = {
            "identity": [(identity_aio if self.is_async else identity).CommunicationIdentityClient],
            "chat": [
                (chat_aio if self.is_async else chat).ChatClient,
                (chat_aio if self.is_async else chat).ChatThreadClient,
            ],
            "rooms": [(rooms_aio if self.is_async else rooms).RoomsClient],
        }
        check(report, self.called, kinds.get(suite, []))


@asynccontextmanager
async def clients(exchange, is_async):
    """Lends clients of one kind."""
    lent = Clients(exchange, is_async)
    try:
        yield lent
    finally:
        for client in reversed(lent.open):
            await value(client.close()) if hasattr(client, "close") else None
