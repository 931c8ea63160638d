#include "runtime/page_token.h"

#include <stdio.h>

#include "base/base64.h"

enum {
    PAGE_CHECK = 16 // digits in front of the id
};

static void page_check(struct pawl_str id, char out[PAGE_CHECK + 1]) {
    snprintf(out, PAGE_CHECK + 1, "%016llx", (unsigned long long)pawl__str_hash(id));
}

char *pawl__page_token_make(struct pawl_arena *arena, struct pawl_str id) {
    char check[PAGE_CHECK + 1];
    struct pawl_buf plain = {0}, token = {0};
    page_check(id, check);
    pawl__buf_format(&plain, "%s%.*s", check, PAWL_FMT(id));
    pawl__base64_encode(&token, pawl__buf_str(&plain));
    bool ok = !plain.failed && !token.failed;
    char *copy = ok ? pawl__arena_dup(arena, pawl__buf_str(&token)) : NULL;
    pawl__buf_finish(&plain);
    pawl__buf_finish(&token);
    return copy;
}

enum pawl_err pawl__page_token_read(struct pawl_arena *arena, const char *token,
                                    struct pawl_str *id) {
    struct pawl_buf plain = {0};
    bool good = pawl__base64_decode(&plain, pawl__str(token)) && plain.len > PAGE_CHECK;
    enum pawl_err err = plain.failed ? PAWL_E_NOMEM : good ? PAWL_OK : PAWL_E_INVALID;
    if (!err) {
        char check[PAGE_CHECK + 1];
        *id = (struct pawl_str){(char *)plain.data + PAGE_CHECK, plain.len - PAGE_CHECK};
        page_check(*id, check);
        id->data = pawl__arena_dup(arena, *id);
        if (!id->data)
            err = PAWL_E_NOMEM;
        else if (memcmp(check, plain.data, PAGE_CHECK) != 0)
            err = PAWL_E_INVALID;
    }
    pawl__buf_finish(&plain);
    return err;
}
