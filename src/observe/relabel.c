#include "observe/relabel.h"

#include <stdlib.h>

#include "base/arena.h"

bool pawl__relabel_init(struct pawl_relabel *relabel, const struct pawl_label_rule *rules,
                        size_t count) {
    *relabel = (struct pawl_relabel){.rules = rules};
    if (!count) return true;
    relabel->patterns = calloc(count, sizeof *relabel->patterns);
    while (relabel->patterns && relabel->count < count &&
           !pawl__pattern_make(&relabel->patterns[relabel->count], rules[relabel->count].pattern))
        relabel->count++;
    if (relabel->count == count) return true;
    pawl__relabel_finish(relabel);
    return false;
}

void pawl__relabel_finish(struct pawl_relabel *relabel) {
    for (size_t i = 0; i < relabel->count; i++) pawl__pattern_finish(&relabel->patterns[i]);
    free(relabel->patterns);
    *relabel = (struct pawl_relabel){0};
}

static const char *relabel_plain(const char *metric) {
    return strncmp(metric, "dapr_", 5) == 0 ? metric + 5 : metric;
}

static bool relabel_value(const struct pawl_relabel *relabel, size_t rule, struct pawl_str *value,
                          struct pawl_arena *arena) {
    struct pawl_buf fresh = {0};
    if (!pawl__pattern_replace(&relabel->patterns[rule], *value, relabel->rules[rule].replacement,
                               &fresh))
        return false;
    const char *copy = pawl__arena_dup(arena, pawl__buf_str(&fresh));
    *value = (struct pawl_str){copy, fresh.len};
    pawl__buf_finish(&fresh);
    return copy;
}

const struct pawl_label *pawl__relabel(const struct pawl_relabel *relabel, const char *metric,
                                       const struct pawl_label *labels, size_t count,
                                       struct pawl_arena *arena) {
    struct pawl_label *fresh = NULL;
    metric = relabel_plain(metric);
    for (size_t rule = 0; rule < relabel->count; rule++) {
        if (strcmp(relabel_plain(relabel->rules[rule].metric), metric) != 0) continue;
        for (size_t i = 0; i < count; i++) {
            if (strcmp(labels[i].name, relabel->rules[rule].label) != 0) continue;
            if (!(fresh ? fresh[i] : labels[i]).value.len) continue;
            if (!fresh) {
                fresh = pawl__arena_alloc(arena, count * sizeof *fresh);
                if (!fresh) return NULL;
                memcpy(fresh, labels, count * sizeof *fresh);
            }
            if (!relabel_value(relabel, rule, &fresh[i].value, arena)) return NULL;
        }
    }
    return fresh ? fresh : labels;
}
