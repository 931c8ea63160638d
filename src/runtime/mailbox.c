#include "runtime/mailbox.h"

#include <stdlib.h>

#include "base/clock.h"

static const char *const mailbox_scope = "dapr.runtime.wfengine";

enum {
    MAILBOX_ROUND = 256 // rows
};

struct mailbox_row {
    struct pawl_call call;
    struct mailbox_round *round;
    struct pawl_message message;
    struct pawl_str key;
    struct pawl_link removal; // in |building| or |writing|
};

struct mailbox_round {
    struct pawl_job job;
    struct pawl_mailbox *mailbox; // NULL: it was dropped
    struct pawl_residency *residency;
    unsigned incarnation;
    struct pawl_arena arena;
    struct mailbox_row *rows[MAILBOX_ROUND];
    size_t count;
    size_t open; // calls that have not ended
    bool reading;
    bool is_whole;                           // it has all that was there
    int64_t began_at;                        // steady
    struct pawl_mail removed[MAILBOX_ROUND]; // of the commit that runs
    struct pawl_error error;
};

static void round_free(struct mailbox_round *round) {
    pawl__arena_finish(&round->arena);
    free(round);
}

static bool mailbox_is_idle(const struct pawl_mailbox *mailbox) {
    const struct mailbox_round *round = mailbox->round;
    return !round || (!round->reading && !round->open && pawl__list_empty(&mailbox->building) &&
                      pawl__list_empty(&mailbox->writing));
}

static void mailbox_read(struct pawl_mailbox *mailbox);

// Ends the round if all of it is over, and begins the next if the bell rang.
static void mailbox_check(struct pawl_mailbox *mailbox) {
    if (!mailbox_is_idle(mailbox)) return;
    struct mailbox_round *round = mailbox->round;
    mailbox->round = NULL;
    if (round && round->is_whole) pawl__calls_hear(mailbox->calls, round->began_at);
    if (round) round_free(round);
    if (mailbox->rung && pawl__residency_serves(mailbox->residency)) mailbox_read(mailbox);
}

// --- receiving ----------------------------------------------------------------------------------

static enum pawl_err receive_run(struct pawl_calls *calls, struct pawl_call *call,
                                 struct pawl_error *error) {
    struct mailbox_row *row = PAWL_CONTAINER(call, struct mailbox_row, call);
    struct pawl_residency *residency = calls->residency;
    enum pawl_err err = pawl__shard_receive(&residency->shard, pawl__residency_stamp(residency),
                                            &row->message, error);
    if (err == PAWL_E_NEEDED || err == PAWL_E_NOMEM) return err;
    if (err)
        pawl__log(residency->log, PAWL_LOG_ERROR, mailbox_scope,
                  "a message from '%s' to '%s' is dropped: %s", row->message.sender,
                  row->message.target, error->text);
    pawl__error_clear(error);
    row->round->mailbox->received++;
    pawl__list_add(&row->round->mailbox->building, &row->removal);
    pawl__storage_want(residency->storage);
    return PAWL_OK;
}

static const struct pawl_verb receive_verb = {.run = receive_run, .patient = true, .writes = true};

static void receive_done(struct pawl_call *call, const struct pawl_error *error) {
    struct mailbox_row *row = PAWL_CONTAINER(call, struct mailbox_row, call);
    struct mailbox_round *round = row->round;
    round->open--;
    if (!round->mailbox) { // it was dropped
        if (!round->open && !round->reading) round_free(round);
        return;
    }
    if (error) {
        round->mailbox->rung = true; // its row is still there
        round->is_whole = false;
    }
    if (!error) mailbox_check(round->mailbox);
}

// --- reading ------------------------------------------------------------------------------------

static enum pawl_err round_note(void *arg, const struct pawl_mail *mail, struct pawl_error *error) {
    struct mailbox_round *round = arg;
    struct mailbox_row *row = pawl__arena_zalloc(&round->arena, sizeof *row);
    if (!row) return pawl__fail_plain(error, PAWL_E_NOMEM);
    row->round = round;
    pawl__link_init(&row->removal);
    row->key = (struct pawl_str){pawl__arena_dup(&round->arena, mail->key), mail->key.len};
    if (!row->key.data) return pawl__fail_plain(error, PAWL_E_NOMEM);
    enum pawl_err err = pawl__message_unpack(mail->bytes, &round->arena, &row->message, error);
    if (err == PAWL_E_NOMEM) return err;
    if (err) { // told, and removed
        pawl__log(round->residency->log, PAWL_LOG_ERROR, mailbox_scope, "%s", error->text);
        pawl__error_clear(error);
        row->message.target = NULL;
    }
    round->rows[round->count++] = row;
    return PAWL_OK;
}

static void round_run(struct pawl_job *job) {
    struct mailbox_round *round = PAWL_CONTAINER(job, struct mailbox_round, job);
    const struct pawl_residency *residency = round->residency;
    struct pawl_store *store = residency->storage->store;
    pawl__error_clear(&round->error);
    round->error.code =
        store->ops->read_mail(store, residency->app, residency->number, PAWL_STR(""), MAILBOX_ROUND,
                              round_note, round, &round->error);
}

static void round_receive(struct mailbox_round *round) {
    struct pawl_mailbox *mailbox = round->mailbox;
    round->open = round->count;
    for (size_t i = 0; i < round->count; i++) {
        struct mailbox_row *row = round->rows[i];
        if (!row->message.target) {
            round->open--;
            pawl__list_add(&mailbox->building, &row->removal);
            pawl__storage_want(round->residency->storage);
            continue;
        }
        pawl__call_init(&row->call, &receive_verb, pawl__str(row->message.target));
        row->call.done = receive_done;
        pawl__calls_begin(mailbox->calls, &row->call);
    }
}

static void round_done(struct pawl_job *job) {
    struct mailbox_round *round = PAWL_CONTAINER(job, struct mailbox_round, job);
    struct pawl_residency *residency = round->residency;
    round->reading = false;
    residency->jobs_out--;
    if (!round->mailbox) {
        round_free(round);
        return;
    }
    struct pawl_mailbox *mailbox = round->mailbox;
    if (round->error.code) {
        pawl__log(residency->log, PAWL_LOG_WARN, mailbox_scope,
                  "messages between workflows cannot be read, will try again: %s",
                  round->error.text);
        round->count = 0; // the next bell, or the next look, reads them
    }
    round->is_whole = !round->error.code && round->count < MAILBOX_ROUND;
    if (round->count == MAILBOX_ROUND) mailbox->rung = true; // there may be more
    round_receive(round);
    mailbox_check(mailbox);
    residency->host->settle(residency);
}

static void mailbox_read(struct pawl_mailbox *mailbox) {
    struct mailbox_round *round = calloc(1, sizeof *round);
    if (!round) return; // the bell is still rung: the next look reads
    mailbox->rung = false;
    mailbox->round = round;
    round->mailbox = mailbox;
    round->residency = mailbox->residency;
    round->reading = true;
    round->began_at = pawl__clock_steady();
    round->job = (struct pawl_job){.run = round_run, .done = round_done};
    mailbox->residency->jobs_out++;
    pawl__storage_ask(mailbox->residency->storage, &round->job);
}

// --- for the components above -------------------------------------------------------------------

void pawl__mailbox_init(struct pawl_mailbox *mailbox, struct pawl_calls *calls) {
    *mailbox = (struct pawl_mailbox){.residency = calls->residency, .calls = calls};
    pawl__link_init(&mailbox->building);
    pawl__link_init(&mailbox->writing);
}

void pawl__mailbox_ring(struct pawl_mailbox *mailbox) {
    mailbox->rung = true;
    mailbox_check(mailbox);
}

bool pawl__mailbox_prepare(struct pawl_mailbox *mailbox, struct pawl_part *part) {
    const struct pawl_residency *residency = mailbox->residency;
    if (pawl__list_empty(&mailbox->building)) return false;
    pawl__list_move(&mailbox->writing, &mailbox->building);
    size_t count = 0;
    PAWL_LIST_EACH(const struct mailbox_row, row, &mailbox->writing, removal) {
        mailbox->round->removed[count++] =
            (struct pawl_mail){.app = residency->app, .number = residency->number, .key = row->key};
    }
    part->mail_in = mailbox->round->removed;
    part->mail_in_count = count;
    return true;
}

void pawl__mailbox_done(struct pawl_mailbox *mailbox) {
    while (pawl__list_take(&mailbox->writing)) continue;
    mailbox_check(mailbox);
}

void pawl__mailbox_drop(struct pawl_mailbox *mailbox) {
    struct mailbox_round *round = mailbox->round;
    pawl__link_init(&mailbox->building);
    pawl__link_init(&mailbox->writing);
    mailbox->round = NULL;
    mailbox->rung = false;
    if (!round) return;
    round->mailbox = NULL;
    if (!round->open && !round->reading) round_free(round);
}
