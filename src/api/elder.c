#include "api/elder.h"

#include "runtime/dispatch.h"
#include "wire/pb.h"

// Up to |last| the fields of a message mean the same in both dialects.
struct elder_kind {
    unsigned last;
    struct {
        unsigned number;
        const struct elder_kind *kind;
    } inner[3];
};

static const struct elder_kind elder_task = {.last = 3};  // then come tags and a trace context
static const struct elder_kind elder_child = {.last = 4}; // the same
static const struct elder_kind elder_action = {
    .last = 7, // then come entities and rewinding
    .inner = {{2, &elder_task}, {3, &elder_child}},
};
static const struct elder_kind elder_answer = {
    .last = 5, // then comes the span of the workflow
    .inner = {{2, &elder_action}},
};

static const struct elder_kind *elder_inner(const struct elder_kind *kind, unsigned number) {
    for (size_t i = 0; kind->inner[i].number; i++)
        if (kind->inner[i].number == number) return kind->inner[i].kind;
    return NULL;
}

// Copies what the dialects share. False: memory is out. What is damaged stays so.
static bool elder_copy(const struct elder_kind *kind, struct pawl_str from, struct pawl_buf *out) {
    struct pawl_pb_reader reader = pawl__pb_reader(from);
    struct pawl_pb_field field;
    const uint8_t *start = reader.at;
    for (; pawl__pb_next(&reader, &field); start = reader.at) {
        const struct elder_kind *inner = elder_inner(kind, field.number);
        if (field.number > kind->last) continue;
        if (inner && field.wire_type == PAWL_PB_BYTES) {
            struct pawl_buf part = {0};
            bool ok = elder_copy(inner, field.bytes, &part) &&
                      pawl__pb_put_bytes(out, field.number, pawl__buf_str(&part));
            pawl__buf_finish(&part);
            if (!ok) return false;
        } else if (!pawl__buf_append(out, start, (size_t)(reader.at - start))) {
            return false;
        }
    }
    return pawl__buf_append(out, start, (size_t)(reader.end - start));
}

struct pawl_str pawl__elder_answer(struct pawl_arena *arena, struct pawl_str answer) {
    enum {
        TOKEN = 4
    };
    struct pawl_pb_field token;
    if (!pawl__pb_find(answer, TOKEN, &token) || !pawl__token_is_microsoft(token.bytes))
        return answer;
    struct pawl_buf out = {0};
    struct pawl_str copy = {0};
    if (elder_copy(&elder_answer, answer, &out))
        copy = (struct pawl_str){pawl__arena_dup(arena, pawl__buf_str(&out)), out.len};
    pawl__buf_finish(&out);
    return copy;
}
