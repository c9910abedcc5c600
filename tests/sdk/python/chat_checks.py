"""Every operation of the chat clients, with good and bad input."""

from datetime import datetime, timedelta, timezone
from uuid import uuid4

from azure.communication.chat import (
    ChatMessageType,
    ChatParticipant,
    CommunicationUserIdentifier,
)

from checks import by_page, items, value

ANCIENT = datetime(1970, 1, 1, tzinfo=timezone.utc)
UNKNOWN_THREAD = "19:00000000000000000000000000000000@thread.v2"


class User:
    """A user with a token and a chat client."""

    def __init__(self, clients, identifier, token):
        self.clients = clients
        self.identifier = identifier
        self.raw_id = identifier.raw_id
        self.chat = clients.chat(token)

    def thread(self, thread_id):
        return self.clients.thread(self.chat, thread_id)

    def participant(self, name=None, since=None):
        return ChatParticipant(
            identifier=self.identifier, display_name=name, share_history_time=since
        )


async def run(report, clients):
    identity = clients.identity()

    async def user(*scopes):
        made, token = await value(identity.create_user_and_token(scopes=list(scopes or ["chat"])))
        return User(clients, made, token.token)

    alice, bob, carol = await user(), await user(), await user()
    await threads(report, alice, bob)
    await messages(report, alice, bob)
    await paging(report, alice, bob)
    await participants(report, alice, bob, carol)
    await receipts_and_typing(report, alice, bob)
    await refusals(report, alice, carol)
    await scopes(report, user, alice)
    await tokens(report, clients, alice)
    await over_http(report, clients, identity)


async def create(owner, *others, topic="a topic"):
    made = await value(
        owner.chat.create_chat_thread(topic, thread_participants=list(others))
    )
    return made.chat_thread.id


async def threads(report, alice, bob):
    before = datetime.now(timezone.utc) - timedelta(seconds=1)
    made = await value(alice.chat.create_chat_thread("alone"))
    report.equal("nobody is invalid", made.errors, [])
    report.equal("the topic is kept", made.chat_thread.topic, "alone")
    report.equal("the creator is named", made.chat_thread.created_by.raw_id, alice.raw_id)
    made_on = made.chat_thread.created_on
    report.check("the time is right", timedelta() <= made_on - before < timedelta(minutes=1))
    report.equal("it has whole seconds", made_on.microsecond, 0)
    report.check("the id is a thread's", made.chat_thread.id.startswith("19:"), made.chat_thread.id)
    await value(alice.chat.delete_chat_thread(made.chat_thread.id))

    token = str(uuid4())
    bring = lambda: [
        alice.participant("Alice", datetime.now(timezone.utc)),
        bob.participant("Bob", datetime.now(timezone.utc)),
    ]
    again = [
        await value(
            alice.chat.create_chat_thread(
                "once", thread_participants=bring(), idempotency_token=token
            )
        )
        for _ in range(2)
    ]
    first, second = (result.chat_thread.id for result in again)
    report.equal("the same request makes one thread", first, second)
    await report.refused(
        "the same id for another request",
        lambda: alice.chat.create_chat_thread(
            "twice", thread_participants=bring(), idempotency_token=token
        ),
        409,
    )
    other = await value(bob.chat.create_chat_thread("his", idempotency_token=token))
    report.check("another user's id is another", other.chat_thread.id != first)

    thread = alice.thread(first)
    await value(thread.update_topic(topic="a new topic"))
    report.equal("the topic is changed", (await value(thread.get_properties())).topic, "a new topic")
    await value(thread.update_topic())
    report.equal("nothing is changed", (await value(thread.get_properties())).topic, "a new topic")
    seen = await value(bob.thread(first).get_properties())
    report.equal("others see it", (seen.id, seen.topic), (first, "a new topic"))

    await value(alice.chat.delete_chat_thread(first))
    await value(alice.chat.delete_chat_thread(first))
    report.check("deleting twice is fine", True)
    listed = {found.id: found for found in await items(alice.chat.list_chat_threads())}
    report.check("a deleted thread stays listed", first in listed, list(listed))
    report.check("and says so", first in listed and listed[first].deleted_on is not None)
    await report.refused(
        "nothing is said in it", lambda: alice.thread(first).send_message("late"), 404
    )


async def messages(report, alice, bob):
    thread_id = await create(alice, bob.participant("Bob", ANCIENT))
    hers, his = alice.thread(thread_id), bob.thread(thread_id)
    sent = await value(
        hers.send_message("hello <b>world</b> 🐙", sender_display_name="Alice", metadata={"k": "v"})
    )
    report.check("a message has digits for an id", sent.id.isdigit(), sent.id)
    message = await value(his.get_message(sent.id))
    report.equal("its id", message.id, sent.id)
    report.equal("its version", message.version, sent.id)
    report.equal("its type", message.type, ChatMessageType.TEXT)
    report.equal("text is kept byte for byte", message.content.message, "hello <b>world</b> 🐙")
    report.equal("its sender", message.sender.raw_id, alice.raw_id)
    report.equal("its sender's name", message.sender_display_name, "Alice")
    report.equal("its metadata", message.metadata, {"k": "v"})
    report.equal("two messages came before it", message.sequence_id, "3")
    report.check("it was not changed", message.edited_on is None and message.deleted_on is None)

    html = "<p>hi <b>there</b></p><script>alert(1)</script>"
    marked = await value(hers.send_message(html, chat_message_type=ChatMessageType.HTML))
    found = await value(his.get_message(marked.id))
    report.equal("markup has its type", found.type, ChatMessageType.HTML)
    report.check("markup is kept", "<b>there</b>" in found.content.message, found.content.message)
    report.check("scripts are not", "script" not in found.content.message, found.content.message)

    await value(hers.update_message(sent.id, content="hello again", metadata={"l": "w"}))
    message = await value(his.get_message(sent.id))
    report.equal("its new content", message.content.message, "hello again")
    report.equal("its new metadata", message.metadata, {"k": "v", "l": "w"})
    await value(hers.update_message(sent.id, metadata={"k": "", "l": "x"}))
    message = await value(his.get_message(sent.id))
    report.equal("an empty value removes the pair", message.metadata, {"l": "x"})
    report.check("it says when", message.edited_on is not None)
    report.check("its version rises", int(message.version) > int(sent.id), message.version)
    await report.refused(
        "others may not change it", lambda: his.update_message(sent.id, content="no"), 403
    )
    await report.refused("nor delete it", lambda: his.delete_message(sent.id), 403)

    await value(hers.delete_message(sent.id))
    message = await value(his.get_message(sent.id))
    report.check("a deleted message says so", message.deleted_on is not None)
    report.check("its content is gone", not message.content or not message.content.message)
    await value(hers.delete_message(sent.id))
    report.check("deleting twice is fine", True)

    system = [m for m in await items(his.list_messages()) if m.type not in ("text", "html")]
    kinds = [str(getattr(m.type, "value", m.type)) for m in reversed(system)]
    report.equal("the thread began by itself", kinds, ["participantAdded", "topicUpdated"])
    added, topic = reversed(system)
    came = {one.identifier.raw_id for one in added.content.participants}
    report.equal("it says who came", came, {alice.raw_id, bob.raw_id})
    report.equal("and who did it", added.content.initiator.raw_id, alice.raw_id)
    report.equal("and what it is about", topic.content.topic, "a topic")
    await report.refused(
        "nobody deletes what it says", lambda: hers.delete_message(added.id), 400
    )


async def paging(report, alice, bob):
    thread_id = await create(alice, bob.participant())
    thread = alice.thread(thread_id)
    sent = [(await value(thread.send_message(f"message {number}"))).id for number in range(7)]
    pages = await by_page(thread.list_messages(results_per_page=2))
    report.equal("pages have their size", {len(page) for page in pages[:-1]}, {2})
    listed = [message.id for page in pages for message in page]
    report.equal("messages come newest first", listed[:7], sent[::-1])
    report.equal("none is missing or doubled", len(listed), len(set(listed)))
    numbers = [int(message.sequence_id) for page in pages for message in page]
    report.equal("their order has no gap", numbers, list(range(9, 0, -1)))
    later = await items(thread.list_messages(start_time=datetime.now(timezone.utc) + timedelta(days=1)))
    report.equal("none came after tomorrow", later, [])
    since = await items(thread.list_messages(start_time=ANCIENT, results_per_page=3))
    report.equal("all came since 1970", len(since), 9)

    threads = [await create(alice, topic=f"thread {number}") for number in range(3)]
    pages = await by_page(alice.chat.list_chat_threads(results_per_page=1))
    report.check("one thread a page", all(len(page) <= 1 for page in pages))
    listed = [found.id for page in pages for found in page]
    report.check("every thread is there", set(threads) <= set(listed), listed)
    report.equal("each once", len(listed), len(set(listed)))
    mine = next(found for page in pages for found in page if found.id == thread_id)
    report.check("it says when the last came", mine.last_message_received_on is not None)


async def participants(report, alice, bob, carol):
    thread_id = await create(alice)
    hers = alice.thread(thread_id)
    await value(hers.send_message("before bob"))
    failed = await value(hers.add_participants([bob.participant("Bob")]))
    report.equal("bob is added", failed, [])
    failed = await value(hers.add_participants([carol.participant("Carol", ANCIENT)]))
    report.equal("carol is added", failed, [])
    failed = await value(hers.add_participants([carol.participant("Carol C.", ANCIENT)]))
    report.equal("adding twice is fine", failed, [])
    report.equal("adding nobody is fine", await value(hers.add_participants([])), [])

    found = {one.identifier.raw_id: one for one in await items(hers.list_participants())}
    report.equal("three are there", set(found), {alice.raw_id, bob.raw_id, carol.raw_id})
    report.equal("the creator sees everything", found[alice.raw_id].share_history_time, ANCIENT)
    report.equal("names are kept", found[bob.raw_id].display_name, "Bob")
    pages = await by_page(hers.list_participants(results_per_page=1, skip=1))
    report.equal("all but the first, one a page", [len(page) for page in pages], [1, 1])

    texts = lambda found: [m.content.message for m in found if m.content and m.content.message]
    seen = texts(await items(bob.thread(thread_id).list_messages()))
    report.equal("bob sees everything, as nothing was said of it", seen, ["before bob"])
    seen = texts(await items(carol.thread(thread_id).list_messages()))
    report.equal("carol sees what was shared", seen, ["before bob"])

    await value(hers.remove_participant(bob.identifier))
    await report.refused("bob is out", lambda: bob.thread(thread_id).send_message("hey"), 403)
    await report.refused(
        "and sees nothing", lambda: items(bob.thread(thread_id).list_messages()), 403
    )
    listed = [found.id for found in await items(bob.chat.list_chat_threads())]
    report.check("nor is the thread listed", thread_id not in listed, listed)
    await value(carol.thread(thread_id).remove_participant(carol.identifier))
    left = [one.identifier.raw_id for one in await items(hers.list_participants())]
    report.equal("carol leaves by herself", left, [alice.raw_id])

    for raw_id in ["8:acs:x", "8:acs:"]:
        wrong = ChatParticipant(identifier=CommunicationUserIdentifier(raw_id))
        await report.refused(
            f"{raw_id} is nobody", lambda: hers.add_participants([wrong]), 400
        )
    crowd = [
        ChatParticipant(identifier=CommunicationUserIdentifier(f"{bob.raw_id}-{number}"))
        for number in range(201)
    ]
    await report.refused("201 are too many at once", lambda: hers.add_participants(crowd), 400)
    await report.refused(
        "also in a new thread",
        lambda: alice.chat.create_chat_thread("crowd", thread_participants=crowd),
        400,
    )


async def receipts_and_typing(report, alice, bob):
    thread_id = await create(alice, bob.participant("Bob", ANCIENT))
    hers, his = alice.thread(thread_id), bob.thread(thread_id)
    sent = [(await value(hers.send_message(f"message {number}"))).id for number in range(3)]
    await value(hers.send_read_receipt(sent[0]))
    await value(hers.send_read_receipt(sent[1]))
    await value(his.send_read_receipt(sent[2]))
    pages = await by_page(hers.list_read_receipts(results_per_page=1, skip=0))
    report.equal("one receipt a page", [len(page) for page in pages], [1, 1])
    read = {one.sender.raw_id: one.chat_message_id for page in pages for one in page}
    report.equal("the latest of each", read, {alice.raw_id: sent[1], bob.raw_id: sent[2]})
    report.check("it says when", all(one.read_on for page in pages for one in page))
    await value(his.send_typing_notification())
    await value(his.send_typing_notification(sender_display_name="Bob"))
    report.check("typing is told", True)
    await report.refused(
        "no receipt for no message", lambda: hers.send_read_receipt("1700000000000"), 404
    )
    await report.refused("no receipt for text", lambda: hers.send_read_receipt("first"), 400)


async def refusals(report, alice, carol):
    thread_id = await create(alice)
    hers, stranger = alice.thread(thread_id), carol.thread(thread_id)
    for name, call in {
        "get": stranger.get_properties,
        "send": lambda: stranger.send_message("hey"),
        "list messages": lambda: items(stranger.list_messages()),
        "list participants": lambda: items(stranger.list_participants()),
        "change the topic": lambda: stranger.update_topic(topic="mine"),
        "type": stranger.send_typing_notification,
        "delete": lambda: carol.chat.delete_chat_thread(thread_id),
    }.items():
        await report.refused(f"a stranger may not {name}", call, 403, "Forbidden")
    nowhere = alice.thread(UNKNOWN_THREAD)
    for name, call in {
        "get": nowhere.get_properties,
        "send": lambda: nowhere.send_message("hey"),
        "list messages in": lambda: items(nowhere.list_messages()),
        "delete": lambda: alice.chat.delete_chat_thread(UNKNOWN_THREAD),
    }.items():
        await report.refused(f"no thread to {name}", call, 404, "NotFound")
    await report.refused("no such message", lambda: hers.get_message("1700000000000"), 404)
    await report.refused("no id of a message", lambda: hers.get_message("first"), 400)
    await report.refused(
        "no such message to change", lambda: hers.update_message("1700000000000", "x"), 404
    )
    await report.refused("too long", lambda: hers.send_message("x" * 28_673), 413)
    report.check("just short enough", (await value(hers.send_message("x" * 28_672))).id.isdigit())
    await report.refused(
        "a topic that is too long", lambda: hers.update_topic(topic="x" * 10_000), 400
    )
    await report.refused(
        "a name that forges lines",
        lambda: hers.send_message("hi", sender_display_name="a\nb"),
        400,
    )
    await report.raises("no content", lambda: hers.send_message(""))


async def scopes(report, user, alice):
    voip, joiner, limited = await user("voip"), await user("chat.join"), await user("chat.join.limited")
    await report.refused(
        "a voice token opens no chat", lambda: items(voip.chat.list_chat_threads()), 403
    )
    thread_id = await create(alice, joiner.participant(), limited.participant())
    for who, name in [(joiner, "chat.join"), (limited, "chat.join.limited")]:
        await report.refused(
            f"{name} creates nothing", lambda: who.chat.create_chat_thread("no"), 403
        )
        await report.refused(
            f"{name} deletes nothing", lambda: who.chat.delete_chat_thread(thread_id), 403
        )
        sent = await value(who.thread(thread_id).send_message("hi"))
        report.check(f"{name} sends", sent.id.isdigit(), sent)
    added = await value(joiner.thread(thread_id).add_participants([voip.participant()]))
    report.equal("chat.join adds", added, [])
    await report.refused(
        "chat.join.limited adds nobody",
        lambda: limited.thread(thread_id).add_participants([voip.participant()]),
        403,
    )


async def tokens(report, clients, alice):
    await report.refused(
        "a token that nobody signed",
        lambda: items(clients.chat(forged()).list_chat_threads()),
        401,
    )
    report.check("a good one beside it", await items(alice.chat.list_chat_threads()) is not None)


def forged():
    """Makes a token that looks right and that nobody signed."""
    import base64
    import json

    part = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
    expires = int(datetime.now(timezone.utc).timestamp()) + 3600
    return f"{part({'alg': 'none'})}.{part({'skypeid': 'acs:a_b', 'exp': expires})}.c2lnbmF0dXJl"


async def over_http(report, clients, identity):
    if not clients.exchange.http_endpoint:
        return
    user, token = await value(identity.create_user_and_token(scopes=["chat"]))
    chat = clients.chat(token.token, clients.exchange.http_endpoint)
    made = await value(chat.create_chat_thread("in the clear", enforce_https=False))
    report.equal("a thread is created over http", made.chat_thread.created_by.raw_id, user.raw_id)
    found = await items(chat.list_chat_threads(results_per_page=1, enforce_https=False))
    report.equal("and listed", [thread.id for thread in found], [made.chat_thread.id])
