#!/usr/bin/env python3
"""Makes the files of seeds/: what is meant to be said to each target, as a place to begin from.

    make_seeds.py            makes them
    make_seeds.py --check    exits with 1 when those that are there are others

They are in the tree; run this again when a target's form of input changes.
"""

import filecmp
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKS = sys.argv[1:] == ["--check"]
try:
    import google.protobuf  # noqa: F401: what protoc makes needs it
except ModuleNotFoundError:
    print("NOT TESTED: python3-protobuf is missing")
    sys.exit(77 if CHECKS else 1)

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
KEPT = HERE / "seeds"
MADE = tempfile.TemporaryDirectory()  # goes with the program
SEEDS = Path(MADE.name) / "seeds" if CHECKS else KEPT
SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND

with tempfile.TemporaryDirectory() as folder:
    names = ["orchestration", "attestation", "history_events", "orchestrator_actions", "orchestrator_service",
             "dapr_common", "dapr_runtime", "pawl_log", "pawl_peer"]
    subprocess.run(["protoc", f"-I{ROOT}/proto", "-I/usr/include", f"--python_out={folder}",
                    *(f"{ROOT}/proto/{name}.proto" for name in names),
                    "/usr/include/protobuf-c/protobuf-c.proto"], check=True)
    sys.path.insert(0, folder)
    import dapr_runtime_pb2 as dapr
    import history_events_pb2 as he
    import orchestrator_service_pb2 as pb
    import pawl_log_pb2 as plog
    import pawl_peer_pb2 as peer


def seed(target, name, *parts):
    path = SEEDS / target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(p if isinstance(p, bytes) else bytes([p]) for p in parts))


def piece(data):
    if not isinstance(data, bytes):
        data = data if isinstance(data, str) else data.SerializeToString()
    if isinstance(data, str):
        data = data.encode()
    return len(data).to_bytes(2, "little") + data


shutil.rmtree(SEEDS, ignore_errors=True)

# --- messages -------------------------------------------------------------------------------------


def value(message, field, text):
    getattr(message, field).value = text


def response(*actions, **fields):
    out = pb.WorkflowResponse(**fields)
    for number, (kind, body) in enumerate(actions):
        action = out.actions.add(id=number)
        for key, content in body.items():
            part = getattr(action, kind)
            if key in ("input", "result", "reason", "data"):
                value(part, key, content)
            elif key in ("fireAt", "scheduledStartTimestamp"):
                getattr(part, key).FromNanoseconds(content)
            elif key == "carryoverEvents":
                part.carryoverEvents.extend(content)
            elif key in ("externalEvent", "createTimer", "instance"):
                for name, text in content.items():
                    setattr(getattr(part, key), name, text)
                getattr(part, key).SetInParent()
            else:
                setattr(part, key, content)
        getattr(action, kind).SetInParent()
    return out


def event(kind, number=-1, at=START, **fields):
    out = he.HistoryEvent(eventId=number)
    out.timestamp.FromNanoseconds(at)
    body = getattr(out, kind)
    body.SetInParent()
    for key, content in fields.items():
        if key in ("input", "result"):
            value(body, key, content)
        elif key == "fireAt":
            body.fireAt.FromNanoseconds(content)
        else:
            setattr(body, key, content)
    return out


raised = event("eventRaised", name="go", input="1")
TURNS = {
    "task": response(("scheduleTask", {"name": "pay", "input": "1", "taskExecutionId": "t"})),
    "two": response(("scheduleTask", {"name": "pay"}), ("createTimer", {"fireAt": START + 5 * SECOND})),
    "wait": response(("createTimer", {"fireAt": START + 9 * SECOND, "name": "go", "externalEvent": {"name": "go"}}),
                     customStatus={"value": "waits"}),
    "child": response(("createChildWorkflow", {"instanceId": "b", "name": "w", "input": "2"}),
                      ("createChildWorkflow", {"name": "w"})),
    "detached": response(("createDetachedWorkflow", {"instanceId": "d", "name": "w", "input": "2"})),
    "send": response(("sendEvent", {"instance": {"instanceId": "b"}, "name": "go", "data": "1"}),
                     ("terminateWorkflow", {"instanceId": "b", "recurse": True, "reason": "enough"})),
    "done": response(("completeWorkflow", {"workflowStatus": 1, "result": "7"})),
    "failed": response(("completeWorkflow", {"workflowStatus": 3})),
    "again": response(("completeWorkflow", {"workflowStatus": 2, "result": "7", "carryoverEvents": [raised]})),
    "stall": response(("workflowVersionNotAvailable", {})),
}
TURNS["again"].actions[0].completeWorkflow.failureDetails.errorMessage = "x"
TURNS["task"].version.patches.append("first")
done = pb.ActivityResponse(instanceId="a", taskId=0)
done.result.value = "7"
failed = pb.ActivityResponse(instanceId="a", taskId=0)
failed.failureDetails.errorType = "E"
failed.failureDetails.errorMessage = "no"
failed.failureDetails.innerFailure.errorMessage = "why"

# --- engine ---------------------------------------------------------------------------------------

for name, turn in TURNS.items():
    seed("turn", name, 0, 0, piece(turn), 0, 0, piece(TURNS["done"]))
    seed("turn", name + "-then", 0, 0, piece(turn), 1, 0, 0, piece(done), 2, 0, piece(raised), 4, 0, 9,
         0, 0, piece(TURNS["again"]), 0, 0, piece(TURNS["two"]), 1, 0, 0, piece(failed), 5, 0, 6, 0, 3)
seed("turn", "life", 2, 0, piece(event("executionSuspended")), 2, 0, piece(event("executionResumed")),
     2, 0, piece(event("executionTerminated", recurse=True)), 0, 0, piece(TURNS["done"]), 6, 0, 1)
start = he.ExecutionStartedEvent(name="w")
start.scheduledStartTimestamp.FromNanoseconds(START + 3 * SECOND)
seed("turn", "start", 3, 0, piece("later"), piece(start), 3, 0, piece("a"), piece(he.ExecutionStartedEvent(name="x")),
     4, 0, 9, 0, 1, piece(TURNS["child"]), 0, 2, piece(TURNS["child"]), 6, 0, 3)


def history(*events):
    return b"".join(b"\x1a" + varint(len(e.SerializeToString())) + e.SerializeToString() for e in events)


def varint(number):
    out = b""
    while number >= 128:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def started():
    out = event("executionStarted", name="w", input="1")
    out.executionStarted.workflowInstance.instanceId = "a"
    out.executionStarted.workflowInstance.executionId.value = "e"
    return out


def snapshot(before, inbox, **fields):
    state = plog.Snapshot(generation=1, created_at=START, updated_at=START, name="w", execution_id="e",
                          history_events=len(before), history_bytes=len(history(*before)),
                          inbox=history(*inbox), inbox_events=len(inbox), final_status=-1)
    for key, content in fields.items():
        if key in ("patches", "pending"):
            getattr(state, key).extend(content)
        else:
            setattr(state, key, content)
    return 0, 0, piece(state), piece(history(*before))


turn_began = event("workflowStarted")
scheduled = event("taskScheduled", 0, name="pay", input="1")
timer = event("timerCreated", 1, fireAt=START + 5 * SECOND)
offset = len(history(turn_began))
waiting = [turn_began, started(), scheduled, timer]
pending = [plog.Pending(kind=1, id=0, offset=len(history(*waiting[:2]))),
           plog.Pending(kind=2, id=1, offset=len(history(*waiting[:3])), fire_at=START + 5 * SECOND)]
seed("rows", "new", *snapshot([], [started()]), 2, 0, piece(TURNS["done"]))
seed("rows", "waits", *snapshot(waiting, [raised], started_at=START, start_offset=offset, pending=pending,
                                patches=["first"], custom_status="s"), 2, 0, piece(TURNS["two"]))
ended = [turn_began, started(), event("executionCompleted", 5, workflowStatus=1, result="7")]
seed("rows", "ended", *snapshot(ended, [], started_at=START, completed_at=START, start_offset=offset,
                                final_offset=len(history(*ended[:2])), final_status=1))
seed("rows", "import", 4, 0, piece(history(*ended)), 4, 1, piece(history(*ended)), 2, 0, piece(TURNS["done"]))
create = plog.Record(instance_id="a")
create.create.start_event = started().SerializeToString()
create.create.generation = 1
turned = plog.Record(instance_id="a")
turned.turn.started_at = turned.turn.completed_at = START
turned.turn.inbox_events = 1
turned.turn.response = TURNS["two"].SerializeToString()
came = plog.Record(instance_id="a", event=event("taskCompleted", taskScheduledId=0, result="7").SerializeToString())
gone = plog.Record(instance_id="a")
gone.purge.SetInParent()
seed("rows", "log", 1, piece(plog.Batch(records=[create])), 1, piece(plog.Batch(records=[turned, came])),
     2, 0, piece(TURNS["done"]), 1, piece(plog.Batch(records=[gone])))

letter = plog.Message(kind=5, sender="b", sender_app="app", generation=1, sequence=1, target="a", target_app="app", task=-1,
                      event=raised.SerializeToString())
seed("rows", "letter", *snapshot([], [started()]), 3, piece(letter), 2, 0, piece(TURNS["done"]), 3, piece(letter))

# --- runtime --------------------------------------------------------------------------------------

PEER = {"look": peer.Call(kind=2, id="a", wait_for=2),
        "post": peer.Call(kind=4, id="a", body=raised.SerializeToString()),
        "search": peer.Call(kind=6, shard=1, query=peer.Query(name="w", limit=10, order=1)),
        "rerun": peer.Call(kind=8, id="b", rerun=peer.Rerun(source="a", event_id=3, history=history(started()))),
        "receive": peer.Call(kind=9, id="a", body=letter.SerializeToString()),
        "invite": peer.Call(kind=10, app="app", namespace="default", invite=getattr(peer, "Invite")(address="h:1", **{"from": "b"})),
        "ring": peer.Call(kind=11, ring=peer.Ring(address="h:1", mail=[0, 5], work=True)),
        "borrow": peer.Call(kind=12, borrow=peer.Borrow(daemon="d", address="h:1", worker=1, attempt=2, number=3, turns=4,
                                                        activities=5, both=6, says=True, workflows=["w"], tasks=["pay"])),
        "turn": peer.Call(kind=13, id="a", body=TURNS["done"].SerializeToString()),
        "activity": peer.Call(kind=14, id="a", body=pb.ActivityResponse(instanceId="a", taskId=1).SerializeToString())}
for name, content in PEER.items():
    seed("peer", name, 0, content.SerializeToString())
lent = peer.Answer(lent=peer.Lent(items=[b"item", b""], more=True))
seed("peer", "lent", 13, lent.SerializeToString())
seed("peer", "moved", 1, peer.Answer(code=11, text="elsewhere").SerializeToString())
seed("peer", "view", 1, peer.Answer(view=peer.View(exists=True, name="w", status=1)).SerializeToString())
seed("peer", "rows", 7, peer.Answer(rows=[peer.Row(id="a", name="w", status=1)]).SerializeToString())

# --- wire -----------------------------------------------------------------------------------------

item = pb.WorkItem()
item.workflowRequest.instanceId = "a"
item.workflowRequest.pastEvents.extend(waiting)
get = pb.GetInstanceResponse(exists=True)
get.workflowState.instanceId = "a"
get.workflowState.createdTimestamp.FromNanoseconds(START)
get.workflowState.input.value = "\u20ac"
save = dapr.SaveStateRequest(store_name="statestore")
state = save.states.add(key="k", value=b"\0\xff", metadata={"ttlInSeconds": "9"})
state.etag.value = "1"
state.options.concurrency = 1
create_request = pb.CreateInstanceRequest(instanceId="a", name="w", tags={"x": "y"})
create_request.input.value = "1"
create_request.scheduledStartTimestamp.FromNanoseconds(START)
MESSAGES = [(0, scheduled), (0, raised), (0, started()), (1, TURNS["two"]), (1, TURNS["again"]), (2, failed), (3, item),
            (4, create_request), (5, get), (11, save), (17, plog.Batch(records=[create, turned, came, gone])),
            (18, plog.Snapshot(name="w", pending=pending, final_status=-1))]
for number, (kind, message) in enumerate(MESSAGES):
    seed("message", f"{number:02}", kind, message.SerializeToString())
seed("message", "deep", 2, failed.SerializeToString())
JSON = {0: {"eventId": 1, "timestamp": "2023-11-14T22:13:20.5Z", "timerCreated":
            {"fireAt": "1969-12-31T23:59:59.999999999Z", "name": "n", "externalEvent": {"name": "go"}}},
        2: {"instanceId": "a", "taskId": "7", "result": "1", "failureDetails":
            {"errorType": "E", "isNonRetriable": True, "innerFailure": {"errorMessage": "\u20ac"}}},
        4: {"instanceId": "a", "tags": {"k": "v"}, "version": None, "input": "\ud83d\ude00"},
        5: {"exists": True, "workflowState": {"workflowStatus": "ORCHESTRATION_STATUS_FAILED"}},
        11: {"storeName": "s", "states": [{"key": "k", "value": "AP8", "metadata": {"a": "b"}}]},
        17: {"records": [{"instanceId": "a", "event": "AAA=", "purge": None}]},
        18: {"generation": "18446744073709551615", "finalStatus": -1, "pending": [{"kind": 1, "fireAt": "-5"}]}}
for number, content in JSON.items():
    seed("json", f"{number:02}", number, json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")
         if number != 4 else json.dumps(content).encode())

# --- api ------------------------------------------------------------------------------------------

DAPR = "Get Start Raise Pause Resume Terminate Purge".split()
METHODS = ("CompleteActivityTask CompleteOrchestratorTask CompleteWorkflowTask GetWorkItems Hello StartInstance "
           "GetInstance WaitForInstanceStart WaitForInstanceCompletion RaiseEvent TerminateInstance SuspendInstance "
           "ResumeInstance PurgeInstances RerunWorkflowFromEvent GetInstanceHistory ListInstanceIDs List Count Start "
           "Terminate Suspend Resume").split()
METHODS += [name + version for name in DAPR for version in ("Alpha1", "Beta1")]
METHODS += ("GetState SaveState DeleteState GetBulkState DeleteBulkState ExecuteStateTransaction "
            "GetMetadata SetMetadata Shutdown").split()

# The target counts the rows of these tables.
TABLES = ["src/api/work.c", "src/wire/methods.c", "src/api/state_grpc.c", "src/api/metadata.c"]
ROWS = re.compile(r'^    (?:\{"/[\w.]+/|(?:METHOD|QUERY|COMMAND|ROW)\((?!COMPLETE_)[A-Z_]+, (?:"TaskHubSidecarService", )?")(\w+)"', re.MULTILINE)
rows = [name for table in TABLES for name in ROWS.findall((ROOT / table).read_text())]
expected = [name for name in METHODS if not name.endswith(("Alpha1", "Beta1"))]
if rows != expected:
    sys.exit(f"METHODS is not what the tables of methods have:\n{METHODS}\n{rows}")


def call(method, message):
    return bytes([METHODS.index(method)]) + piece(message)


SPIN = b"\xff"
begin = call("GetWorkItems", pb.GetWorkItemsRequest()) + call("StartInstance", pb.CreateInstanceRequest(
    instanceId="a", name="w")) + SPIN
who = pb.GetInstanceRequest(instanceId="a", getInputsAndOutputs=True)
for name, turn in TURNS.items():
    turn.instanceId = "a"
    seed("api_grpc", f"turn-{name}", begin, call("CompleteWorkflowTask", turn), SPIN,
         call("CompleteActivityTask", done), SPIN, call("GetInstance", who), SPIN)
reason = pb.TerminateRequest(instanceId="a", recursive=True)
reason.output.value = "x"
seed("api_grpc", "life", begin, call("SuspendInstance", pb.SuspendRequest(instanceId="a")), SPIN,
     call("ResumeInstance", pb.ResumeRequest(instanceId="a")), SPIN,
     call("RaiseEvent", pb.RaiseEventRequest(instanceId="a", name="go")), call("WaitForInstanceStart", who),
     call("WaitForInstanceCompletion", who), call("TerminateInstance", reason), SPIN,
     call("CompleteWorkflowTask", TURNS["done"]), SPIN,
     call("GetInstanceHistory", pb.GetInstanceHistoryRequest(instanceId="a")),
     call("ListInstanceIDs", pb.ListInstanceIDsRequest(pageSize=1)), SPIN,
     call("PurgeInstances", pb.PurgeInstancesRequest(instanceId="a")), SPIN, b"\xfa\x00\xfb\x00")
wf = dapr.WorkflowRequest(instance_id="a", workflow_component="dapr")
seed("api_grpc", "dapr", call("GetWorkItems", pb.GetWorkItemsRequest(workflows=["w"], activities=["pay"])),
     call("StartBeta1", dapr.StartWorkflowRequest(instance_id="a", workflow_component="dapr", workflow_name="w",
                                                  input=b"1")), SPIN,
     call("RaiseBeta1", dapr.RaiseEventWorkflowRequest(instance_id="a", event_name="go", event_data=b"1")),
     call("PauseBeta1", wf), call("ResumeBeta1", wf), SPIN,
     call("GetAlpha1", dapr.GetWorkflowRequest(instance_id="a", workflow_component="dapr")),
     call("TerminateBeta1", wf), SPIN, call("CompleteWorkflowTask", TURNS["done"]), SPIN, call("PurgeBeta1", wf), SPIN)
transaction = dapr.ExecuteStateTransactionRequest(storeName="statestore")
for kind in ("upsert", "delete"):
    transaction.operations.add(operationType=kind).request.key = "k"
state.etag.value = ""
seed("api_grpc", "state", call("SaveState", save), SPIN,
     call("GetState", dapr.GetStateRequest(store_name="statestore", key="k")),
     call("GetBulkState", dapr.GetBulkStateRequest(store_name="statestore", keys=["k", "m"])),
     call("ExecuteStateTransaction", transaction), SPIN,
     call("DeleteState", dapr.DeleteStateRequest(store_name="statestore", key="k")),
     call("DeleteBulkState", dapr.DeleteBulkStateRequest(store_name="statestore", states=[state])), SPIN)
seed("api_grpc", "metadata", call("Hello", ""), call("GetMetadata", ""),
     call("SetMetadata", dapr.SetMetadataRequest(key="k", value="v")), call("GetMetadata", ""), call("Shutdown", ""))

HTTP = {
    "health": ["GET /v1.0/healthz", "GET /v1.0/healthz/outbound", "GET /v1.0/metadata", "PUT /v1.0/metadata/k\n\nvalue",
               "GET /v1.0/metadata", "POST /v1.0/shutdown\ndapr-force-shutdown: true"],
    "state": ['POST /v1.0/state/statestore\n\n[{"key": "k", "value": {"a": [1, "\\u20ac"]}, "etag": null, '
              '"metadata": {"ttlInSeconds": "9"}, "options": {"concurrency": "first-write"}}]',
              "GET /v1.0/state/statestore/k", 'POST /v1.0/state/statestore/bulk\n\n{"keys": ["k", "m"]}',
              'POST /v1.0/state/statestore/transaction\n\n{"operations": [{"operation": "upsert", "request": '
              '{"key": "k", "value": 1}}, {"operation": "delete", "request": {"key": "m"}}]}',
              'DELETE /v1.0/state/statestore/k?concurrency=first-write\nif-match: "7"', "GET /v1.0/state/other/%6b"],
    "workflow": ["POST /v1.0/workflows/dapr/w/start?instanceID=a\n\n1", "GET /v1.0/workflows/dapr/a",
                 "POST /v1.0/workflows/dapr/a/pause", "POST /v1.0-beta1/workflows/dapr/a/resume",
                 "POST /v1.0/workflows/dapr/a/raiseEvent/go\n\n{}", "POST /v1.0/workflows/dapr/a/terminate",
                 "POST /v1.0-alpha1/workflows/dapr/a/purge?force=true", "GET /v1.0/workflows/dapr/%zz"],
    "console": ["GET /pawl/v1/app", "GET /pawl/v1/instances?q=status:failed+age%3C1h&sort=created&limit=2&after=1.a",
                "GET /pawl/v1/instances/count?q=name:w&by=status", "GET /pawl/v1/instances/count?q=wait:event&after=0.1.a",
                'GET /pawl/v1/sentences?ids=["a","b"]', "GET /pawl/v1/instances/a/timeline",
                "GET /pawl/v1/instances/a/events?from=1&n=2&full=1", "GET /pawl/v1/instances/a/events/0",
                "GET /pawl/v1/changes?most=1&after=0123456789abcdef-1", "GET /pawl/v1/numbers", "GET /pawl/v1/openapi.json"],
    "import": ['POST /pawl/v1/instances/import\ncontent-type: application/json\n\n{"id": "c", "history": ['
               '{"eventId": -1, "timestamp": "2026-11-29T10:00:00Z", "workflowStarted": {}}, '
               '{"eventId": -1, "timestamp": "2026-11-29T10:00:00Z", "executionStarted": {"name": "w", "input": "1", '
               '"workflowInstance": {"instanceId": "a", "executionId": "e"}}}, '
               '{"eventId": 0, "timestamp": "2026-11-29T10:00:01Z", "executionCompleted": '
               '{"workflowStatus": "ORCHESTRATION_STATUS_COMPLETED", "result": "2"}}]}', "GET /pawl/v1/instances/c/events"],
}
for name, requests in HTTP.items():
    seed("api_http", name, "\n---\n".join(requests).encode())

for name, text in {"terms": 'a1b2 name:order parent:p failure:Timeout says:"a b" tag.team:blue tag.x:',
                   "ages": "status:failed,stalled,running age<1h age>2d ended<10m ended>90s",
                   "quotes": 'id:"order \\"7\\"" says:"', "waits": 'wait:event:approval status:running wait:"activity:Process Payment" wait:worker', "wrong": "status:odd age<x name: wait:x"}.items():
    seed("filter", name, text.encode())

# --- net ------------------------------------------------------------------------------------------

REQUESTS = {
    "get": "GET /v1.0/healthz?q=a%20b HTTP/1.1\r\nHost: x\r\n\r\n",
    "post": "POST /l HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
    "chunked": "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nT: x\r\n\r\n",
    "pipelined": "GET /l HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\nHEAD / HTTP/1.0\r\n\r\n",
    "expect": "PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
    "absolute": "OPTIONS http://x/y?z HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "stream": "GET /s HTTP/1.1\r\nHost: x\r\n\r\nGET /l HTTP/1.1\r\nHost: x\r\n\r\nGET /s HTTP/1.0\r\n\r\n",
    "fails": "GET /f HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
}
for name, text in REQUESTS.items():
    for step in (0, 3):
        seed("http1", f"{name}-{step}", step, text.encode())
SEND = b"\x20"


def message(stream, text, flags=0):
    return bytes([15, stream, flags]) + piece(text)


def frame(kind, flags, stream, payload=b""):
    return bytes([kind, flags, stream]) + piece(payload)


def headers(letter, flags, kind=11):
    return bytes([kind]) + letter.encode() + bytes([flags])


seed("http2", "unary", headers("x", 0), message(1, "hello", 1), SEND, headers("f", 0), message(3, "", 1), SEND)
seed("http2", "stream", headers("s", 0), message(1, "hello", 1), SEND, frame(8, 0, 1, b"\0\1\0\0"),
     frame(8, 0, 0, b"\0\1\0\0"), SEND, frame(3, 0, 1, b"\0\0\0\x08"), SEND)
seed("http2", "late", headers("l", 0), message(1, "x", 1), headers("l", 0x80), message(3, "x", 1), SEND,
     frame(3, 0, 1, b"\0\0\0\x08"), SEND, frame(7, 0, 0, bytes(8)))
seed("http2", "http", headers("x", 1, 12), headers("b", 1, 12), SEND, frame(4, 0, 0, b"\0\4\0\0\0\1\0\1\0\0\0\0"), SEND)
seed("http2", "reset", b"".join(headers("l", 0) + frame(3, 0, 2 * i + 1, b"\0\0\0\x08") for i in range(20)), SEND)
seed("http2", "continuation", frame(1, 0, 1, b"\x82"), b"".join(frame(9, 0, 1, b"\0\1a\1b") for _ in range(20)), SEND)
seed("http2", "large", headers("x", 0), frame(0, 0, 1, b"\0\x40\0\0\0body"), SEND)
seed("http2", "two", headers("x", 0), message(1, "a"), message(1, "b", 1), SEND, frame(6, 0, 0, b"12345678"), SEND)
seed("grpc_client", "unary", bytes([13, 1, 0]), message(1, "answer"), bytes([14, 1, 0]), SEND)
seed("grpc_client", "stream", bytes([13, 3, 0]), message(3, "1") + message(3, "2"), SEND, message(3, "3"), SEND,
     bytes([14, 3, 5]), SEND)
seed("grpc_client", "http", bytes([13, 1, 0x81]), frame(3, 0, 3, b"\0\0\0\x07"), SEND)
seed("grpc_client", "goaway", frame(7, 0, 0, b"\0\0\0\1\0\0\0\0"), bytes([13, 1, 0]), SEND, message(1, "x"),
     bytes([14, 1, 0]), SEND, frame(6, 1, 0, b"\1" + bytes(7)), SEND)
seed("grpc", "frames", 0, 2, b"\0\0\0\0\3abc\0\0\0\0\0\0\0\0\0\1d")
seed("grpc", "large", 0, 9, b"\0\x40\0\0\0abc")
seed("grpc", "timeout", 1, b"99999999H")
seed("grpc", "message", 2, "ö % \n\u20ac".encode() + b"\xff\xf0\x9f\x98")
seed("grpc", "base64", 3, b"AP_-x/+=")
seed("grpc", "type", 4, b"application/grpc+proto; x")
ANSWERS = {
    "length": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "chunked": "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 X\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "close": "HTTP/1.0 503 X\r\n\r\nuntil the end",
    "large": "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\nx",
}
for name, text in ANSWERS.items():
    seed("http_fetch", name, 0, text.encode())
seed("http_fetch", "head", 1, ANSWERS["length"].encode())

# --- config ---------------------------------------------------------------------------------------

COMPONENT = """apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: statestore
spec:
  type: state.sqlite
  version: v1
  metadata:
    - {name: connectionString, value: "file:a.db?_busy=1"}
    - {name: actorStateStore, value: "true"}
    - {name: cleanupInterval, value: 1h30m}
    - {name: keyPrefix, value: namespace}
---
kind: Component
metadata: {name: other, namespace: x}
spec: {type: state.in-memory, version: v1, metadata: []}
scopes: [app, "b"]
"""
CONFIGURATION = """kind: Configuration
metadata: {name: c}
spec:
  workflow:
    maxConcurrentWorkflowInvocations: 5
    maxConcurrentActivityInvocations: ${HOME}
  tracing: &a {samplingRate: "1"}
  more: *a
"""
RESILIENCY = """kind: Component
metadata: {name: one}
spec: {type: state.in-memory}
---
kind: Resiliency
metadata: {name: r}
spec:
  policies:
    timeouts: {t: 5s, DefaultTimeoutPolicy: 250}
    retries: {r: {policy: exponential, maxInterval: 15s, matching: {httpStatusCodes: "429,500-599"}}}
    circuitBreakers: {b: {trip: "!(double(totalFailures) / 2.5 < 1e1) && requests % 3 != 0 || true"}}
  targets:
    components: {one: {outbound: {timeout: t, retry: r, circuitBreaker: b}}}
    actors: {a: {circuitBreaker: b, circuitBreakerScope: id}}
"""
RUNFILE = """version: 1
common: {resourcesPath: ., env: {A: 1}, logLevel: debug}
apps:
  - appDirPath: .
    appID: one
    command: [sh, -c, "true"]
    appPort: 80
    appLogDestination: fileAndConsole
  - {appDirPath: ".", command: ["x"], daprHTTPPort: 3500, env: {B: two}}
"""
for number, text in enumerate((COMPONENT, COMPONENT, CONFIGURATION, RUNFILE)):
    seed("config", f"{number}", number, text.encode())
seed("config", "resiliency", 1, RESILIENCY.encode())
seed("config", "json", 0, b'{"a": [1, "x\\n", null, true, -1.5e3], "b": {"c": 10s}}')
TURNS = json.dumps([
    {"eventId": -1, "workflowStarted": {}},
    {"eventId": -1, "executionStarted": {"name": "w", "workflowInstance": {"instanceId": "a", "executionId": "x"}}},
    {"eventId": 0, "taskScheduled": {"name": "t"}}, {"eventId": 1, "timerCreated": {"fireAt": "2030-01-01T00:00:00Z"}},
    {"eventId": -1, "workflowStarted": {}}, {"eventId": -1, "taskCompleted": {"taskScheduledId": 0}},
    {"eventId": 2, "executionCompleted": {"workflowStatus": 1}}]).encode()
for name, schedules in ("fits", "t"), ("differs", "other"):
    response = pb.WorkflowResponse(instanceId="a")
    response.actions.add(id=0).scheduleTask.name = schedules
    response.actions.add(id=1).createTimer.fireAt.seconds = 1
    units = -(-len(TURNS) // 64)
    seed("retrace", name, units, TURNS.ljust(units * 64), response.SerializeToString())

seed("flags", "all", 0, b"--app-id=x\n-e\n--count\n-5\n-p\n3500\n-d\na,b\n-d\nc\n--max-body\n4Mi\n--placement\nx\n--\nrest")
seed("flags", "run", 1, b"-a\nx\n--enable=false\nsh\n-c\ntrue\n--help")
seed("flags", "wrong", 0, b"--app-idd\nx\n--count=1x")

# --- histories and files --------------------------------------------------------------------------


def said(kind, number=-1, **fields):
    return {"eventId": number, "timestamp": "2023-11-14T22:13:20.000000001Z", kind: fields}


first = [said("workflowStarted"), said("executionStarted", name="w", input="3", workflowInstance={
    "instanceId": "a", "executionId": "e"})]
again = said("workflowStarted")
HISTORIES = {
    "chain": (0, [*first, said("taskScheduled", 0, name="echo", input="3"), again,
                  said("taskCompleted", taskScheduledId=0, result="3"), said("taskScheduled", 1, name="echo", input="3")]),
    "retry": (1, [*first, said("taskScheduled", 0, name="second_time", input="1"), again,
                  said("taskFailed", taskScheduledId=0, failureDetails={"errorType": "E", "errorMessage": "m"}),
                  said("timerCreated", 1, fireAt="2023-11-14T22:13:20.002Z", name="second_time-retry",
                       activityRetry={"taskExecutionId": "t"}), again,
                  said("timerFired", timerId=1, fireAt="2023-11-14T22:13:20.002Z"),
                  said("taskScheduled", 2, name="second_time", input="1")]),
    "event": (2, [*first, said("timerCreated", 0, fireAt="2023-11-14T23:13:20Z", name="go", externalEvent={"name": "go"}),
                  said("timerCreated", 1, fireAt="2023-11-14T22:14:20Z", createTimer={}), again,
                  said("eventRaised", name="GO", input="{}"),
                  said("executionCompleted", 2, workflowStatus="ORCHESTRATION_STATUS_COMPLETED", result="{}")]),
    "children": (3, [*first, *(said("childWorkflowInstanceCreated", i, name="chain", input="7", instanceId=f"a:000{i}")
                               for i in range(3)), again,
                     said("childWorkflowInstanceCompleted", taskScheduledId=1, result="1"),
                     said("childWorkflowInstanceFailed", taskScheduledId=0, failureDetails={"errorType": "E"})]),
    "again": (4, [{**again, "workflowStarted": {"version": {"patches": ["first"]}}}, first[1],
                  said("timerCreated", 0, fireAt="2023-11-14T22:13:21Z"), again, said("timerFired", timerId=0)]),
    "saga": (5, [*first, said("taskScheduled", 0, name="do", input='"a"'), again,
                 said("executionSuspended"), said("executionResumed"),
                 said("taskFailed", taskScheduledId=0, failureDetails={"errorType": "E"}),
                 said("taskScheduled", 1, name="undo", input="1")]),
}
for name, (function, events) in HISTORIES.items():
    seed("history", name, function, json.dumps(events).encode())
seed("database", "whole")
seed("database", "cut", 1, 0, 0x30)
seed("database", "bytes", 0, 100, 0, piece(b"\0\0\0"))
for column in range(28):
    seed("database", f"column-{column:02}", 2, column, 1, piece(b"\xff\xff"), 2, column, 0x80, piece(b"\x7f"))
seed("database", "rows", 3, 6, 0, 3, 17, 0, 3, 1, 0x80)

# --- the check --------------------------------------------------------------------------------------


def names(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


if CHECKS:
    both = sorted(names(SEEDS) & names(KEPT))
    _, other, odd = filecmp.cmpfiles(SEEDS, KEPT, both, shallow=False)
    other += odd + sorted(names(SEEDS) ^ names(KEPT))
    if other:
        sys.exit(f"not what tests/fuzz/make_seeds.py makes; run it: {' '.join(other)}")
