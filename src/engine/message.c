#include "engine/message.h"

#include "base/array.h"
#include "pawl_log.pb-c.h"
#include "wire/pack.h"
#include "wire/unpack.h"

uint32_t pawl__shard_of(struct pawl_str id, uint32_t count) {
    if (count <= 1) return 0;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < id.len; i++)
        hash = (hash ^ (uint8_t)id.data[i]) * UINT64_C(0x100000001b3);
    return (uint32_t)(hash ^ hash >> 32) % count;
}

enum {
    MESSAGE_NUMBERED = 0xff // stands before the origin in a key: no id begins with such a byte
};

static void message_put_number(char **at, uint64_t number) {
    for (int shift = 56; shift >= 0; shift -= 8) *(*at)++ = (char)(number >> shift);
}

// The sender's id, a zero, its generation and the sequence with the greatest byte first, and
// whether it is a reply.
static struct pawl_str message_key(const struct pawl_message *message, struct pawl_arena *arena) {
    size_t len = strlen(message->sender) + 1;
    char *key = pawl__arena_alloc(arena, len + 17), *at = key + len;
    if (!key) return (struct pawl_str){0};
    memcpy(key, message->sender, len);
    message_put_number(&at, message->generation);
    message_put_number(&at, message->sequence);
    *at++ = (char)message->reply;
    return (struct pawl_str){key, (size_t)(at - key)};
}

// To another app: its id, a zero, and the origin with the letter's number there. What an earlier
// Pawl left behind has the key above instead, and comes first.
static struct pawl_str message_key_far(const char *app, struct pawl_origin *origin,
                                       struct pawl_arena *arena) {
    size_t len = strlen(app) + 1;
    char *key = pawl__arena_alloc(arena, len + 1 + PAWL_ORIGIN + 8), *at = key + len;
    if (!key) return (struct pawl_str){0};
    memcpy(key, app, len);
    *at++ = (char)MESSAGE_NUMBERED;
    for (int shift = 24; shift >= 0; shift -= 8) *at++ = (char)(origin->number >> shift);
    message_put_number(&at, origin->epoch);
    message_put_number(&at, origin->nonce);
    message_put_number(&at, ++origin->sent);
    return (struct pawl_str){key, (size_t)(at - key)};
}

void pawl__message_crossing(struct pawl_str key, struct pawl_crossing *out) {
    const char *end = key.len ? memchr(key.data, 0, key.len) : NULL;
    size_t rest = end ? key.len - (size_t)(end + 1 - key.data) : 0;
    *out = (struct pawl_crossing){0};
    if (rest != 1 + PAWL_ORIGIN + 8 || (uint8_t)end[1] != MESSAGE_NUMBERED) return;
    out->origin = (struct pawl_str){end + 2, PAWL_ORIGIN};
    for (int i = 0; i < 8; i++) out->number = out->number << 8 | (uint8_t)end[2 + PAWL_ORIGIN + i];
}

// Fills |out| with |message|, which leaves the app |app| of |shards| shards, in |arena|. |origin|
// counts it, when it is for another app. PAWL_E_NOMEM.
static enum pawl_err message_pack(const struct pawl_message *message, const char *app,
                                  uint32_t shards, struct pawl_origin *origin,
                                  struct pawl_arena *arena, struct pawl_letter *out) {
    bool elsewhere = strcmp(message->target_app, app) != 0;
    struct pawl_str event =
        message->event ? pawl__wire_pack(arena, &message->event->base) : PAWL_STR("");
    Plog__Message row = PLOG__MESSAGE__INIT;
    row.kind = message->kind;
    row.sender = (char *)(uintptr_t)message->sender;
    row.sender_app = (char *)(uintptr_t)message->sender_app;
    row.generation = message->generation;
    row.sequence = message->sequence;
    row.reply = message->reply;
    row.force = message->force;
    row.task = message->task;
    row.target = (char *)(uintptr_t)message->target;
    row.target_app = (char *)(uintptr_t)message->target_app;
    row.event = (ProtobufCBinaryData){event.len, (uint8_t *)(uintptr_t)event.data};
    row.propagated = (ProtobufCBinaryData){message->propagated.len,
                                           (uint8_t *)(uintptr_t)message->propagated.data};
    char *target = pawl__arena_dup(arena, pawl__str(message->target));
    *out = (struct pawl_letter){
        .box = elsewhere ? PAWL_BOX_APPS : PAWL_BOX_SHARD,
        .target = pawl__str(target ? target : ""),
        .number = elsewhere ? 0 : pawl__shard_of(pawl__str(message->target), shards),
        .key = elsewhere ? message_key_far(message->target_app, origin, arena)
                         : message_key(message, arena),
        .bytes = event.data ? pawl__wire_pack(arena, &row.base) : event,
    };
    return target && out->key.data && out->bytes.data ? PAWL_OK : PAWL_E_NOMEM;
}

// Whether |event| is what a message of |kind| brings.
static bool message_fits(uint32_t kind, const Pb__HistoryEvent *event) {
    switch (kind) {
    case PAWL_MESSAGE_START_CHILD:
        return event->event_type_case == PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_STARTED &&
               event->executionstarted->parentinstance &&
               event->executionstarted->parentinstance->workflowinstance;
    case PAWL_MESSAGE_START_DETACHED:
        return event->event_type_case == PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_STARTED;
    case PAWL_MESSAGE_CHILD_ENDED:
        return event->event_type_case ==
                   PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_COMPLETED ||
               event->event_type_case ==
                   PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_FAILED;
    case PAWL_MESSAGE_TASK_ENDED:
        return event->event_type_case == PB__HISTORY_EVENT__EVENT_TYPE_TASK_COMPLETED ||
               event->event_type_case == PB__HISTORY_EVENT__EVENT_TYPE_TASK_FAILED;
    case PAWL_MESSAGE_EVENT:
        return event->event_type_case == PB__HISTORY_EVENT__EVENT_TYPE_EVENT_RAISED;
    case PAWL_MESSAGE_TERMINATE:
    case PAWL_MESSAGE_END_CHILD:
        return event->event_type_case == PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_TERMINATED;
    default: return false;
    }
}

enum pawl_err pawl__message_unpack(struct pawl_str bytes, struct pawl_arena *arena,
                                   struct pawl_message *out, struct pawl_error *error) {
    const char *why = "it has no target";
    if (!pawl__wire_check(&plog__message__descriptor, bytes, &why)) goto corrupt;
    const Plog__Message *row = pawl__wire_decode(arena, &plog__message__descriptor, bytes);
    if (!row) return pawl__fail_plain(error, PAWL_E_NOMEM);
    struct pawl_str packed = {(const char *)row->event.data, row->event.len};
    struct pawl_str propagated = {(const char *)row->propagated.data, row->propagated.len};
    if (!*row->target || !*row->sender) goto corrupt;
    Pb__HistoryEvent *event = NULL;
    if (row->kind == PAWL_MESSAGE_PURGE_CHILD) goto filled;
    if (!pawl__wire_check(&pb__history_event__descriptor, packed, &why) ||
        !pawl__wire_check(&pb__propagated_history__descriptor, propagated, &why))
        goto corrupt;
    event = pawl__wire_decode(arena, &pb__history_event__descriptor, packed);
    if (!event) return pawl__fail_plain(error, PAWL_E_NOMEM);
    why = "its event is not of its kind";
    if (!message_fits(row->kind, event) || !event->timestamp) goto corrupt;
filled:
    *out = (struct pawl_message){
        .kind = (enum pawl_message_kind)row->kind,
        .reply = row->reply,
        .force = row->force,
        .task = row->task,
        .generation = row->generation,
        .sequence = row->sequence,
        .sender = row->sender,
        .sender_app = row->sender_app,
        .target = row->target,
        .target_app = row->target_app,
        .event = event,
        .propagated = propagated,
    };
    return PAWL_OK;
corrupt:
    return pawl__fail(error, PAWL_E_CORRUPT, "a message in the mailbox cannot be read: %s", why);
}

// --- mail ---------------------------------------------------------------------------------------

enum pawl_err pawl__mailbag_put(struct pawl_mailbag *bag, const struct pawl_letter *letter) {
    if (!pawl__array_room_in(&bag->arena, (void **)&bag->letters, bag->len, &bag->cap,
                             sizeof *bag->letters))
        return PAWL_E_NOMEM;
    bag->letters[bag->len++] = *letter;
    return PAWL_OK;
}

enum pawl_err pawl__mailbag_add(struct pawl_mailbag *bag, const struct pawl_message *message,
                                const char *app, uint32_t shards, struct pawl_origin *origin) {
    struct pawl_letter letter;
    enum pawl_err err = message_pack(message, app, shards, origin, &bag->arena, &letter);
    return err ? err : pawl__mailbag_put(bag, &letter);
}

void pawl__mailbag_clear(struct pawl_mailbag *bag) {
    pawl__arena_reset(&bag->arena);
    bag->letters = NULL;
    bag->len = bag->cap = 0;
}

void pawl__mailbag_finish(struct pawl_mailbag *bag) {
    pawl__arena_finish(&bag->arena);
    *bag = (struct pawl_mailbag){0};
}
