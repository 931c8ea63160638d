#include "sim.h"

#include <stdlib.h>

static char *store_copy(struct pawl_str bytes) {
    char *copy = malloc(bytes.len + 1);
    if (!copy) abort();
    if (bytes.len) memcpy(copy, bytes.data, bytes.len);
    copy[bytes.len] = 0;
    return copy;
}

static void row_finish(struct sim_row *row) {
    free(row->id);
    free(row->name);
    free(row->state);
    free(row->history);
    *row = (struct sim_row){0};
}

// Lets the views of a row's snapshot point to the row's own bytes.
static void row_own(struct sim_row *row) {
    row->id = store_copy(row->snapshot.id);
    row->name = store_copy(row->snapshot.name);
    row->state = store_copy(row->snapshot.state);
    row->history = store_copy(row->snapshot.history);
    row->snapshot.id.data = row->id;
    row->snapshot.name.data = row->name;
    row->snapshot.state.data = row->state;
    row->snapshot.history.data = row->history;
}

void sim_store_finish(struct sim_store *store) {
    for (uint64_t i = 0; i < store->position; i++) free((char *)(uintptr_t)store->batches[i].data);
    free(store->batches);
    for (size_t i = 0; i < store->row_count; i++) row_finish(&store->rows[i]);
    *store = (struct sim_store){0};
}

static struct sim_row *store_row(struct sim_store *store, struct pawl_str id) {
    for (size_t i = 0; i < store->row_count; i++)
        if (pawl__str_equal(store->rows[i].snapshot.id, id)) return &store->rows[i];
    return NULL;
}

const struct sim_row *sim_store_find(const struct sim_store *store, struct pawl_str id) {
    return store_row((struct sim_store *)(uintptr_t)store, id);
}

static uint32_t store_count_events(struct pawl_str history) {
    struct pawl_event_view view;
    size_t at = 0;
    uint32_t count = 0;
    while (pawl__history_next(history, &at, &view)) count++;
    return count;
}

// Puts a row whose history may continue that of the row which is there.
static void store_put(struct sim_store *store, const struct sim_row *put, uint32_t from) {
    struct sim_row *row = store_row(store, put->snapshot.id);
    struct sim_row next = {.snapshot = put->snapshot};
    struct pawl_buf history = {0};
    if (from) {
        if (!row || store_count_events(row->snapshot.history) != from) {
            fprintf(stderr, "a snapshot of '%s' continues a history that the store has not\n",
                    put->id);
            abort();
        }
        pawl__buf_append_str(&history, row->snapshot.history);
    }
    pawl__buf_append_str(&history, put->snapshot.history);
    next.snapshot.history = pawl__buf_str(&history);
    row_own(&next);
    pawl__buf_finish(&history);
    if (!row) {
        if (store->row_count == SIM_ROWS) abort();
        row = &store->rows[store->row_count++];
        *row = (struct sim_row){0}; // a place that was left by another
    }
    row_finish(row);
    *row = next;
}

void sim_store_apply(struct sim_store *store, const struct sim_commit *commit) {
    if (commit->position) {
        if (commit->position != store->position + 1 || commit->position > SIM_BATCHES) abort();
        if (!store->batches) store->batches = calloc(SIM_BATCHES, sizeof *store->batches);
        store->batches[store->position++] =
            (struct pawl_str){store_copy(pawl__buf_str(&commit->bytes)), commit->bytes.len};
    }
    for (size_t i = 0; i < commit->delete_count; i++) {
        struct sim_row *row = store_row(store, pawl__str(commit->deletes[i]));
        if (!row) continue;
        row_finish(row);
        *row = store->rows[--store->row_count];
    }
    for (size_t i = 0; i < commit->put_count; i++)
        store_put(store, &commit->puts[i], commit->put_from[i]);
    if (commit->trim_to > store->trimmed) store->trimmed = commit->trim_to;
}

void sim_commit_put(struct sim_commit *commit, const struct pawl_snapshot *snapshot) {
    if (commit->put_count == SIM_ROWS) abort();
    struct sim_row *row = &commit->puts[commit->put_count];
    row->snapshot = *snapshot;
    row_own(row);
    commit->put_from[commit->put_count++] = snapshot->history_from;
}

void sim_commit_clear(struct sim_commit *commit) {
    for (size_t i = 0; i < commit->put_count; i++) row_finish(&commit->puts[i]);
    for (size_t i = 0; i < commit->delete_count; i++) free(commit->deletes[i]);
    pawl__buf_clear(&commit->bytes);
    commit->running = false;
    commit->position = commit->trim_to = 0;
    commit->put_count = commit->delete_count = 0;
}
