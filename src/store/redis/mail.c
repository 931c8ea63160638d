// Boxes, and the bell that tells of mail.

#include "store/redis/internal.h"

#include <poll.h>
#include <stdlib.h>

#include "store/redis/tls.h"

enum {
    MAIL_PAGE = 100,
    BELL_LOOK = 200 // milliseconds between looks at whether the store is to be closed
};

// One page of a box; |*after| moves on.
static enum pawl_err mail_page(struct pawl_redis *store, struct pawl_str app, uint32_t number,
                               struct pawl_buf *after, size_t limit, redisReply **reply,
                               struct pawl_error *error) {
    struct pawl_redis_args args = {0};
    pawl__redis_call(&args, store, PAWL_REDIS_MAIL);
    pawl__redis_add(&args, app);
    pawl__redis_add_uint(&args, number);
    pawl__redis_add(&args, pawl__buf_str(after));
    pawl__redis_add_uint(&args, limit);
    enum pawl_err err = after->failed
                            ? pawl__fail_plain(error, PAWL_E_NOMEM)
                            : pawl__redis_run_read(store, PAWL_REDIS_MAIL, &args, reply, error);
    pawl__redis_args_finish(&args);
    return err;
}

enum pawl_err pawl__redis_read_mail(struct pawl_store *base, struct pawl_str app, uint32_t number,
                                    struct pawl_str after, size_t limit, pawl_mail_fn fn, void *arg,
                                    struct pawl_error *error) {
    struct pawl_redis *store = (struct pawl_redis *)base;
    struct pawl_buf from = {0};
    enum pawl_err err = PAWL_OK;
    // A bound of ZRANGEBYLEX: "(key" is what comes after it, "-" all.
    pawl__buf_append_str(&from, after.len ? PAWL_STR("(") : PAWL_STR("-"));
    pawl__buf_append_str(&from, after);
    size_t left = limit ? limit : SIZE_MAX;
    for (bool more = true; !err && more && left;) {
        size_t page = left < MAIL_PAGE ? left : MAIL_PAGE;
        redisReply *reply = NULL;
        err = mail_page(store, app, number, &from, page, &reply, error);
        if (err) break;
        more = reply->elements == page;
        for (size_t i = 0; !err && i < reply->elements; i++) {
            struct pawl_mail mail = {app, number, pawl__redis_str(reply->element[i]->element[0]),
                                     pawl__redis_str(reply->element[i]->element[1])};
            err = fn(arg, &mail, error);
            pawl__buf_clear(&from);
            pawl__buf_append_str(&from, PAWL_STR("("));
            pawl__buf_append_str(&from, mail.key);
        }
        left -= reply->elements;
        freeReplyObject(reply);
    }
    pawl__buf_finish(&from);
    return err;
}

// --- bells --------------------------------------------------------------------------------------

static enum pawl_err bell_subscribe(struct pawl_redis *store, struct pawl_error *error) {
    struct pawl_redis_args args = {0};
    redisReply *reply;
    bool sent;
    struct pawl_buf channel = {0};
    pawl__buf_format(&channel, "%sbell:", store->prefix);
    pawl__buf_append(&channel, store->bell_app, store->bell_app_len);
    args.failed = channel.failed;
    pawl__redis_add(&args, PAWL_STR("SUBSCRIBE"));
    pawl__redis_add(&args, pawl__buf_str(&channel));
    enum pawl_err err = pawl__redis_ask(store, &store->ear, &args, &reply, &sent, error);
    if (reply) freeReplyObject(reply);
    pawl__redis_args_finish(&args);
    pawl__buf_finish(&channel);
    return err;
}

static void bell_hear(struct pawl_redis *store, const redisReply *reply) {
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3) return;
    if (!pawl__str_equal(pawl__redis_str(reply->element[0]), PAWL_STR("message"))) return;
    struct pawl_str app = {store->bell_app, store->bell_app_len};
    store->bell(store->bell_arg, app, (uint32_t)pawl__redis_uint(reply->element[2]));
}

// Hears what has come; false: the connection is lost.
static bool bell_read(struct pawl_redis *store) {
    redisContext *context = store->ear.context;
    struct pollfd one = {.fd = context->fd, .events = POLLIN};
    bool waits = !store->ear.tls || !pawl__redis_tls_has(store->ear.tls);
    if (waits && poll(&one, 1, BELL_LOOK) <= 0) return true;
    if (!pawl__redis_receive(&store->ear)) return false;
    for (void *reply = NULL;;) {
        if (redisReaderGetReply(context->reader, &reply) != REDIS_OK) return false;
        if (!reply) return true;
        bell_hear(store, reply);
        freeReplyObject(reply);
    }
}

static void *bell_listen(void *arg) {
    struct pawl_redis *store = arg;
    struct pawl_error ignored;
    struct pawl_str app = {store->bell_app, store->bell_app_len};
    while (!store->closing) {
        if (!store->ear.context) {
            if (bell_subscribe(store, &ignored)) {
                poll(NULL, 0, BELL_LOOK);
                continue;
            }
            store->bell(store->bell_arg, app, UINT32_MAX); // it may have rung meanwhile
        }
        if (!bell_read(store)) pawl__redis_drop(&store->ear);
    }
    return NULL;
}

enum pawl_err pawl__redis_listen(struct pawl_store *base, struct pawl_str app, pawl_bell_fn fn,
                                 void *arg, struct pawl_error *error) {
    struct pawl_redis *store = (struct pawl_redis *)base;
    store->bell = fn;
    store->bell_arg = arg;
    store->bell_app = pawl__str_dup(app);
    store->bell_app_len = app.len;
    if (!store->bell_app) return pawl__fail_plain(error, PAWL_E_NOMEM);
    enum pawl_err err = bell_subscribe(store, error);
    if (err) return err;
    if (pthread_create(&store->listener, NULL, bell_listen, store))
        return pawl__fail(error, PAWL_E_NOMEM, "cannot start a thread");
    store->listens = true;
    return PAWL_OK;
}

void pawl__redis_deafen(struct pawl_redis *store) {
    store->closing = true;
    if (store->listens) pthread_join(store->listener, NULL);
    pawl__redis_drop(&store->ear);
    free(store->bell_app);
}
