// Clients: each starts some of the parents, waits for them to complete, and asks again when it was
// told nothing. In the end one reads all histories.

#include <stdlib.h>

#include "engine/events.h"
#include "loops.h"
#include "wire/unpack.h"

struct client {
    unsigned number;
    struct connection *connection;
    struct call *call; // that it waits for
    int64_t next;      // when it acts
    int64_t patience;  // until when it waits
    bool started[PARENTS];
};

static struct client clients[CLIENTS];
static bool read_parents[PARENTS], read_children[PARENTS * CHILDREN];

static char *client_id(struct call *call, int number) {
    int parent = number / (CHILDREN + 1), child = number % (CHILDREN + 1);
    return child ? pawl__arena_format(&call->arena, "p%dc%d", parent, child - 1)
                 : pawl__arena_format(&call->arena, "p%d", parent);
}

static void client_say(const struct client *client, const struct call *call,
                       const struct pawl_error *error) {
    say("client %u at loop %zu, of p%d: %s", client->number, call->loop->index, call->number,
        error ? error->text : "done");
}

// --- starting and waiting ------------------------------------------------------------------------

static void client_on_started(struct call *call, const struct pawl_error *error) {
    struct client *client = call->person;
    client->call = NULL;
    client_say(client, call, error);
    if (!error || error->code == PAWL_E_EXISTS) client->started[call->number] = true;
}

static void client_on_completed(struct call *call, const struct pawl_error *error) {
    struct client *client = call->person;
    client->call = NULL;
    client_say(client, call, error);
    if (!error && call->look.view.exists &&
        call->look.view.status == PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_COMPLETED)
        world.completed[call->number] = true;
}

static void client_start(struct client *client, int parent) {
    struct call *call = client->call = call_new(client->connection, client, client_on_started);
    Pb__ExecutionStartedEvent *start = pawl__arena_alloc(&call->arena, sizeof *start);
    pb__execution_started_event__init(start);
    start->name = "Parent";
    call->number = parent;
    pawl__start_init(&call->start, pawl__str(client_id(call, parent * (CHILDREN + 1))), start,
                     true);
    call_begin(call);
}

static void client_wait(struct client *client, int parent) {
    struct call *call = client->call = call_new(client->connection, client, client_on_completed);
    call->number = parent;
    pawl__look_init(&call->look, pawl__str(client_id(call, parent * (CHILDREN + 1))),
                    PAWL_WAIT_COMPLETED, &call->arena);
    call_begin(call);
}

// The next thing to ask for.
static void client_ask(struct client *client) {
    client->patience = world.now + (world.calm ? 10000 : 20 + below(2000)) * PAWL_MILLISECOND;
    for (int i = (int)client->number; i < PARENTS; i += CLIENTS) {
        if (client->started[i] && world.completed[i]) continue;
        if (client->started[i] && below(2)) continue; // it starts others first
        say("client %u at loop %zu %s p%d", client->number, client->connection->loop->index,
            client->started[i] ? "waits for" : "starts", i);
        if (client->started[i])
            client_wait(client, i);
        else
            client_start(client, i);
        return;
    }
}

bool clients_are_content(void) {
    for (int i = 0; i < PARENTS; i++)
        if (!world.completed[i]) return false;
    return true;
}

// --- reading -------------------------------------------------------------------------------------

static void client_on_read(struct call *call, const struct pawl_error *error) {
    struct client *client = call->person;
    int parent = call->number / (CHILDREN + 1), child = call->number % (CHILDREN + 1);
    size_t began = 0, ended = 0;
    client->call = NULL;
    if (error) return;
    const Pb__WorkflowRequest *history = pawl__wire_unpack(
        &call->arena, &pb__workflow_request__descriptor, call->history.history, NULL);
    for (size_t i = 0; history && i < history->n_pastevents; i++) {
        int type = (int)history->pastevents[i]->event_type_case;
        began += type == PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_STARTED;
        ended += type == PB__HISTORY_EVENT__EVENT_TYPE_TASK_COMPLETED ||
                 type == PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_COMPLETED;
    }
    if (began != 1 || ended != (child ? TASKS : CHILDREN))
        broken("a_message_has_its_effect_once", "p%d, child %d, began %zu times, %zu things ended",
               parent, child, began, ended);
    if (child)
        read_children[parent * CHILDREN + child - 1] = true;
    else
        read_parents[parent] = true;
}

static bool client_reads(struct client *client) {
    for (int i = 0; i < PARENTS * (CHILDREN + 1); i++) {
        int parent = i / (CHILDREN + 1), child = i % (CHILDREN + 1);
        if (child ? read_children[parent * CHILDREN + child - 1] : read_parents[parent]) continue;
        struct call *call = client->call = call_new(client->connection, client, client_on_read);
        call->number = i;
        pawl__read_history_init(&call->history, pawl__str(client_id(call, i)), &call->arena);
        client->patience = world.now + 10 * PAWL_SECOND;
        call_begin(call);
        return true;
    }
    return false;
}

bool clients_check(void) {
    for (int i = 0; i < PARENTS * CHILDREN; i++)
        if (!read_children[i] || !read_parents[i / CHILDREN]) return false;
    return true;
}

// --- acting --------------------------------------------------------------------------------------

void clients_act(unsigned number) {
    struct client *client = &clients[number];
    struct connection *connection = client->connection;
    unsigned most = world.sleepy && !world.calm ? 1000 : 100; // so that there is always some work
    client->next = world.now + PAWL_MILLISECOND + below(most) * PAWL_MILLISECOND;
    if (connection->state == CONNECTION_NONE) {
        process_connect(connection);
        return;
    }
    if (connection->state != CONNECTION_HERE || !schedule_is_free(connection->loop)) return;
    world.at = connection->loop;
    if (client->call) {
        if (client->patience > world.now) return;
        say("client %u gives up", number);
        process_hang_up(connection);
        return;
    }
    if (connection->loop->state != LOOP_UP) return;
    if (world.calm && clients_are_content() && number == 0)
        client_reads(client);
    else
        client_ask(client);
}

int64_t clients_next(unsigned number) {
    return clients[number].next;
}

void clients_begin(void) {
    memset(read_parents, 0, sizeof read_parents);
    memset(read_children, 0, sizeof read_children);
    for (unsigned i = 0; i < CLIENTS; i++)
        clients[i] = (struct client){.number = i,
                                     .connection = &world.connections[2 * WORKERS + i],
                                     // in a quiet world once all is settled
                                     .next = world.quiet ? 4 * PAWL_SECOND : 0};
}
