#include "runtime/filter.h"

#include <string.h>

#include "base/err.h"
#include "orchestration.pb-c.h"
#include "wire/columns.h"
#include "wire/timestamp.h"

// One term: what stands before the first ':', '<' or '>', that sign, and what stands behind it
// without its quotes.
struct term {
    struct pawl_str key, value;
    char sign; // 0: a bare word, which is in |value|
};

struct filter {
    struct pawl_str text;
    size_t at;
    int64_t now;
    struct pawl_arena *arena;
    struct pawl_query *out;
    struct pawl_error *error;
};

// --- terms --------------------------------------------------------------------------------------

// Reads a value up to the next space; within quotes a backslash keeps the character behind it.
static enum pawl_err filter_value(struct filter *filter, struct pawl_str *out) {
    char *copy = pawl__arena_alloc(filter->arena, filter->text.len - filter->at + 1);
    size_t len = 0;
    bool quoted = false;
    if (!copy) return pawl__fail_plain(filter->error, PAWL_E_NOMEM);
    for (; filter->at < filter->text.len; filter->at++) {
        char one = filter->text.data[filter->at];
        if (one == '"') {
            quoted = !quoted;
            continue;
        }
        if (one == ' ' && !quoted) break;
        if (one == '\\' && quoted && filter->at + 1 < filter->text.len)
            one = filter->text.data[++filter->at];
        copy[len++] = one;
    }
    copy[len] = 0;
    *out = (struct pawl_str){copy, len};
    if (quoted) return pawl__fail(filter->error, PAWL_E_INVALID, "a quote is not closed");
    return PAWL_OK;
}

bool pawl__filter_is_key(char one) {
    return (one >= 'a' && one <= 'z') || (one >= 'A' && one <= 'Z') || one == '.' || one == '_' ||
           one == '-' || (one >= '0' && one <= '9');
}

static enum pawl_err filter_term(struct filter *filter, struct term *out) {
    const struct pawl_str *text = &filter->text;
    size_t end = filter->at;
    while (end < text->len && pawl__filter_is_key(text->data[end])) end++;
    bool has_key = end > filter->at && end < text->len && strchr(":<>", text->data[end]);
    *out = (struct term){0};
    if (has_key) {
        out->key = (struct pawl_str){text->data + filter->at, end - filter->at};
        out->sign = text->data[end];
        filter->at = end + 1;
    }
    return filter_value(filter, &out->value);
}

// --- what terms mean ----------------------------------------------------------------------------

// Those that have not ended come first.
enum {
    FILTER_OPEN = 4
};
static const struct {
    const char *name;
    int status;
} filter_statuses[] = {
#define STATUS(name, value)                                                                        \
    { name, PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_##value }
    STATUS("running", RUNNING),       STATUS("pending", PENDING),
    STATUS("suspended", SUSPENDED),   STATUS("stalled", STALLED),
    STATUS("completed", COMPLETED),   STATUS("failed", FAILED),
    STATUS("terminated", TERMINATED), STATUS("canceled", CANCELED),
#undef STATUS
};

static enum pawl_err filter_status(struct filter *filter, const struct term *term) {
    struct pawl_str rest = term->value;
    while (rest.data) {
        struct pawl_str one = pawl__str_cut(&rest, ',');
        bool known = false;
        for (size_t i = 0; i < sizeof filter_statuses / sizeof *filter_statuses; i++)
            if (pawl__str_equal_nocase(one, pawl__str(filter_statuses[i].name))) {
                filter->out->statuses |= UINT32_C(1) << filter_statuses[i].status;
                known = true;
            }
        if (!known)
            return pawl__fail(filter->error, PAWL_E_INVALID,
                              "'%.*s' is no status: running, pending, suspended, stalled, "
                              "completed, failed, terminated or canceled",
                              PAWL_FMT(one));
    }
    return PAWL_OK;
}

static const struct {
    const char *name;
    enum pawl_await_kind kind;
} filter_awaits[] = {
    {"activity", PAWL_AWAIT_ACTIVITY}, {"retry", PAWL_AWAIT_RETRY}, {"event", PAWL_AWAIT_EVENT},
    {"timer", PAWL_AWAIT_TIMER},       {"child", PAWL_AWAIT_CHILD}, {"worker", PAWL_AWAIT_WORKER},
};

static enum pawl_err filter_await(struct filter *filter, const struct term *term) {
    struct pawl_str name = term->value, kind = pawl__str_cut(&name, ':');
    if (filter->out->await.kind)
        return pawl__fail(filter->error, PAWL_E_INVALID,
                          "'wait:%.*s' is a second one, and a filter may have one",
                          PAWL_FMT(term->value));
    for (size_t i = 0; i < sizeof filter_awaits / sizeof *filter_awaits; i++)
        if (pawl__str_equal_nocase(kind, pawl__str(filter_awaits[i].name)))
            filter->out->await = (struct pawl_await){filter_awaits[i].kind, name};
    if (filter->out->await.kind) return PAWL_OK;
    return pawl__fail(filter->error, PAWL_E_INVALID,
                      "'%.*s' is nothing to wait for: activity, retry, event, timer, child or "
                      "worker, and a name behind it, such as event:approval",
                      PAWL_FMT(kind));
}

// What has ended waits for nothing.
static void filter_open(struct pawl_query *query) {
    if (!query->await.kind || query->statuses) return;
    for (size_t i = 0; i < FILTER_OPEN; i++)
        query->statuses |= UINT32_C(1) << filter_statuses[i].status;
}

// |age|, such as "90s" or "2d", before now.
static bool filter_ago(const struct filter *filter, struct pawl_str age, int64_t *out) {
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    enum {
        MOST = 36500
    }; // of any unit: a hundred years of days
    if (age.len < 2) return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        int64_t number;
        struct pawl_str digits = {age.data, age.len - 1};
        if (age.data[age.len - 1] != units[i].unit) continue;
        if (!pawl__str_to_int(digits, 0, MOST, &number)) return false;
        *out = filter->now - number * units[i].seconds * 1000000000;
        return true;
    }
    return false;
}

static enum pawl_err filter_age(struct filter *filter, const struct term *term, int64_t *from,
                                int64_t *before) {
    int64_t at;
    if (term->sign != ':' &&
        (filter_ago(filter, term->value, &at) || pawl__time_parse(term->value, &at))) {
        *(term->sign == '<' ? from : before) = at;
        return PAWL_OK;
    }
    return pawl__fail(
        filter->error, PAWL_E_INVALID,
        "'%.*s' needs < or > and an age such as 90s, 10m, 2h or 7d, or a time such as "
        "2030-01-02T15:04:05Z",
        PAWL_FMT(term->key));
}

static enum pawl_err filter_tag(struct filter *filter, const struct term *term) {
    struct pawl_str name = {term->key.data + 4, term->key.len - 4};
    struct pawl_buf part = {0};
    char *copy = NULL;
    if (filter->out->tag.len)
        return pawl__fail(filter->error, PAWL_E_INVALID,
                          "'%.*s' is a second tag, and a filter may have one", PAWL_FMT(term->key));
    if (pawl__tags_part(&part, name, term->value.len ? term->value : (struct pawl_str){0}))
        copy = pawl__arena_dup(filter->arena, pawl__buf_str(&part));
    filter->out->tag = (struct pawl_str){copy, part.len};
    pawl__buf_finish(&part);
    return copy ? PAWL_OK : pawl__fail_plain(filter->error, PAWL_E_NOMEM);
}

static enum pawl_err filter_apply(struct filter *filter, const struct term *term) {
    struct pawl_query *out = filter->out;
    const struct {
        const char *key;
        struct pawl_str *place;
    } texts[] = {
        {"id", &out->id_prefix},         {"name", &out->name},          {"parent", &out->parent},
        {"failure", &out->failure_type}, {"says", &out->custom_status},
    };
    if (!term->sign) {
        out->id_prefix = term->value;
        return PAWL_OK;
    }
    if (pawl__str_equal(term->key, PAWL_STR("age")))
        return filter_age(filter, term, &out->created_from, &out->created_before);
    if (pawl__str_equal(term->key, PAWL_STR("ended")))
        return filter_age(filter, term, &out->ended_from, &out->ended_before);
    if (term->sign == ':') {
        if (pawl__str_equal(term->key, PAWL_STR("status"))) return filter_status(filter, term);
        if (pawl__str_equal(term->key, PAWL_STR("wait"))) return filter_await(filter, term);
        if (pawl__str_starts(term->key, PAWL_STR("tag."))) return filter_tag(filter, term);
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
            if (pawl__str_equal(term->key, pawl__str(texts[i].key))) {
                *texts[i].place = term->value;
                return PAWL_OK;
            }
    }
    return pawl__fail(filter->error, PAWL_E_INVALID,
                      "'%.*s%c' is no filter: id, status, name, parent, failure, says, wait and "
                      "tag.NAME with ':', age and ended with '<' or '>'",
                      PAWL_FMT(term->key), term->sign);
}

enum pawl_err pawl__filter_parse(struct pawl_str text, int64_t now, struct pawl_arena *arena,
                                 struct pawl_query *out, struct pawl_error *error) {
    struct filter filter = {.text = text, .now = now, .arena = arena, .out = out, .error = error};
    for (;;) {
        while (filter.at < text.len && text.data[filter.at] == ' ') filter.at++;
        if (filter.at == text.len) {
            filter_open(out);
            return PAWL_OK;
        }
        struct term term;
        enum pawl_err err = filter_term(&filter, &term);
        if (!err) err = filter_apply(&filter, &term);
        if (err) return err;
    }
}
