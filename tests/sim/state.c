// User state beside the workflows: it shares their commits. Every daemon may write it, with or
// without a lease. A value is the number of the request that wrote it; 0: there is none.

#include <stdlib.h>

#include "base/clock.h"
#include "sim.h"

// A write or a read that a daemon is at. Its own memory.
struct state_call {
    struct pawl_arena arena;
    struct pawl_state_write write;
    struct pawl_state_op op;
    struct pawl_state_read read;
    struct pawl_state_value value;
    struct pawl_str key;
    unsigned number, index;
    unsigned changes, before; // of the key, when the call arrived
};

static const char *const state_keys[SIM_KEYS] = {"app||a", "app||b", "app||c", "app||d"};

static unsigned state_number(struct pawl_str value) {
    unsigned number = 0;
    for (size_t i = 0; i < value.len; i++) number = number * 10 + (unsigned)(value.data[i] - '0');
    return number;
}

void sim_state_committed(const struct pawl_state_tx *tx) {
    for (; tx; tx = tx->next) {
        if (tx->result.code) continue;
        unsigned index = 0;
        while (!pawl__str_equal(tx->ops->key, pawl__str(state_keys[index]))) index++;
        struct sim_value *value = &sim.values[index];
        unsigned number = tx->ops->type == PAWL_STATE_SET ? state_number(tx->ops->value) : 0;
        value->recent[value->changes++ % SIM_ENDS] = value->now;
        value->now = number;
        if (number) sim.model.logged[number]++;
    }
}

static void state_written(struct pawl_state_write *write) {
    struct state_call *call = write->data;
    struct sim_daemon *was = sim_enter(NULL);
    bool kept = sim.model.logged[call->number] || write->tx.ops->type == PAWL_STATE_DELETE;
    if (!write->tx.result.code && !kept)
        sim_fail("acknowledged_state_survives", NULL,
                 "write %u of %s was acknowledged, and is lost", call->number,
                 state_keys[call->index]);
    sim_enter(was);
    pawl__arena_finish(&call->arena);
    free(call);
}

// Whether |number| was the key's value at some moment since |call| arrived.
static bool state_was(const struct state_call *call, unsigned number) {
    const struct sim_value *value = &sim.values[call->index];
    if (number == value->now || number == call->before) return true;
    for (unsigned i = call->changes; i < value->changes; i++)
        if (value->changes - i > SIM_ENDS || value->recent[i % SIM_ENDS] == number) return true;
    return false;
}

static void state_read(struct pawl_state_read *read) {
    struct state_call *call = read->data;
    struct sim_daemon *was = sim_enter(NULL);
    unsigned number = call->value.found ? state_number(call->value.value) : 0;
    if (!read->result.code && !state_was(call, number))
        sim_fail("reads_see_acknowledged_writes", NULL, "%s was read as %u, and is %u",
                 state_keys[call->index], number, sim.values[call->index].now);
    sim_enter(was);
    pawl__arena_finish(&call->arena);
    free(call);
}

static void state_arrive(struct sim_event *event) {
    struct sim_daemon *daemon = event->daemon;
    if (daemon->state != SIM_UP) return;
    struct sim_fate fate = sim_spare(daemon);
    struct state_call *call = calloc(1, sizeof *call);
    call->number = event->b;
    call->index = event->a;
    call->changes = sim.values[call->index].changes;
    call->before = sim.values[call->index].now;
    call->key = pawl__str(state_keys[call->index]);
    if (sim_chance(400)) {
        call->read = (struct pawl_state_read){.keys = &call->key,
                                              .count = 1,
                                              .arena = &call->arena,
                                              .values = &call->value,
                                              .done = state_read,
                                              .data = call};
        daemon->fate = fate;
        pawl__storage_read(&daemon->storage, &call->read);
        return;
    }
    char *text = pawl__arena_format(&call->arena, "%u", call->number);
    call->op = (struct pawl_state_op){
        .type = sim_chance(150) ? PAWL_STATE_DELETE : PAWL_STATE_SET,
        .key = call->key,
        .value = pawl__str(text),
        .first_write = sim_chance(200),
    };
    call->write = (struct pawl_state_write){
        .tx = {.ops = &call->op, .op_count = 1}, .done = state_written, .data = call};
    daemon->fate = fate;
    pawl__storage_write(&daemon->storage, &call->write);
    sim_loop_wake(daemon, sim.now);
}

static void state_think(struct sim_event *event) {
    struct sim_daemon *daemon = &sim.daemons[sim_below(SIM_DAEMONS)];
    if (sim.calm) return;
    if (daemon->state == SIM_UP) {
        struct sim_event *arrive = sim_after_in(daemon, sim_time(200000), state_arrive);
        arrive->a = sim_below(SIM_KEYS);
        arrive->b = sim_new_number();
    }
    sim_after(sim_time(4 * PAWL_MILLISECOND), event->run);
}

void sim_state_begin(void) {
    if (sim_chance(500)) sim_after(sim_time(5 * PAWL_MILLISECOND), state_think);
}
