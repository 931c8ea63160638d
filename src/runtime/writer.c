#include "runtime/writer.h"

#include <stdlib.h>

enum {
    WRITER_LITTLE = 2,          // records
    WRITER_CROWD = 8,           // records
    WRITER_MANY = 64,           // records: what a commit costs is little for each
    WRITER_EACH = 2,            // records of an activity: its result, and its turn
    WRITER_SHARE = 4,           // of a turn's time, and of what workers have; see writer_company
    WRITER_LEAST = 2 * 1000000, // nanoseconds
    WRITER_ASKED = 5 * 1000000, // nanoseconds, when a client has asked for something else
    WRITER_MOST = 25 * 1000000, // nanoseconds
    WRITER_MISSED = 2,          // times
    WRITER_LONESOME = 64        // batches
};

static void writer_swap(struct pawl_queue *a, struct pawl_queue *b) {
    struct pawl_queue other = *a;
    *a = *b;
    *b = other;
}

// What waited for the batch under construction now waits for the one that is written.
static void writer_move_held(struct pawl_writer *writer) {
    pawl__calls_batch_taken(writer->calls);
    writer_swap(&writer->writing.activities, &writer->building.activities);
    writer_swap(&writer->writing.abroad, &writer->building.abroad);
    writer_swap(&writer->writing.purged, &writer->building.purged);
}

// The snapshots of purged instances go in the commit that holds the purges.
static bool writer_add_deletes(struct pawl_writer *writer, struct pawl_part *part) {
    size_t count = writer->writing.purged.len;
    if (!count) return true;
    struct pawl_str *ids = malloc(count * sizeof *ids);
    if (!ids) return false;
    for (size_t i = 0; i < count; i++) {
        struct pawl_work work = pawl__queue_pop(&writer->writing.purged);
        ids[i] = pawl__instance_id(work.effect.instance);
        pawl__queue_push(&writer->writing.purged, work); // there is room: one was taken out
    }
    writer->deletes = ids;
    part->deletes = ids;
    part->delete_count = count;
    return true;
}

static size_t writer_out(const struct pawl_writer *writer) {
    return writer->dispatch->out[true] + writer->dispatch->out[false] + writer->dispatch->lent;
}

// Whether workers have enough to do while a commit is made: many answers come in, and a turn takes
// them more than twice as long, as others are before it.
static bool writer_has_busy_workers(const struct pawl_writer *writer) {
    return writer->last_records >= WRITER_CROWD &&
           writer->dispatch->turn_time > 2 * writer->residency->storage->commit_time;
}

// How long to gather where many answers come in, with more to come: the last batch had many
// records, and workers have more in hand. To wait for as long as a commit takes holds nobody up who
// has nothing else to do, and saves a third of the commits. Busy workers have enough to do until
// shortly before the time of a turn is over. So the commit may end as late, or begin when they have
// only half of the workflows left.
static int64_t writer_crowd_time(const struct pawl_writer *writer) {
    size_t records = writer->residency->shard.batch_records, last = writer->last_records;
    size_t out = writer_out(writer);
    size_t half = WRITER_EACH * out, enough = half < WRITER_MANY ? half : WRITER_MANY;
    int64_t commit = writer->residency->storage->commit_time;
    if (last < WRITER_CROWD) return 0;
    if (writer_has_busy_workers(writer) && records < enough)
        return writer->dispatch->turn_time - commit;
    return records < last && records < out ? commit : 0;
}

// The same, over all shards, where other daemons write to the same server: each commit costs all of
// them. So all that workers have may come back first, not only as much as the last commit had:
// meanwhile the cores are at work for others.
static bool writer_is_among_others(const struct pawl_writer *writer) {
    const struct pawl_storage *storage = writer->residency->storage;
    return storage->others && storage->group >= WRITER_CROWD && writer_out(writer);
}

// How long a commit waits at most when workers are the bound; 0: they are not. A turn is quickly
// computed: where it takes long, it waits at the worker behind others. While the commit waits for a
// quarter of that, the worker does a quarter of what it has, and is not left without work. Who
// waits for the end of a workflow waits for more than that; who starts one does not, and would
// notice.
static int64_t writer_company_time(const struct pawl_writer *writer) {
    int64_t time = writer->dispatch->turn_time / WRITER_SHARE;
    if (writer_out(writer) < WRITER_CROWD || time < WRITER_LEAST) return 0;
    int64_t most = writer->calls->asked ? WRITER_ASKED : WRITER_MOST;
    return time < most ? time : most;
}

static bool writer_has_company(const struct pawl_writer *writer) {
    return writer->residency->shard.batch_records >= writer_out(writer) / WRITER_SHARE;
}

// How long the commit waits for others of a worker's answers that come one by one: as long as there
// was one within the last half of the time. A worker that wants its answer acknowledged before it
// gives the next one sends none meanwhile; so after two times in vain the commits go as they come.
static int64_t writer_company(struct pawl_writer *writer) {
    struct pawl_company *company = &writer->company;
    int64_t time = writer_company_time(writer);
    size_t records = writer->residency->shard.batch_records;
    if (!time || !records || company->lonesome || writer_has_company(writer)) return 0;
    if (!company->awaited || company->records != records) {
        company->records = records;
        company->came = pawl__storage_waited(writer->residency->storage);
    }
    company->awaited = true;
    return company->came < time / 2 ? company->came + time / 2 : time;
}

// Whether it was worth the wait; to be called when the batch is taken.
static void writer_weigh_company(struct pawl_writer *writer) {
    struct pawl_company *company = &writer->company;
    size_t records = writer->residency->shard.batch_records;
    if (company->lonesome) company->lonesome--;
    if (records >= WRITER_CROWD / 2) company->lonesome = 0;
    if (!company->awaited) return;
    company->awaited = false;
    if (writer->calls->asked) return; // the wait was cut short
    bool alone = !writer_has_company(writer) && company->came < writer_company_time(writer) / 2;
    company->missed = alone ? company->missed + 1 : 0;
    if (company->missed < WRITER_MISSED) return;
    company->missed = 0;
    company->lonesome = WRITER_LONESOME;
}

static size_t writer_gathered(const struct pawl_storage_client *client) {
    const struct pawl_residency *residency =
        PAWL_CONTAINER(client, const struct pawl_writer, client)->residency;
    // A thread may be reading the shard, otherwise.
    return pawl__residency_serves(residency) ? residency->shard.batch_records : 0;
}

// The commit waits for that, or for less: nobody waits for more than the acknowledgement of an
// activity's result, and the turn that it woke will soon be answered; the records of both then go
// in one commit.
static int64_t writer_patience(struct pawl_storage_client *client) {
    struct pawl_writer *writer = PAWL_CONTAINER(client, struct pawl_writer, client);
    const struct pawl_dispatch *dispatch = writer->dispatch;
    const struct pawl_storage *storage = writer->residency->storage;
    if (!pawl__residency_serves(writer->residency)) return 0;
    int64_t most = pawl__storage_patience(storage), company = writer_company(writer);
    if (company) return company;
    if (writer_is_among_others(writer)) return pawl__storage_shared_patience(storage);
    if (dispatch->out[true] && !writer->calls->awaited && dispatch->turn_time < most) return most;
    int64_t crowd = writer_crowd_time(writer);
    return crowd < most ? crowd : most;
}

// The box of |letter|.
static struct pawl_mail writer_address(const struct pawl_writer *writer,
                                       const struct pawl_letter *letter) {
    const struct pawl_residency *residency = writer->residency;
    bool own = letter->box == PAWL_BOX_SHARD;
    return (struct pawl_mail){
        .app = own                            ? residency->app
               : letter->box == PAWL_BOX_APPS ? writer->outbox->box
                                              : residency->received,
        .number = own ? letter->number : residency->number,
        .key = letter->key,
        .bytes = letter->bytes,
    };
}

// The letters of the batch, addressed. False when memory is out.
static bool writer_add_mail(struct pawl_writer *writer, struct pawl_part *part) {
    struct pawl_mailbag *bag = &writer->mail;
    if (!bag->len) return true;
    writer->posts = pawl__arena_alloc(&bag->arena, bag->len * sizeof *writer->posts);
    if (!writer->posts) return false;
    size_t out = 0, in = bag->len; // what is taken away stands at the end
    for (size_t i = 0; i < bag->len; i++) {
        const struct pawl_letter *letter = &bag->letters[i];
        size_t at = letter->box == PAWL_BOX_FORGOTTEN ? --in : out++;
        writer->posts[at] = writer_address(writer, letter);
    }
    part->mail_out = writer->posts;
    part->mail_out_count = writer->post_count = out;
    return true;
}

// What the batch takes away of notes, behind what else the commit does. False when memory is out.
static bool writer_add_forgotten(struct pawl_writer *writer, struct pawl_part *part) {
    size_t count = writer->wrote_batch ? writer->mail.len - writer->post_count : 0;
    if (!count) return true;
    size_t all = part->mail_in_count + count;
    struct pawl_mail *mail = pawl__arena_alloc(&writer->mail.arena, all * sizeof *mail);
    if (!mail) return false;
    if (part->mail_in_count) memcpy(mail, part->mail_in, part->mail_in_count * sizeof *mail);
    memcpy(mail + part->mail_in_count, writer->posts + writer->post_count, count * sizeof *mail);
    part->mail_in = mail;
    part->mail_in_count = all;
    return true;
}

// The next batch, with what goes with it. False when memory is out.
static bool writer_take_batch(struct pawl_writer *writer, struct pawl_part *part) {
    struct pawl_shard *shard = &writer->residency->shard;
    size_t records = shard->batch_records;
    writer_weigh_company(writer);
    pawl__buf_clear(&writer->batch_bytes);
    pawl__mailbag_clear(&writer->mail);
    writer->post_count = 0;
    writer->wrote_batch =
        pawl__shard_take_batch(shard, &writer->batch_bytes, &writer->batch.position);
    if (!writer->wrote_batch) return true;
    pawl__shard_take_mail(shard, &writer->mail);
    writer->last_records = writer->client.records = records;
    writer->batch.records = pawl__buf_str(&writer->batch_bytes);
    writer->checkpoint->log_bytes += writer->batch_bytes.len;
    writer->batches++;
    writer->records += records;
    writer->bytes += writer->batch_bytes.len;
    writer->letters += writer->mail.len;
    writer_move_held(writer);
    pawl__notes_move(&writer->notes, &shard->notes);
    if (!writer_add_deletes(writer, part) || !writer_add_mail(writer, part)) return false;
    part->batch = &writer->batch;
    return true;
}

// Whether the loop may make the commit itself. When there is little to write, little else can be
// going on. When workers are busy meanwhile, nobody waits for the loop, and to wake a thread and be
// woken by it would take an eighth of the daemon's time.
static bool writer_is_light(const struct pawl_writer *writer) {
    if (writer->checkpoint->running) return false;
    return writer->residency->shard.batch_records <= WRITER_LITTLE || writer_company_time(writer) ||
           writer_has_busy_workers(writer);
}

static bool writer_prepare(struct pawl_storage_client *client, struct pawl_part *part) {
    struct pawl_writer *writer = PAWL_CONTAINER(client, struct pawl_writer, client);
    struct pawl_residency *residency = writer->residency;
    if (!pawl__residency_has_state(residency) || residency->failing) return false;
    client->light = writer_is_light(writer);
    client->records = 0;
    if (residency->shard.batch.failed || !writer_take_batch(writer, part)) {
        pawl__residency_fail_nomem(residency);
        return false;
    }
    size_t bytes = writer->wrote_batch ? writer->batch_bytes.len : 0;
    bool snapshots = pawl__checkpoint_prepare(writer->checkpoint, part, bytes);
    bool mail = pawl__mailbox_prepare(writer->mailbox, part);
    mail = pawl__outbox_prepare(writer->outbox, part) || mail;
    if (!writer_add_forgotten(writer, part)) {
        pawl__residency_fail_nomem(residency);
        return false;
    }
    if (!writer->wrote_batch && !snapshots && !mail) return false;
    part->lease = &residency->lease;
    residency->in_commit = true;
    return true;
}

// Lets out what waited for the batch. False when memory is out.
static bool writer_let_out(struct pawl_writer *writer) {
    struct pawl_residency *residency = writer->residency;
    while (writer->writing.purged.len) {
        struct pawl_instance *instance = pawl__queue_pop(&writer->writing.purged).effect.instance;
        instance->saved = 0; // its row went in the same commit
        if (!instance->exists && instance->linked) pawl__residency_add_ghost(residency, instance);
        pawl__instance_unref(instance);
    }
    if (!pawl__queue_move(&writer->dispatch->activities, &writer->writing.activities)) return false;
    while (writer->writing.abroad.len)
        writer->host->abroad(writer, pawl__queue_pop(&writer->writing.abroad));
    pawl__calls_batch_durable(writer->calls);
    return true;
}

static void writer_done(struct pawl_storage_client *client, enum pawl_outcome outcome,
                        const struct pawl_error *error) {
    // what is neither done nor given again is unknown, or not ours to do any more
    struct pawl_writer *writer = PAWL_CONTAINER(client, struct pawl_writer, client);
    struct pawl_residency *residency = writer->residency;
    free(writer->deletes);
    writer->deletes = NULL;
    pawl__known_committed(&residency->known);
    residency->in_commit = false;
    if (!pawl__residency_has_state(residency) || residency->failing) return;
    if (error->code) {
        pawl__residency_fail(residency, error);
        return;
    }
    if (writer->wrote_batch) {
        residency->durable = writer->batch.position;
        writer->host->wrote(writer);
        for (size_t i = 0; i < writer->post_count; i++)
            writer->host->posted(writer, &writer->posts[i]);
        pawl__notes_settle(&writer->notes, true);
        pawl__shadow_check(&residency->shadow, &writer->batch);
        if (!writer_let_out(writer)) {
            pawl__residency_fail_nomem(residency);
            return;
        }
    }
    // First: what a ghost's note holds does not leave memory.
    pawl__residency_sweep_ghosts(residency);
    pawl__mailbox_done(writer->mailbox);
    pawl__outbox_done(writer->outbox);
    if (pawl__checkpoint_done(writer->checkpoint)) pawl__writer_want(writer);
    residency->host->settle(residency);
}

static void writer_stalled(struct pawl_storage_client *client, int64_t since,
                           const struct pawl_error *error) {
    struct pawl_calls *calls = PAWL_CONTAINER(client, struct pawl_writer, client)->calls;
    if (error)
        pawl__calls_stall(calls, since, error);
    else
        pawl__calls_go_on(calls);
}

bool pawl__writer_hold(struct pawl_writer *writer, struct pawl_effect effect) {
    bool purged = effect.type == PAWL_EFFECT_PURGED;
    bool abroad = effect.type == PAWL_EFFECT_ACTIVITY_ELSEWHERE;
    struct pawl_held *held = &writer->building;
    struct pawl_queue *queue = purged ? &held->purged : abroad ? &held->abroad : &held->activities;
    if (pawl__queue_push(queue, (struct pawl_work){effect, writer->residency})) return true;
    pawl__instance_unref(effect.instance);
    return false;
}

void pawl__writer_want(struct pawl_writer *writer) {
    pawl__storage_want(writer->residency->storage);
}

void pawl__writer_init(struct pawl_writer *writer, struct pawl_calls *calls,
                       struct pawl_checkpoint *checkpoint, struct pawl_mailbox *mailbox,
                       struct pawl_outbox *outbox, struct pawl_dispatch *dispatch,
                       const struct pawl_writer_host *host) {
    *writer = (struct pawl_writer){
        .client = {.prepare = writer_prepare,
                   .gathered = writer_gathered,
                   .patience = writer_patience,
                   .stalled = writer_stalled,
                   .done = writer_done},
        .residency = calls->residency,
        .calls = calls,
        .checkpoint = checkpoint,
        .mailbox = mailbox,
        .outbox = outbox,
        .dispatch = dispatch,
        .host = host,
    };
}

void pawl__writer_drop(struct pawl_writer *writer) {
    pawl__notes_settle(&writer->notes, false);
    for (int i = 0; i < 2; i++) {
        struct pawl_held *held = i ? &writer->building : &writer->writing;
        pawl__queue_finish(&held->activities);
        pawl__queue_finish(&held->abroad);
        pawl__queue_finish(&held->purged);
    }
}

void pawl__writer_finish(struct pawl_writer *writer) {
    pawl__writer_drop(writer);
    pawl__mailbag_finish(&writer->mail);
    pawl__buf_finish(&writer->batch_bytes);
}
