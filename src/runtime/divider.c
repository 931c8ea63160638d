#include "runtime/divider.h"

#include "base/clock.h"

#define DIVIDER_PATIENCE (10 * PAWL_SECOND) // then it is told who says nothing

static const char *const divider_scope = "dapr.runtime.wfengine";

void pawl__divider_init(struct pawl_divider *divider, struct pawl_members *members,
                        struct pawl_asker *asker, struct pawl_bell *bell,
                        const struct pawl_log *log) {
    *divider = (struct pawl_divider){.members = members, .asker = asker, .bell = bell, .log = log};
    pawl__quotas_init(&divider->quotas);
}

void pawl__divider_finish(struct pawl_divider *divider) {
    pawl__quotas_finish(&divider->quotas);
}

// Rings those who have not been heard.
static void divider_gather(struct pawl_divider *divider, int64_t now) {
    const struct pawl_members *members = divider->members;
    struct pawl_quotas *quotas = &divider->quotas;
    for (size_t i = 0; i < members->count; i++) {
        const struct pawl_member *member = &members->list[i];
        if (pawl__quotas_hears(quotas, member->id)) continue;
        if (pawl__members_is_self(members, member))
            pawl__asker_rung(divider->asker);
        else
            pawl__bell_quota(divider->bell, member->address);
        if (quotas->told || now - quotas->since < DIVIDER_PATIENCE) continue;
        quotas->told = true;
        pawl__log(
            divider->log, PAWL_LOG_WARN, divider_scope,
            "work under limits of the whole app waits: the daemon at %.*s lives, and does not "
            "say what it has of them",
            PAWL_FMT(member->address));
    }
}

void pawl__divider_serve(struct pawl_divider *divider, const struct pawl_residency *first,
                         struct pawl_quota *verb) {
    struct pawl_quotas *quotas = &divider->quotas;
    struct pawl_error error = {PAWL_E_HELD, "the first shard is not served here"};
    if (!first || !pawl__residency_serves(first) || pawl__residency_has_slept(first)) {
        verb->call.done(&verb->call, &error);
        return;
    }
    int64_t now = pawl__clock_steady();
    if (pawl__quotas_begin(quotas, first->lease.epoch, now))
        pawl__members_look(divider->members, divider->members->workers);
    pawl__quotas_look(quotas, divider->members);
    enum pawl_err err = pawl__quotas_hear(quotas, verb, now);
    if (!quotas->whole) divider_gather(divider, now);
    if (err) pawl__fail_plain(&error, err);
    verb->call.done(&verb->call, err ? &error : NULL);
}
