#!/usr/bin/env python3
"""Requests, and thousands of mutations of each, are let in and read as protoc's own Python does.

    test_protoc.py WIRE_SAYS

PAWL_MUTATIONS= sets how many of each request, PAWL_SEED= repeats a run.
"""

import os
import random
import re
import subprocess
import sys
import unittest
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
SAYS = sys.argv.pop(1)
os.environ.setdefault("PAWL_BUILD", str(Path(SAYS).resolve().parents[1]))
import harness  # noqa: E402

hub = harness.messages()
import dapr_runtime_pb2 as dapr  # noqa: E402
from google.protobuf import message as protobuf  # noqa: E402
from google.protobuf import message_factory  # noqa: E402

COUNT = int(os.environ.get("PAWL_MUTATIONS", "2000"))
SEED = int(os.environ.get("PAWL_SEED", random.randrange(1 << 32)))
# A varint of more than 64 bits, and a tag or length of more than 32: C++ cuts them off.
LONG = re.compile(rb"[\x80-\xff]{9}[\x02-\x7f]|[\x80-\xff]{4}[\x10-\x7f]")
WORDS = ["", "a", "order-1", "\u00e9\u20ac", "x" * 200]


def requests():
    for service in hub.DESCRIPTOR.services_by_name["TaskHubSidecarService"], dapr.DESCRIPTOR.services_by_name["Dapr"]:
        for method in service.methods:
            yield method.input_type


def fill(rng, message, depth=0):
    """Gives about half of the fields a value."""
    for field in message.DESCRIPTOR.fields:
        if rng.random() < 0.4 or depth > 4:
            continue
        times = rng.randrange(4) if field.label == field.LABEL_REPEATED else 1
        for _ in range(times):
            put(rng, message, field, depth)


def put(rng, message, field, depth):
    repeated = field.label == field.LABEL_REPEATED
    target = getattr(message, field.name)
    if field.message_type and field.message_type.GetOptions().map_entry:
        if field.message_type.fields_by_name["value"].message_type:
            fill(rng, target[rng.choice(WORDS)], depth + 1)
        else:
            target[rng.choice(WORDS)] = rng.choice(WORDS)
    elif field.message_type:
        one = target.add() if repeated else target
        one.SetInParent()
        fill(rng, one, depth + 1)
    else:
        value = {field.CPPTYPE_STRING: rng.choice(WORDS), field.CPPTYPE_BOOL: True,
                 field.CPPTYPE_INT32: rng.choice([1, -1, 1 << 30]), field.CPPTYPE_INT64: -(1 << 60),
                 field.CPPTYPE_UINT32: 1 << 31, field.CPPTYPE_UINT64: 1 << 63,
                 field.CPPTYPE_ENUM: rng.randrange(4)}[field.cpp_type]
        if field.type == field.TYPE_BYTES:
            value = rng.randbytes(rng.randrange(9))
        if repeated:
            target.append(value)
        else:
            setattr(message, field.name, value)


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(rng, number, depth=0):
    """Any field at all under |number|."""
    kind = rng.randrange(6)
    tag = varint(number << 3 | (0, 1, 2, 5, 3, 2)[kind])
    if kind == 4 and depth < 3:
        inside = b"".join(field(rng, rng.randrange(1, 40), depth + 1) for _ in range(rng.randrange(3)))
        return tag + inside + varint(number << 3 | 4)
    if kind == 0:
        return tag + varint(rng.choice([0, 1, 300, 1 << 63]))
    if kind == 1:
        return tag + rng.randbytes(8)
    if kind == 3:
        return tag + rng.randbytes(4)
    if kind == 2:
        body = rng.choice(WORDS).encode()
    else:
        body = b"".join(field(rng, rng.randrange(1, 12), depth + 1) for _ in range(rng.randrange(3))) if depth < 3 else b""
    return varint(number << 3 | 2) + varint(len(body)) + body


def mutate(rng, data, other):
    how = rng.randrange(8)
    if how == 0 and data:
        data = bytearray(data)
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        return bytes(data)
    if how == 1 and data:
        return data[:rng.randrange(len(data))]
    if how == 2:
        return data + other  # each message in two parts
    if how == 3:
        return other + data + other
    if how == 4 and data:
        at = rng.randrange(len(data))
        return data[:at] + rng.randbytes(rng.randrange(1, 4)) + data[at:]
    if how == 5 and data:
        data = bytearray(data)
        at = rng.randrange(len(data))
        data[at] = data[at] & ~7 | rng.randrange(8)  # perhaps a tag, with another wire type
        return bytes(data)
    extra = b"".join(field(rng, rng.randrange(1, 20)) for _ in range(rng.randrange(1, 4)))
    return extra + data if how == 6 else data + extra


class Protoc(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.says = subprocess.Popen([SAYS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    @classmethod
    def tearDownClass(cls):
        cls.says.stdin.close()
        cls.says.stdout.close()
        assert cls.says.wait(10) == 0

    def compare(self, kind, data):
        """None: both refuse it. Else whether they read the same."""
        self.says.stdin.write(f"{kind.DESCRIPTOR.full_name} {data.hex()}\n")
        self.says.stdin.flush()
        ours = self.says.stdout.readline().rstrip("\n")
        theirs = kind()
        try:
            with warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("always")
                theirs.ParseFromString(data)
            if warned:
                theirs = None  # of a group's end without its beginning, and of field 0, some only warn
        except (protobuf.DecodeError, RuntimeError, UnicodeDecodeError):
            theirs = None
        told = f"PAWL_SEED={SEED}: {kind.DESCRIPTOR.name} {data.hex()}: {ours}"
        if theirs is None:
            self.assertEqual(ours[:1], "!", told)
            return None
        if ours == "!a string is not valid UTF-8" and b"\0" in data:
            return None  # C strings cannot hold a NUL
        if ours[:1] == "!" and LONG.search(data):
            return None  # protoc's Go refuses these, too
        self.assertEqual(ours[:1], "=", told)
        again = kind.FromString(bytes.fromhex(ours[1:]))
        theirs.DiscardUnknownFields()
        again.DiscardUnknownFields()
        self.assertEqual(theirs, again, told)
        return True

    def test_mutations(self):
        rng = random.Random(SEED)
        refused = taken = 0
        for descriptor in requests():
            kind = message_factory.MessageFactory().GetPrototype(descriptor)
            for _ in range(COUNT):
                one, other = kind(), kind()
                fill(rng, one)
                fill(rng, other)
                if self.compare(kind, mutate(rng, one.SerializeToString(), other.SerializeToString())):
                    taken += 1
                else:
                    refused += 1
        self.assertGreater(taken, refused / 2)
        self.assertGreater(refused, taken / 50)

    def test_sister_schemas(self):
        """What Microsoft's clients send in fields that have another type here."""
        start = hub.CreateInstanceRequest(instanceId="a", name="w").SerializeToString()
        self.assertTrue(self.compare(hub.CreateInstanceRequest, start + b"\x52\x02\x08\x01"))
        self.assertTrue(self.compare(hub.PurgeInstancesRequest, b"\x0a\x01a\x28\x01"))
        self.assertTrue(self.compare(hub.CreateInstanceRequest, start + b"\x22\x00\x22\x03\x0a\x01x"))


if __name__ == "__main__":
    unittest.main()
