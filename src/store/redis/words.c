// The words of commands and of answers, and what the server's errors mean.

#include <stdlib.h>

#include "store/redis/internal.h"

void pawl__redis_add(struct pawl_redis_args *args, struct pawl_str word) {
    if (args->count == args->cap) {
        size_t cap = args->cap ? 2 * args->cap : 32;
        const char **words = realloc(args->words, cap * sizeof *words);
        if (words) args->words = words;
        size_t *lens = words ? realloc(args->lens, cap * sizeof *lens) : NULL;
        if (lens) args->lens = lens;
        if (!lens) {
            args->failed = true;
            return;
        }
        args->cap = cap;
    }
    args->words[args->count] = word.data ? word.data : "";
    args->lens[args->count++] = word.len;
}

static void words_add_text(struct pawl_redis_args *args, char *text) {
    if (!text) args->failed = true;
    pawl__redis_add(args, pawl__str(text));
}

void pawl__redis_add_uint(struct pawl_redis_args *args, uint64_t number) {
    words_add_text(args, pawl__arena_format(&args->arena, "%llu", (unsigned long long)number));
}

void pawl__redis_add_int(struct pawl_redis_args *args, int64_t number) {
    words_add_text(args, pawl__arena_format(&args->arena, "%lld", (long long)number));
}

void pawl__redis_args_finish(struct pawl_redis_args *args) {
    free(args->words);
    free(args->lens);
    pawl__arena_finish(&args->arena);
    *args = (struct pawl_redis_args){0};
}

uint64_t pawl__redis_uint(const redisReply *reply) {
    int64_t number = 0;
    if (reply->type == REDIS_REPLY_INTEGER) return (uint64_t)reply->integer;
    pawl__str_to_int(pawl__redis_str(reply), 0, INT64_MAX, &number);
    return (uint64_t)number;
}

// --- errors -------------------------------------------------------------------------------------

// By the first word of an answer that is an error. After none of these has anything been done: they
// come before the first change of a script.
static const struct words_error {
    const char *word;
    enum pawl_err code;
    const char *advice;
} words_errors[] = {
    {"NOSCRIPT", PAWL_E_NOT_FOUND, ""},
    {"OOM", PAWL_E_FULL, "; raise maxmemory, or remove keys"},
    {"MISCONF", PAWL_E_FULL, "; the server cannot write to its disk"},
    {"READONLY", PAWL_E_UNAVAILABLE, "; it is a replica now: connect to its master"},
    {"LOADING", PAWL_E_UNAVAILABLE, ""},
    {"BUSY", PAWL_E_UNAVAILABLE, ""},
    {"MASTERDOWN", PAWL_E_UNAVAILABLE, ""},
    {"NOREPLICAS", PAWL_E_UNAVAILABLE, ""},
    {"TRYAGAIN", PAWL_E_UNAVAILABLE, ""},
    {"CLUSTERDOWN", PAWL_E_UNAVAILABLE, ""},
    // While a slot is on its way to another node, some of its keys are here and some there. A call
    // of ours has a key that never exists, so that a script does not run on a part of them.
    {"ASK", PAWL_E_UNAVAILABLE, "; the slot is being moved to another node"},
    {"MOVED", PAWL_E_UNAVAILABLE, "; it is a node of a cluster: set redisType to cluster"},
    {"NOAUTH", PAWL_E_DENIED, "; set redisPassword"},
    {"WRONGPASS", PAWL_E_DENIED, "; check redisUsername and redisPassword"},
    {"NOPERM", PAWL_E_DENIED, "; the user needs a permission"},
};

enum pawl_err pawl__redis_fail(const struct pawl_redis_link *link, const redisReply *reply,
                               struct pawl_error *error) {
    struct pawl_str text = {reply->str, (size_t)reply->len};
    // A script's error is told with its own word in front of the one that it met.
    for (size_t i = 0; i < sizeof words_errors / sizeof *words_errors; i++) {
        const struct words_error *row = &words_errors[i];
        size_t len = strlen(row->word);
        bool fits = pawl__str_starts(text, pawl__str(row->word)) &&
                    (text.len == len || text.data[len] == ' ');
        if (fits)
            return pawl__fail(error, row->code, "%s: %.*s%s", link->name, PAWL_FMT(text),
                              row->advice);
    }
    return pawl__fail(error, PAWL_E_IO, "%s: %.*s", link->name, PAWL_FMT(text));
}
