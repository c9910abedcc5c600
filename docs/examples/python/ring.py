"""Rings a user and prints the call's events in order: ring.py ADDRESS CA_FILE ACCESS_KEY TARGET."""
import sys

import grpc
from trunkline.calling.v1 import calling_pb2, calling_service_pb2, calling_service_pb2_grpc
from trunkline.identity.v1 import identity_service_pb2, identity_service_pb2_grpc

address, ca_file, access_key, target = sys.argv[1:]
channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(open(ca_file, "rb").read()))
issued = identity_service_pb2_grpc.IdentityServiceStub(channel).IssueToken(
    identity_service_pb2.IssueTokenRequest(user="alice", scopes=["TOKEN_SCOPE_VOIP"]),
    metadata=[("authorization", f"AccessKey {access_key}")], timeout=10)
bearer = [("authorization", f"Bearer {issued.access_token.token}")]
calls = calling_service_pb2_grpc.CallingServiceStub(channel)
placed = calls.PlaceCall(calling_service_pb2.PlaceCallRequest(targets=[target]), metadata=bearer, timeout=10)
names = {person.participant_id: person.display_name for person in placed.call.participants}
watch = calling_service_pb2.WatchCallRequest(call_id=placed.call.call_id, after_seq=placed.call.seq)
for reply in calls.WatchCall(watch, metadata=bearer):
    event, kind = reply.event, reply.event.WhichOneof("kind")
    change = getattr(event, kind)
    state = calling_pb2.CallState.Name(change.state)[11:] if kind == "call_state_changed" else ""
    print(event.seq, kind, names.get(getattr(change, "participant_id", ""), ""), state, flush=True)
    if kind == "call_ended":
        print(f"ended {change.reason.code}/{change.reason.sub_code}: {change.reason.meaning}")
