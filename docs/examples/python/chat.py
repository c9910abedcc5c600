"""Sends numbered messages and tails them, also over restarts of the server: chat.py ADDRESS CA_FILE ACCESS_KEY COUNT."""
import sys
import grpc
from trunkline.chat.v1 import chat_pb2, chat_service_pb2, chat_service_pb2_grpc
from trunkline.identity.v1 import identity_service_pb2, identity_service_pb2_grpc

address, ca_file, access_key, count = sys.argv[1:]
channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(open(ca_file, "rb").read()))
issued = identity_service_pb2_grpc.IdentityServiceStub(channel).IssueToken(
    identity_service_pb2.IssueTokenRequest(user="alice", scopes=["TOKEN_SCOPE_CHAT"]),
    metadata=[("authorization", f"AccessKey {access_key}")], timeout=10)
call = {"metadata": [("authorization", f"Bearer {issued.access_token.token}")], "wait_for_ready": True}
chat = chat_service_pb2_grpc.ChatServiceStub(channel)
request = chat_service_pb2.CreateThreadRequest(topic="Harbor", members=[chat_pb2.NewMember(user="bob")])
thread, cursor, number = chat.CreateThread(request, **call).thread.thread_id, None, 0
while number < int(count):
    try:  # The first response of a stream only says where it begins. Sent twice, a request id is one message.
        for response in chat.WatchChat(chat_service_pb2.WatchChatRequest(after_seq=cursor), **call):
            cursor = response.seq if response.HasField("seq") else cursor
            if response.event.thread_id == thread and response.event.HasField("message_received"):
                print(cursor, response.event.message_received.message.content.content, flush=True)
                if (number := number + 1) == int(count): break
            chat.SendMessage(chat_service_pb2.SendMessageRequest(thread_id=thread, content=f"message {number}", request_id=f"{thread} {number}"), **call)
    except grpc.RpcError as error:
        if error.code() != grpc.StatusCode.UNAVAILABLE: raise
