#include "runtime/page_token.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"

enum {
    PAGE_NUMBER = 16 // digits of the check, and of the time behind it
};

static void page_check(struct pawl_str place, char out[PAGE_NUMBER + 1]) {
    snprintf(out, PAGE_NUMBER + 1, "%016" PRIx64, pawl__str_hash(place));
}

char *pawl__page_token_make(struct pawl_arena *arena, int64_t created_at, struct pawl_str id) {
    char check[PAGE_NUMBER + 1];
    struct pawl_buf place = {0}, token = {0};
    char *copy = NULL;
    pawl__buf_format(&place, "%016" PRIx64 "%.*s", (uint64_t)created_at, PAWL_FMT(id));
    page_check(pawl__buf_str(&place), check);
    char *plain = pawl__arena_format(arena, "%s%.*s", check, PAWL_FMT(pawl__buf_str(&place)));
    if (!place.failed && plain && pawl__base64_encode(&token, pawl__str(plain)))
        copy = pawl__arena_dup(arena, pawl__buf_str(&token));
    pawl__buf_finish(&place);
    pawl__buf_finish(&token);
    return copy;
}

enum pawl_err pawl__page_token_read(struct pawl_arena *arena, const char *token,
                                    int64_t *created_at, struct pawl_str *id) {
    char check[PAGE_NUMBER + 1];
    struct pawl_buf plain = {0};
    bool good = pawl__base64_decode(&plain, pawl__str(token)) && plain.len > 2 * PAGE_NUMBER;
    enum pawl_err err = plain.failed ? PAWL_E_NOMEM : good ? PAWL_OK : PAWL_E_INVALID;
    char *copy = err ? NULL : pawl__arena_dup(arena, pawl__buf_str(&plain));
    if (!err && !copy) err = PAWL_E_NOMEM;
    if (!err) {
        char *place = copy + PAGE_NUMBER, *name = place + PAGE_NUMBER;
        page_check((struct pawl_str){place, plain.len - PAGE_NUMBER}, check);
        if (memcmp(check, copy, PAGE_NUMBER) != 0) err = PAWL_E_INVALID;
        *id = (struct pawl_str){name, plain.len - 2 * PAGE_NUMBER};
        char time[PAGE_NUMBER + 1] = {0};
        memcpy(time, place, PAGE_NUMBER);
        *created_at = (int64_t)strtoull(time, NULL, 16);
    }
    pawl__buf_finish(&plain);
    return err;
}
