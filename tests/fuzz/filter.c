// A filter as people write it: what is understood finds what it says, and nothing reads beyond it.

#include "runtime/filter.h"
#include "fuzz.h"
#include "store/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const int64_t now = INT64_C(1700000000) * 1000000000;
    struct pawl_str text = {(const char *)data, size};
    struct pawl_query query = {.order = PAWL_ORDER_NEWEST, .limit = 7}, again = query;
    struct pawl_arena arena = {0};
    struct pawl_error error;
    pawl__error_clear(&error);
    enum pawl_err err = pawl__filter_parse(text, now, &arena, &query, &error);
    FUZZ_CHECK(err == PAWL_OK || err == PAWL_E_INVALID);
    FUZZ_CHECK(query.order == PAWL_ORDER_NEWEST && query.limit == 7 && !query.after_id.len);
    if (err) {
        FUZZ_CHECK(error.text[0]);
    } else {
        // It is the same when it is read again, and is not read beyond its end.
        char *copy = size ? malloc(size) : NULL;
        if (copy) memcpy(copy, data, size);
        FUZZ_CHECK(!pawl__filter_parse((struct pawl_str){copy, size}, now, &arena, &again, &error));
        free(copy);
        FUZZ_CHECK(query.statuses == again.statuses && query.created_from == again.created_from &&
                   query.ended_before == again.ended_before &&
                   pawl__str_equal(query.id_prefix, again.id_prefix) &&
                   pawl__str_equal(query.tag, again.tag) && query.await.kind == again.await.kind &&
                   pawl__str_equal(query.await.name, again.await.name));
        const struct pawl_snapshot row = {.id = query.id_prefix,
                                          .name = query.name,
                                          .status = 1,
                                          .created_at = now,
                                          .parent = query.parent,
                                          .tags = query.tag,
                                          .custom_status = query.custom_status,
                                          .failure_type = query.failure_type};
        bool is_timed =
            query.created_from || query.created_before || query.ended_from || query.ended_before;
        bool fits = pawl__query_match(&query, &row);
        FUZZ_CHECK(query.await.kind < PAWL_AWAIT_KINDS);
        FUZZ_CHECK(fits || is_timed || (query.statuses && !(query.statuses & 2)));
    }
    pawl__arena_finish(&arena);
    return 0;
}
