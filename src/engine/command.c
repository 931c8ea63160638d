#include "engine/command.h"

#include "base/assert.h"
#include "engine/record.h"
#include "wire/pack.h"

enum pawl_err pawl__command_need(struct pawl_shard *shard, struct pawl_str id,
                                 struct pawl_instance **out, struct pawl_error *error) {
    *out = pawl__shard_find(shard, id);
    if (*out) return PAWL_OK;
    shard->also = NULL;
    shard->needed = pawl__arena_dup(&shard->arena, id);
    return pawl__fail_plain(error, shard->needed ? PAWL_E_NEEDED : PAWL_E_NOMEM);
}

enum pawl_err pawl__command_miss(struct pawl_shard *shard, struct pawl_need **missing,
                                 struct pawl_error *error) {
    struct pawl_need *need = pawl__arena_alloc(&shard->arena, sizeof *need);
    if (!need) return pawl__fail_plain(error, PAWL_E_NOMEM);
    *need = (struct pawl_need){*missing, shard->needed};
    *missing = need;
    pawl__error_clear(error);
    return PAWL_OK;
}

enum pawl_err pawl__command_ask(struct pawl_shard *shard, const struct pawl_need *missing,
                                struct pawl_error *error) {
    if (!missing) return PAWL_OK;
    shard->needed = missing->id;
    shard->also = missing->next;
    return pawl__fail_plain(error, PAWL_E_NEEDED);
}

enum pawl_err pawl__command_pack(struct pawl_shard *shard, const Pb__HistoryEvent *event,
                                 struct pawl_str *bytes, struct pawl_error *error) {
    const char *why;
    *bytes = pawl__wire_pack_checked(&shard->arena, &event->base, &why);
    if (bytes->data) return PAWL_OK;
    return why ? pawl__fail(error, PAWL_E_INVALID, "%s", why)
               : pawl__fail_plain(error, PAWL_E_NOMEM);
}

enum pawl_err pawl__command_pack_outside(struct pawl_shard *shard, const Pb__HistoryEvent *event,
                                         struct pawl_str *bytes, struct pawl_error *error) {
    size_t max = shard->limits.event;
    enum pawl_err err = pawl__command_pack(shard, event, bytes, error);
    if (err || bytes->len <= max) return err;
    return pawl__fail(error, PAWL_E_TOO_LARGE,
                      "an event of %zu bytes is too large to be stored; the limit is %zu",
                      bytes->len, max);
}

enum pawl_err pawl__command_add(struct pawl_shard *shard, struct pawl_instance *instance,
                                struct pawl_str bytes) {
    bool waits = !pawl__instance_completed(instance);
    enum pawl_err err = pawl__record_reserve(shard, instance, bytes.len);
    if (!err) err = pawl__apply_event(instance, bytes, &shard->arena);
    pawl__assert(!err || err == PAWL_E_NOMEM);
    if (err) return err;
    pawl__record_event(shard, instance, bytes);
    pawl__shard_place(shard, instance);
    if (!waits) return PAWL_OK;
    pawl__shard_emit(shard, PAWL_EFFECT_TURN, instance, 0);
    if (pawl__instance_ends_alone(instance)) pawl__shard_emit(shard, PAWL_EFFECT_END, instance, 0);
    return PAWL_OK;
}

enum pawl_err pawl__command_add_event(struct pawl_shard *shard, struct pawl_instance *instance,
                                      const Pb__HistoryEvent *event) {
    struct pawl_str bytes;
    enum pawl_err err = pawl__command_pack(shard, event, &bytes, NULL);
    pawl__assert(!err || err == PAWL_E_NOMEM);
    return err ? err : pawl__command_add(shard, instance, bytes);
}

enum pawl_err pawl__command_post(struct pawl_shard *shard, const struct pawl_message *message) {
    return pawl__mailbag_add(&shard->mail, message, shard->app_id, shard->count, &shard->origin);
}

// --- results ------------------------------------------------------------------------------------

bool pawl__command_has_room(const struct pawl_shard *shard, const struct pawl_instance *instance,
                            size_t len) {
    size_t waits = pawl__instance_completed(instance) ? 0 : instance->inbox.bytes.len;
    return len <= shard->limits.event && waits + len <= shard->limits.results;
}

Pb__TaskFailureDetails *pawl__command_failure(struct pawl_shard *shard, const char *type,
                                              char *text) {
    Pb__TaskFailureDetails *details =
        pawl__wire_new(&shard->arena, &pb__task_failure_details__descriptor);
    if (!details || !text) return NULL;
    details->errortype = (char *)(uintptr_t)type;
    details->errormessage = text;
    return details;
}

Pb__TaskFailureDetails *pawl__command_too_large(struct pawl_shard *shard,
                                                const struct pawl_instance *instance, size_t len) {
    return pawl__command_failure(
        shard, "ResultTooLarge",
        pawl__arena_format(
            &shard->arena,
            "the result has %zu bytes, while %zu bytes of events wait for workflow '%s': a result "
            "may have %zu, and %zu may wait",
            len, instance->inbox.bytes.len, instance->id, shard->limits.event,
            shard->limits.results));
}
