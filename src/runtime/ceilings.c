#include "runtime/ceilings.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/clock.h"

enum pawl_err pawl__ceilings_create(const struct pawl_ceiling_rule *rules, size_t count,
                                    bool shares, struct pawl_ceilings **out) {
    *out = NULL;
    if (!count) return PAWL_OK;
    struct pawl_ceilings *ceilings = calloc(1, sizeof *ceilings + count * sizeof *ceilings->list);
    if (!ceilings) return PAWL_E_NOMEM;
    ceilings->list = (struct pawl_ceiling *)(ceilings + 1);
    ceilings->count = count;
    for (size_t i = 0; i < count; i++) {
        struct pawl_ceiling *one = &ceilings->list[i];
        char *name = pawl__str_dup(pawl__str(rules[i].name));
        *one = (struct pawl_ceiling){.name = pawl__str(name ? name : ""),
                                     .turn = rules[i].turn,
                                     .most = rules[i].most,
                                     .quota = shares ? 0 : rules[i].most};
        bool ok = name;
        if (ok && one->name.len)
            ok = pawl__map_put(&ceilings->named[one->turn], one->name, one);
        else if (ok)
            ceilings->all[one->turn] = one;
        if (ok) continue;
        free(name);
        ceilings->count = i;
        pawl__ceilings_destroy(ceilings);
        return PAWL_E_NOMEM;
    }
    *out = ceilings;
    return PAWL_OK;
}

void pawl__ceilings_destroy(struct pawl_ceilings *ceilings) {
    if (!ceilings) return;
    for (size_t i = 0; i < ceilings->count; i++)
        free((char *)(uintptr_t)ceilings->list[i].name.data);
    pawl__map_finish(&ceilings->named[0]);
    pawl__map_finish(&ceilings->named[1]);
    free(ceilings);
}

struct pawl_ceiling *pawl__ceilings_find(const struct pawl_ceilings *ceilings, bool turn,
                                         struct pawl_str name) {
    return pawl__map_get(&ceilings->named[turn], name);
}

bool pawl__ceilings_are_open(const struct pawl_ceilings *ceilings, bool turn) {
    if (ceilings->counted_until &&
        (*ceilings->lapses != ceilings->heeded || pawl__clock_steady() >= *ceilings->counted_until))
        return false;
    return pawl__ceiling_is_open(ceilings->all[turn]);
}

static void ceiling_count(struct pawl_ceiling *ceiling, bool given) {
    pawl__assert(given || ceiling->out);
    ceiling->out += given ? 1 : (uint32_t)-1;
    if (ceiling->out > ceiling->peak) ceiling->peak = ceiling->out;
}

void pawl__ceilings_count(struct pawl_ceilings *ceilings, bool turn, struct pawl_ceiling *named,
                          bool given) {
    if (ceilings->all[turn]) ceiling_count(ceilings->all[turn], given);
    if (named) ceiling_count(named, given);
}
