// Boxes.

#include "store/redis/internal.h"

enum {
    MAIL_PAGE = 100
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
