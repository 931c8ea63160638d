// Clients: each asks for one thing after the other, and for anything.

#include <stdlib.h>

#include "base/clock.h"
#include "sim.h"

#define CLIENT_FAR (24 * PAWL_HOUR) // until a start that no world lives to see

static void client_think(struct sim_event *event);

static void client_rest(unsigned client, int64_t typical) {
    sim_after(sim_time(typical), client_think)->a = client;
}

static unsigned client_choose_daemon(void) {
    return sim.disk.held && sim_chance(700) ? sim.disk.holder->number : sim_below(SIM_DAEMONS);
}

static void client_on_timeout(struct sim_event *event) {
    struct sim_client *client = &sim.clients[event->a];
    if (client->waits_for != event->b) return;
    client->waits_for = 0;
    if (sim_chance(700)) sim_cancel(&sim.daemons[client->daemon], event->b);
    if (sim_chance(500)) client->daemon = client_choose_daemon();
    client_rest(event->a, PAWL_MILLISECOND);
}

// What |client| asks for next is |method|, about the same id.
static void client_follow(struct sim_client *client, const struct sim_message *message,
                          enum pawl_taskhub_method method) {
    memcpy(client->next_id, message->id, sizeof client->next_id);
    client->next = method;
}

// Whether what starts then does not start before the world ends.
static bool client_is_far(int64_t start_at) {
    return start_at - sim_wall(NULL) > CLIENT_FAR / 2;
}

void sim_client_answer(const struct sim_message *message, enum pawl_err code) {
    struct sim_client *client = &sim.clients[message->client];
    if (client->waits_for != message->number) return;
    client->waits_for = 0;
    if (message->method == PAWL_TASKHUB_PURGE && !code && sim_chance(500))
        client_follow(client, message, PAWL_TASKHUB_START);
    if (message->method == PAWL_TASKHUB_START && client_is_far(message->start_at) && !code)
        client_follow(client, message, PAWL_TASKHUB_TERMINATE);
    if (code == PAWL_E_UNAVAILABLE) client->daemon = client_choose_daemon();
    client_rest(message->client,
                code == PAWL_E_UNAVAILABLE ? 10 * PAWL_MILLISECOND : PAWL_MILLISECOND);
}

static const struct client_row {
    unsigned weight;
    enum pawl_taskhub_method method;
} client_rows[] = {
    {320, PAWL_TASKHUB_START},  {240, PAWL_TASKHUB_RAISE},     {30, PAWL_TASKHUB_SUSPEND},
    {70, PAWL_TASKHUB_RESUME},  {40, PAWL_TASKHUB_TERMINATE},  {60, PAWL_TASKHUB_PURGE},
    {60, PAWL_TASKHUB_GET},     {40, PAWL_TASKHUB_WAIT_START}, {30, PAWL_TASKHUB_WAIT_COMPLETION},
    {20, PAWL_TASKHUB_HISTORY}, {50, PAWL_TASKHUB_LIST},       {40, PAWL_TASKHUB_RERUN},
};

static enum pawl_taskhub_method client_choose(void) {
    unsigned dice = sim_below(1000), row = 0;
    while (dice >= client_rows[row].weight) dice -= client_rows[row++].weight;
    return client_rows[row].method;
}

// |name|: of the source. What workflows told each other is not told again, so those are left out
// that would wait for it.
static void client_fill_rerun(struct sim_message *message) {
    static const char *const talks[] = {"speak", "ender", "claims"};
    snprintf(message->id, sizeof message->id, "w%u", sim_below(8 * sim.options.ids));
    snprintf(message->name, sizeof message->name, "w%u", sim_below(sim.options.ids));
    const char *program = sim_model_id(pawl__str(message->name))->program;
    message->task = (int32_t)sim_below(3);
    for (size_t i = 0; program && i < sizeof talks / sizeof *talks; i++)
        if (strcmp(program, talks[i]) == 0) message->task = 1000;
}

static void client_fill(struct sim_message *message) {
    static const char *const events[] = {"GO", "ITEM", "STEP"};
    unsigned programs = 0;
    snprintf(message->id, sizeof message->id, "w%u", sim_below(sim.options.ids));
    snprintf(message->text, sizeof message->text, "%u", message->number);
    message->flag = sim_chance(300);
    switch (message->method) {
    case PAWL_TASKHUB_START:
        while (sim_programs[programs]) programs++;
        snprintf(message->name, sizeof message->name, "%s", sim_programs[sim_below(programs)]);
        snprintf(message->text, sizeof message->text, "%u#%u", sim_below(50), message->number);
        message->without_start = sim_chance(500);
        if (sim_chance(150)) message->start_at = sim_wall(NULL) + sim_time(20 * PAWL_MILLISECOND);
        if (sim_chance(100)) { // under an id that is nothing else's, so that nothing wakes it
            snprintf(message->id, sizeof message->id, "far%u", sim_below(4));
            message->start_at = sim_wall(NULL) + CLIENT_FAR;
        }
        break;
    case PAWL_TASKHUB_RAISE:
        snprintf(message->name, sizeof message->name, "%s", events[sim_below(3)]);
        break;
    case PAWL_TASKHUB_TERMINATE:
    case PAWL_TASKHUB_GET:
    case PAWL_TASKHUB_SUSPEND: // sometimes a child
        if (sim_chance(200)) snprintf(message->id + strlen(message->id), 8, ":%04x", sim_below(3));
        break;
    case PAWL_TASKHUB_RERUN: client_fill_rerun(message); break;
    case PAWL_TASKHUB_PURGE: message->force = sim_chance(300); break;
    case PAWL_TASKHUB_LIST:
        message->task = sim_chance(500) ? 1000 : (int32_t)(1 + sim_below(5));
        if (sim_chance(500)) *message->id = 0;
        message->created_at = sim_model_id(pawl__str(message->id))->created_at;
        break;
    default: break;
    }
}

static void client_think(struct sim_event *event) {
    struct sim_client *client = &sim.clients[event->a];
    if (sim.calm || client->waits_for) return;
    struct sim_message message = {
        .method = client_choose(), .client = event->a, .number = sim_new_number()};
    if (*client->next_id) message.method = client->next;
    client_fill(&message);
    if (*client->next_id) memcpy(message.id, client->next_id, sizeof message.id);
    *client->next_id = 0;
    client->waits_for = message.number;
    sim_send(&message, &sim.daemons[client->daemon]);
    bool impatient = sim_fault(SIM_CLIENT, 50);
    struct sim_event *timeout = sim_after(
        sim_time(impatient ? PAWL_MILLISECOND : 60 * PAWL_MILLISECOND), client_on_timeout);
    timeout->a = event->a;
    timeout->b = message.number;
}

void sim_clients_begin(void) {
    for (unsigned i = 0; i < SIM_CLIENTS; i++) {
        sim.clients[i] = (struct sim_client){.daemon = sim_below(SIM_DAEMONS)};
        client_rest(i, 5 * PAWL_MILLISECOND);
    }
}

static void client_help(const struct pawl_instance *instance, enum pawl_taskhub_method method,
                        const char *event) {
    struct sim_message message = {.method = method, .number = sim_new_number()};
    snprintf(message.id, sizeof message.id, "%s", instance->id);
    snprintf(message.name, sizeof message.name, "%s", event);
    snprintf(message.text, sizeof message.text, "%u", message.number);
    sim_send(&message, sim.disk.holder);
}

void sim_clients_help(void) {
    size_t at = 0;
    if (!sim.disk.held || sim.disk.holder->state != SIM_UP) return;
    for (const struct pawl_instance *instance;
         (instance = pawl__map_next(&sim.model.mirror.instances, &at));) {
        if (!instance->exists || pawl__instance_completed(instance)) continue;
        const struct sim_id *id = sim_model_id(pawl__instance_id(instance));
        if (client_is_far(instance->start_at)) { // nothing else may wake it
            if (!id->terminated) client_help(instance, PAWL_TASKHUB_TERMINATE, "");
            continue;
        }
        bool gate = strcmp(id->program, "gate") == 0 || strcmp(id->program, "relay") == 0 ||
                    strcmp(id->program, "patched") == 0;
        bool items = strcmp(id->program, "collect") == 0 || strcmp(id->program, "gather") == 0;
        if (instance->suspended || sim_chance(100)) client_help(instance, PAWL_TASKHUB_RESUME, "");
        // An event that is in the log need not be given again.
        if (gate && !id->goes) client_help(instance, PAWL_TASKHUB_RAISE, "go");
        if (items && id->items < 3) client_help(instance, PAWL_TASKHUB_RAISE, "item");
    }
}
