#ifndef PAWL_CLI_WORKFLOW_WAITS_H
#define PAWL_CLI_WORKFLOW_WAITS_H

// What a workflow waits for, as its history tells.

#include <jansson.h>
#include <stdint.h>

// What the events of a history, an array as pawl_history gives it, have begun and not ended, the
// oldest first: objects with
//
//     kind      "activity", "child", "timer", "event" or "retry"
//     name      of the activity, the child's workflow, the event or what is tried again
//     id        of the child
//     eventId   of the event of the history that began it
//     since     when that was, in RFC 3339
//     until     when a timer is due, or the wait for an event ends
//
// All have all keys; null is what does not apply. An event that is waited for without a timer,
// as SDKs before Dapr 1.18 do, leaves no trace in a history. NULL: memory is out.
json_t *pawl__workflow_waits(const json_t *events);

// One of them as people say it, such as "activity ship, for 12s"; |now| is in nanoseconds since
// 1970.
void pawl__workflow_wait_say(const json_t *wait, int64_t now, char out[512]);

// Why a workflow that is stalled or suspended is so, by the last event that says it; NULL: none
// does. The text is the event's.
const char *pawl__workflow_reason(const json_t *events);

#endif
