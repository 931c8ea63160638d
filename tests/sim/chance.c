#include "sim.h"

const char *const sim_fault_names[SIM_FAULTS] = {
#define X(name, text) text,
    SIM_FAULT_MAP(X)
#undef X
};

uint64_t sim_random(void) { // xorshift64*
    sim.random ^= sim.random >> 12;
    sim.random ^= sim.random << 25;
    sim.random ^= sim.random >> 27;
    return sim.random * UINT64_C(2685821657736338717);
}

unsigned sim_below(unsigned limit) {
    return (unsigned)(sim_random() >> 33) % limit;
}

bool sim_chance(unsigned permille) {
    return sim_below(1000) < permille;
}

bool sim_fault(enum sim_fault fault, unsigned permille) {
    bool happens = sim_chance(permille);
    if (sim.calm || (sim.options.without >> fault & 1) || !happens) return false;
    sim.counts.faults[fault]++;
    return true;
}

int64_t sim_time(int64_t typical) {
    int64_t tenth = typical / 10 + 1;
    int64_t time = tenth + (int64_t)(sim_random() >> 24) % (19 * tenth);
    return sim_chance(50) ? 4 * time : time;
}
