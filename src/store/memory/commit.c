// Commits: changes of tables are noted in a journal, so that a part that is refused can be undone;
// the log comes last, when nothing can fail any more.

#include <stdlib.h>

#include "store/memory/internal.h"

// The parts of |old| that stay when a history goes on at event |from|: their number and bytes.
static size_t commit_kept(const struct pawl_memory_instance *old, uint32_t from, size_t *bytes) {
    size_t kept = 0;
    *bytes = 0;
    if (!old || from == 0) return 0;
    while (kept < old->part_count && old->parts[kept].first < from) kept++;
    *bytes = kept == old->part_count ? old->row.history.len : old->parts[kept].offset;
    return kept;
}

static size_t commit_bytes(const struct pawl_snapshot *row) {
    return row->id.len + row->name.len + row->parent.len + row->tags.len + row->custom_status.len +
           row->failure_type.len + row->state.len + row->history.len;
}

static enum pawl_err commit_put(struct pawl_memory_journal *journal,
                                struct pawl_memory_shard *shard, const struct pawl_snapshot *row,
                                struct pawl_error *error) {
    struct pawl_memory_instance *old =
        (struct pawl_memory_instance *)pawl__memory_find(&shard->instances, row->id);
    size_t kept_bytes, kept = commit_kept(old, row->history_from, &kept_bytes);
    if (row->history_from && !kept)
        return pawl__fail(error, PAWL_E_INTERNAL,
                          "history of %.*s from event %u on, but nothing before it is stored",
                          PAWL_FMT(row->id), row->history_from);
    size_t part_count = kept + (row->history.len > 0);
    size_t head =
        sizeof(struct pawl_memory_instance) + part_count * sizeof(struct pawl_memory_part);
    struct pawl_memory_instance *made = malloc(head + commit_bytes(row) + kept_bytes);
    if (!made) return pawl__fail_plain(error, PAWL_E_NOMEM);
    char *to = (char *)made + head;
    *made = (struct pawl_memory_instance){.row = *row, .part_count = part_count};
    if (kept) memcpy(made->parts, old->parts, kept * sizeof made->parts[0]);
    if (part_count > kept)
        made->parts[kept] = (struct pawl_memory_part){row->history_from, kept_bytes};
    made->row.history_from = 0;
    made->row.id = pawl__memory_copy(&to, row->id);
    made->row.name = pawl__memory_copy(&to, row->name);
    made->row.parent = pawl__memory_copy(&to, row->parent);
    made->row.tags = pawl__memory_copy(&to, row->tags);
    made->row.custom_status = pawl__memory_copy(&to, row->custom_status);
    made->row.failure_type = pawl__memory_copy(&to, row->failure_type);
    made->row.state = pawl__memory_copy(&to, row->state);
    made->row.history = (struct pawl_str){to, kept_bytes + row->history.len};
    if (kept) pawl__memory_copy(&to, (struct pawl_str){old->row.history.data, kept_bytes});
    pawl__memory_copy(&to, row->history);
    made->node.key = made->row.id;
    made->node.number = row->created_at;
    if (!pawl__memory_put(journal, &shard->instances, &made->node)) {
        free(made);
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    return PAWL_OK;
}

// Checks all that can be wrong about the log, and makes room, so that appending cannot fail.
static enum pawl_err commit_prepare(struct pawl_memory_shard *shard, const struct pawl_part *part,
                                    struct pawl_error *error) {
    const struct pawl_lease *lease = part->lease;
    uint64_t last = pawl__memory_last(shard);
    if (shard->epoch != lease->epoch)
        return pawl__fail(error, PAWL_E_FENCED,
                          "shard %llu was leased by another owner (epoch %llu, ours is %llu)",
                          (unsigned long long)lease->shard, (unsigned long long)shard->epoch,
                          (unsigned long long)lease->epoch);
    if (shard->in_commit)
        return pawl__fail(error, PAWL_E_INTERNAL, "shard %llu is in this commit twice",
                          (unsigned long long)lease->shard);
    if (part->batch && part->batch->position != ++last)
        return pawl__fail(
            error, PAWL_E_INTERNAL, "batch %llu does not follow the last one of shard %llu",
            (unsigned long long)part->batch->position, (unsigned long long)lease->shard);
    if (part->trim_to > last)
        return pawl__fail(error, PAWL_E_INTERNAL,
                          "cannot trim shard %llu to %llu, its last batch is %llu",
                          (unsigned long long)lease->shard, (unsigned long long)part->trim_to,
                          (unsigned long long)last);
    if (!part->batch) return PAWL_OK;
    if (!pawl__array_room((void **)&shard->batches, shard->batch_count, &shard->batch_cap,
                          sizeof *shard->batches))
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    shard->records = pawl__str_dup(part->batch->records);
    return shard->records ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
}

static void commit_trim(struct pawl_memory_shard *shard, uint64_t to) {
    if (to <= shard->trimmed) return;
    size_t count = (size_t)(to - shard->trimmed);
    for (size_t i = 0; i < count; i++) free((char *)shard->batches[i].records.data);
    shard->batch_count -= count;
    memmove(shard->batches, shard->batches + count, shard->batch_count * sizeof *shard->batches);
    shard->trimmed = to;
}

static enum pawl_err commit_part(struct pawl_memory_data *data, struct pawl_memory_journal *journal,
                                 const struct pawl_part *part, struct pawl_error *error) {
    struct pawl_memory_shard *shard =
        part->lease ? pawl__memory_shard(data, part->lease->shard) : NULL;
    if (!shard) return pawl__fail(error, PAWL_E_INTERNAL, "a part of a commit needs its lease");
    enum pawl_err err = commit_prepare(shard, part, error);
    if (err) return err;
    shard->in_commit = true;
    bool ok = true;
    for (size_t i = 0; ok && i < part->delete_count; i++)
        ok = pawl__memory_remove(journal, &shard->instances, part->deletes[i]);
    for (size_t i = 0; ok && !err && i < part->snapshot_count; i++)
        err = commit_put(journal, shard, &part->snapshots[i], error);
    for (size_t i = 0; ok && !err && i < part->mail_out_count; i++)
        ok = pawl__memory_mail_put(data, journal, &part->mail_out[i]);
    for (size_t i = 0; ok && !err && i < part->mail_in_count; i++)
        ok = pawl__memory_mail_take(data, journal, &part->mail_in[i]);
    return ok ? err : pawl__fail_plain(error, PAWL_E_NOMEM);
}

// Ends what commit_part began: appends and trims, or forgets. A part of an earlier lease began
// nothing, though the shard may be in the commit by another part.
static void commit_log(struct pawl_memory_data *data, const struct pawl_part *part, bool done) {
    struct pawl_memory_shard *shard =
        part->lease ? pawl__memory_shard(data, part->lease->shard) : NULL;
    if (!shard || !shard->in_commit || shard->epoch != part->lease->epoch) return;
    shard->in_commit = false;
    if (done && part->batch)
        shard->batches[shard->batch_count++] =
            (struct pawl_memory_batch){{shard->records, part->batch->records.len}};
    else
        free(shard->records);
    shard->records = NULL;
    if (done) commit_trim(shard, part->trim_to);
}

static enum pawl_err commit_parts(struct pawl_memory_data *data,
                                  struct pawl_memory_journal *journal, struct pawl_part *parts,
                                  struct pawl_error *error) {
    for (struct pawl_part *part = parts; part; part = part->next) {
        size_t start = journal->count;
        struct pawl_error *result = &part->result;
        pawl__error_clear(result);
        enum pawl_err err = commit_part(data, journal, part, result);
        if (!err) continue;
        pawl__memory_undo(journal, start);
        if (err == PAWL_E_NOMEM) return pawl__fail_plain(error, err);
    }
    return PAWL_OK;
}

enum pawl_outcome pawl__memory_commit(struct pawl_store *base, const struct pawl_commit *commit,
                                      struct pawl_error *error) {
    struct pawl_memory_journal journal = {0};
    struct pawl_memory_data *data = pawl__memory_lock(base);
    enum pawl_err err = commit_parts(data, &journal, commit->parts, error);
    for (struct pawl_state_tx *tx = commit->state; !err && tx; tx = tx->next)
        err = pawl__memory_apply_state(data, &journal, tx, error);
    if (err) pawl__memory_undo(&journal, 0);
    for (struct pawl_part *part = commit->parts; part; part = part->next)
        commit_log(data, part, !err && !part->result.code);
    pawl__memory_keep(&journal);
    pawl__memory_unlock(data);
    return err ? PAWL_COMMIT_NOTHING : PAWL_COMMIT_DONE;
}
