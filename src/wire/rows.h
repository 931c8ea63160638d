#ifndef PAWL_WIRE_ROWS_H
#define PAWL_WIRE_ROWS_H

// The rows that the engine makes and a store keeps.

#include "base/str.h"

// One log row: all that a shard did in one group commit. Positions of a shard's batches are
// consecutive and start at 1.
struct pawl_batch {
    uint64_t position;
    struct pawl_str records; // a pawl.Batch message
};

// The state of an instance after the batch at |position|, with the columns that lists and recovery
// ask for (absent texts are empty). History is stored in parts: |history| holds the events from
// number |history_from| on; what a store already has before that number stays, and is dropped when
// |history_from| is 0.
//
// Tags are one text: 0x1e, key, 0x1f, value for each, and 0x1e at the end; within keys and values
// these two bytes and 0x1d are written as 0x1d and the byte plus 0x40. So a tag, or a key with any
// value, is a part of the text; wire/columns.h writes both.
struct pawl_snapshot {
    struct pawl_str id;
    uint64_t position;
    struct pawl_str name; // of the workflow
    int32_t status;       // an OrchestrationStatus of the wire
    int64_t created_at;   // nanoseconds since 1970
    int64_t updated_at;
    int64_t completed_at;   // 0: not completed
    struct pawl_str parent; // the instance id of the workflow that it is a child of
    struct pawl_str tags;
    struct pawl_str custom_status;
    struct pawl_str failure_type; // errorType of the failure that ended it
    int64_t wake_at;              // when its next timer is due; INT64_MAX: it has none
    bool active;           // it has work to offer (events to process, activities to run) by itself
    struct pawl_str state; // a pawl.Snapshot message
    struct pawl_str history; // encoded events, each a length-delimited field (see engine/history.h)
    uint32_t history_from;   // number of the first event in |history|
};

#endif
