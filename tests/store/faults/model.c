#include "model.h"

#include "base/clock.h"
#include "disk.h"

#include <stdlib.h>

struct pawl_str model_fill(struct pawl_arena *arena, struct model_text text) {
    char *bytes = pawl__arena_alloc(arena, text.len + 8);
    if (!bytes) abort();
    for (size_t i = 0; i < text.len; i += 8) {
        uint64_t letters = disk_random(&text.seed) & UINT64_C(0x0f0f0f0f0f0f0f0f);
        letters += UINT64_C(0x6161616161616161);
        memcpy(bytes + i, &letters, 8);
    }
    return (struct pawl_str){bytes, text.len};
}

const char *model_instance_id(size_t instance) {
    static const char *const ids[MODEL_INSTANCES] = {"a", "b-longer-than-the-others", "c", "d",
                                                     "e"};
    return ids[instance];
}

const char *model_key_name(size_t key) {
    static const char *const names[MODEL_KEYS] = {"k0", "k1", "k2", "k3", "k4", "k5"};
    return names[key];
}

const char *model_mail_key(size_t mail) {
    static const char *const keys[MODEL_MAIL] = {"m0", "m1", "m2", "m3"};
    return keys[mail];
}

bool model_has_key(const struct model *model, size_t key, int64_t now) {
    const struct model_key *k = &model->keys[key];
    return k->exists && (!k->expires_at || k->expires_at > now);
}

// --- comparing ------------------------------------------------------------------------------

struct check {
    const struct model *model;
    struct pawl_store *store;
    uint32_t number;
    uint64_t shard; // of the store
    const struct model_shard *expected;
    struct pawl_arena arena;
    uint64_t position; // last one seen
    size_t live, messages;
};

static enum pawl_err check_wrong(struct pawl_error *error, const char *what, uint64_t which) {
    return pawl__fail(error, PAWL_E_CORRUPT, "%s %llu is not as it was written", what,
                      (unsigned long long)which);
}

static bool check_text(struct check *check, struct model_text expected, struct pawl_str found) {
    if (expected.len != found.len) return false;
    struct pawl_arena arena = {0};
    bool same = pawl__str_equal(model_fill(&arena, expected), found);
    pawl__arena_finish(&arena);
    return same;
}

static enum pawl_err check_batch(void *arg, const struct pawl_batch *batch,
                                 struct pawl_error *error) {
    struct check *check = arg;
    uint64_t position = ++check->position;
    if (batch->position != position || position > check->expected->last)
        return check_wrong(error, "the position of batch", position);
    if (!check_text(check, check->expected->log[position % MODEL_LOG], batch->records))
        return check_wrong(error, "batch", position);
    return PAWL_OK;
}

static enum pawl_err check_log(struct check *check, struct pawl_error *error) {
    check->position = check->expected->trimmed;
    enum pawl_err err =
        check->store->ops->read_log(check->store, check->shard, 0, check_batch, check, error);
    if (!err && check->position != check->expected->last)
        return check_wrong(error, "the log's end", check->position);
    return err;
}

static bool check_same_columns(const struct model_instance *expected,
                               const struct pawl_snapshot *found) {
    return found->position == expected->position && found->status == expected->status &&
           found->wake_at == expected->wake_at && found->active == expected->active;
}

static enum pawl_err check_instance(struct check *check, size_t i, struct pawl_error *error) {
    const struct model_instance *expected = &check->expected->instances[i];
    struct pawl_snapshot found;
    struct pawl_error reason = {0};
    enum pawl_err err =
        check->store->ops->load(check->store, check->shard, pawl__str(model_instance_id(i)),
                                &check->arena, &found, &reason);
    if (err == PAWL_E_NOT_FOUND && !expected->exists) return PAWL_OK;
    if (err == PAWL_E_NOT_FOUND || (!err && !expected->exists))
        return check_wrong(error, "the existence of instance", i);
    if (err) {
        *error = reason;
        return err;
    }
    if (!check_same_columns(expected, &found)) return check_wrong(error, "instance", i);
    if (!check_text(check, expected->state, found.state))
        return check_wrong(error, "the state of instance", i);
    size_t at = 0;
    for (size_t p = 0; p < expected->part_count; p++) {
        struct model_text events = expected->parts[p].events;
        if (at + events.len > found.history.len ||
            !check_text(check, events, (struct pawl_str){found.history.data + at, events.len}))
            return check_wrong(error, "the history of instance", i);
        at += events.len;
    }
    return at == found.history.len ? PAWL_OK
                                   : check_wrong(error, "the history's end of instance", i);
}

static enum pawl_err check_live(void *arg, const struct pawl_snapshot *row,
                                struct pawl_error *error) {
    struct check *check = arg;
    for (size_t i = 0; i < MODEL_INSTANCES; i++) {
        if (!pawl__str_equal(row->id, pawl__str(model_instance_id(i)))) continue;
        const struct model_instance *expected = &check->expected->instances[i];
        bool live = expected->exists && (expected->active || expected->wake_at != INT64_MAX);
        if (!live || !check_same_columns(expected, row))
            return check_wrong(error, "the row of the living instance", i);
        check->live++;
        return PAWL_OK;
    }
    return check_wrong(error, "the id of a living instance of shard", check->shard);
}

static enum pawl_err check_counts(void *arg, const struct pawl_snapshot *row,
                                  struct pawl_error *error) {
    ++*(size_t *)arg;
    return PAWL_OK;
}

static enum pawl_err check_lists(struct check *check, struct pawl_error *error) {
    size_t live = 0, all = 0, found = 0;
    const struct pawl_query query = {.order = PAWL_ORDER_NEWEST};
    for (size_t i = 0; i < MODEL_INSTANCES; i++) {
        const struct model_instance *instance = &check->expected->instances[i];
        all += instance->exists;
        live += instance->exists && (instance->active || instance->wake_at != INT64_MAX);
    }
    check->live = 0;
    enum pawl_err err =
        check->store->ops->scan_live(check->store, check->shard, check_live, check, error);
    if (err) return err;
    if (check->live != live) return check_wrong(error, "the number of the living of shard", live);
    err = check->store->ops->query(check->store, check->shard, &query, check_counts, &found, error);
    if (!err && found != all) return check_wrong(error, "the number of rows of shard", all);
    return err;
}

static enum pawl_err check_message(void *arg, const struct pawl_mail *mail,
                                   struct pawl_error *error) {
    struct check *check = arg;
    for (size_t m = 0; m < MODEL_MAIL; m++) {
        const struct model_mail *expected = &check->expected->mail[m];
        if (!pawl__str_equal(mail->key, pawl__str(model_mail_key(m)))) continue;
        if (!expected->exists || !check_text(check, expected->bytes, mail->bytes))
            return check_wrong(error, "message", m);
        check->messages++;
        return PAWL_OK;
    }
    return check_wrong(error, "the key of a message of shard", check->shard);
}

static enum pawl_err check_box(struct check *check, struct pawl_error *error) {
    size_t expected = 0;
    for (size_t m = 0; m < MODEL_MAIL; m++) expected += check->expected->mail[m].exists;
    check->messages = 0;
    enum pawl_err err =
        check->store->ops->read_mail(check->store, PAWL_STR("default/app"), check->number,
                                     PAWL_STR(""), 0, check_message, check, error);
    if (!err && check->messages != expected)
        return check_wrong(error, "the number of messages of shard", check->shard);
    return err;
}

static enum pawl_err check_key(struct check *check, size_t k, int64_t now,
                               struct pawl_error *error) {
    const struct model_key *expected = &check->model->keys[k];
    struct pawl_state_value found;
    enum pawl_err err = check->store->ops->get_state(check->store, pawl__str(model_key_name(k)),
                                                     &check->arena, &found, error);
    if (err) return err;
    bool there = model_has_key(check->model, k, now);
    if (there != found.found) return check_wrong(error, "the existence of key", k);
    if (there && (!check_text(check, expected->value, found.value) ||
                  found.is_binary != expected->is_binary ||
                  found.expires_at != expected->expires_at * PAWL_SECOND))
        return check_wrong(error, "key", k);
    return PAWL_OK;
}

enum pawl_err model_check_keys(const struct model *model, struct pawl_store *store, int64_t now,
                               struct pawl_error *error) {
    struct check check = {.model = model, .store = store};
    enum pawl_err err = PAWL_OK;
    for (size_t k = 0; !err && k < MODEL_KEYS; k++) err = check_key(&check, k, now, error);
    pawl__arena_finish(&check.arena);
    return err;
}

enum pawl_err model_check(const struct model *model, struct pawl_store *store,
                          const uint64_t shards[MODEL_SHARDS], int64_t now,
                          struct pawl_error *error) {
    enum pawl_err err = model_check_keys(model, store, now, error);
    for (size_t s = 0; !err && s < MODEL_SHARDS; s++) {
        struct check check = {.model = model,
                              .store = store,
                              .number = (uint32_t)s,
                              .shard = shards[s],
                              .expected = &model->shards[s]};
        err = check_log(&check, error);
        for (size_t i = 0; !err && i < MODEL_INSTANCES; i++) err = check_instance(&check, i, error);
        if (!err) err = check_lists(&check, error);
        if (!err) err = check_box(&check, error);
        pawl__arena_finish(&check.arena);
    }
    return err;
}
