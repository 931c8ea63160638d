#include "api/elsewhere.h"

#include <stdlib.h>

#include "api/peer_links.h"
#include "base/clock.h"
#include "net/grpc_client.h"
#include "pawl_peer.pb-c.h"
#include "wire/pack.h"

enum {
    ELSEWHERE_TICK = 500 // milliseconds between two looks at who else there is
};

#define ELSEWHERE_LINGER (60 * PAWL_SECOND) // after the last reader has left: it may come back
#define ELSEWHERE_RETRY  PAWL_SECOND        // after a stream has ended
#define ELSEWHERE_OLDER  (30 * PAWL_SECOND) // when the other daemon knows nothing of it

// From another daemon.
struct elsewhere_stream {
    struct pawl_link link;
    struct pawl_elsewhere *elsewhere;
    struct pawl_grpc_call *call; // NULL: none is under way
    bool hears;                  // the other one has answered
    bool is_member;              // still; of one look
    int64_t again_at;            // steady; not before
    char *id, *address;          // of the daemon; behind the struct
};

struct pawl_elsewhere {
    struct pawl_api *api;
    struct pawl_feed all;
    struct pawl_feed_reader own; // of this daemon's feed
    uv_timer_t tick, pump;
    struct pawl_link streams;
    uint64_t *positions; // of the last change, by shard
    uint32_t shards;     // of these
    bool listens, closed;
    bool was_heard; // all, when it was last looked
    int handles;    // that are open
};

// --- what is heard -------------------------------------------------------------------------------

static struct elsewhere_stream *elsewhere_find(const struct pawl_elsewhere *elsewhere,
                                               struct pawl_str id) {
    PAWL_LIST_EACH(struct elsewhere_stream, stream, &elsewhere->streams, link) {
        if (pawl__str_equal(pawl__str(stream->id), id)) return stream;
    }
    return NULL;
}

bool pawl__elsewhere_is_heard(const struct pawl_elsewhere *elsewhere) {
    const struct pawl_node *node = elsewhere->api->options.node;
    for (uint32_t i = 0; i < node->count; i++) {
        if (pawl__partition_serves(&node->partitions[i])) continue;
        const struct pawl_member *holder =
            node->members.at ? pawl__members_holder(&node->members, i) : NULL;
        const struct elsewhere_stream *stream =
            holder ? elsewhere_find(elsewhere, holder->id) : NULL;
        if (!stream || !stream->hears) return false;
    }
    return node->count != 0;
}

// A shard that goes from one daemon to another may be told of by both, on different connections.
static bool elsewhere_is_in_order(struct pawl_elsewhere *elsewhere,
                                  const struct pawl_feed_change *change) {
    uint32_t count = elsewhere->api->options.node->count;
    if (elsewhere->shards < count) {
        uint64_t *positions = realloc(elsewhere->positions, count * sizeof *positions);
        if (!positions) return false;
        memset(positions + elsewhere->shards, 0, (count - elsewhere->shards) * sizeof *positions);
        elsewhere->positions = positions;
        elsewhere->shards = count;
    }
    if (change->shard >= elsewhere->shards) return false;
    if (change->position < elsewhere->positions[change->shard]) return false;
    elsewhere->positions[change->shard] = change->position;
    return true;
}

static void elsewhere_take(struct pawl_elsewhere *elsewhere,
                           const struct pawl_feed_change *change) {
    if (elsewhere_is_in_order(elsewhere, change))
        pawl__feed_put(&elsewhere->all, change);
    else
        pawl__feed_break(&elsewhere->all);
}

static void elsewhere_on_pump(uv_timer_t *timer) {
    struct pawl_elsewhere *elsewhere = timer->data;
    const struct pawl_feed_change *change;
    enum pawl_feed_result result;
    while ((result = pawl__feed_read(elsewhere->api->options.feed, &elsewhere->own, &change)) !=
           PAWL_FEED_NOTHING) {
        if (result == PAWL_FEED_CHANGE)
            elsewhere_take(elsewhere, change);
        else
            pawl__feed_break(&elsewhere->all);
    }
}

static void elsewhere_on_wake(struct pawl_feed_reader *reader) {
    struct pawl_elsewhere *elsewhere = PAWL_CONTAINER(reader, struct pawl_elsewhere, own);
    uv_timer_start(&elsewhere->pump, elsewhere_on_pump, 0, 0);
}

// --- streams -------------------------------------------------------------------------------------

static void stream_on_message(void *arg, struct pawl_str message) {
    struct elsewhere_stream *stream = arg;
    struct pawl_elsewhere *elsewhere = stream->elsewhere;
    struct pawl_arena arena = {0};
    const Peer__Changes *told =
        pawl__wire_unpack(&arena, &peer__changes__descriptor, message, NULL);
    bool begins = !stream->hears;
    stream->hears = true;
    for (size_t i = 0; told && i < told->n_changes; i++) {
        const Peer__Change *one = told->changes[i];
        if (one->what > PAWL_CHANGE_PURGED) continue; // that a later Pawl knows
        const struct pawl_feed_change change = {
            .position = one->position,
            .shard = one->shard,
            .change = (enum pawl_change)one->what,
            .status = one->status,
            .id = pawl__str(one->id),
            .name = pawl__str(one->name),
        };
        elsewhere_take(elsewhere, &change);
    }
    if (begins || !told || told->missed) pawl__feed_break(&elsewhere->all);
    pawl__arena_finish(&arena);
}

static void stream_ended(struct elsewhere_stream *stream, int64_t pause) {
    if (stream->hears) pawl__feed_break(&stream->elsewhere->all);
    stream->hears = false;
    stream->call = NULL;
    stream->again_at = pawl__clock_steady() + pause;
}

static void stream_on_end(void *arg, enum pawl_err code, struct pawl_str text) {
    stream_ended(arg, code == PAWL_E_UNIMPLEMENTED ? ELSEWHERE_OLDER : ELSEWHERE_RETRY);
}

static void stream_begin(struct elsewhere_stream *stream) {
    const struct pawl_api_options *options = &stream->elsewhere->api->options;
    Peer__Watch watch = PEER__WATCH__INIT;
    struct pawl_arena arena = {0};
    watch.app = (char *)options->app_id;
    watch.namespace_ = (char *)options->namespace;
    const struct pawl_grpc_call_options call = {
        .method = PAWL_PEER_WATCH,
        .message = pawl__wire_pack(&arena, &watch.base),
        .on_message = stream_on_message,
        .on_end = stream_on_end,
        .arg = stream,
    };
    struct pawl_grpc_client *client =
        pawl__peer_links_client(options->peers, pawl__str(stream->address));
    if (!client || !call.message.data || pawl__grpc_call(client, &call, &stream->call))
        stream_ended(stream, ELSEWHERE_RETRY);
    pawl__arena_finish(&arena);
}

static void stream_free(struct elsewhere_stream *stream) {
    if (stream->call) pawl__grpc_cancel(stream->call);
    stream_ended(stream, 0);
    pawl__list_remove(&stream->link);
    free(stream);
}

static void elsewhere_free_streams(struct pawl_elsewhere *elsewhere, bool all) {
    PAWL_LIST_EACH_SAFE(struct elsewhere_stream, stream, &elsewhere->streams, link) {
        if (all || !stream->is_member)
            stream_free(stream);
        else
            stream->is_member = false;
    }
}

static struct elsewhere_stream *elsewhere_add(struct pawl_elsewhere *elsewhere,
                                              const struct pawl_member *member) {
    struct elsewhere_stream *stream =
        calloc(1, sizeof *stream + member->id.len + member->address.len + 2);
    if (!stream) return NULL; // the next look tries again
    stream->elsewhere = elsewhere;
    stream->id = (char *)(stream + 1);
    stream->address = stream->id + member->id.len + 1;
    memcpy(stream->id, member->id.data, member->id.len);
    memcpy(stream->address, member->address.data, member->address.len);
    pawl__list_add(&elsewhere->streams, &stream->link);
    return stream;
}

// Begins the streams that are to be, and ends those of daemons that have gone.
static void elsewhere_look(struct pawl_elsewhere *elsewhere) {
    const struct pawl_node *node = elsewhere->api->options.node;
    int64_t now = pawl__clock_steady();
    for (size_t i = 0; i < node->members.count; i++) {
        const struct pawl_member *member = &node->members.list[i];
        if (!member->address.len || pawl__members_is_self(&node->members, member)) continue;
        struct elsewhere_stream *stream = elsewhere_find(elsewhere, member->id);
        if (!stream) stream = elsewhere_add(elsewhere, member);
        if (!stream) continue;
        stream->is_member = true;
        if (!stream->call && now >= stream->again_at) stream_begin(stream);
    }
    elsewhere_free_streams(elsewhere, false);
}

// --- who listens ---------------------------------------------------------------------------------

static void elsewhere_stop(struct pawl_elsewhere *elsewhere) {
    if (!elsewhere->listens) return;
    elsewhere->listens = false;
    uv_timer_stop(&elsewhere->tick);
    uv_timer_stop(&elsewhere->pump);
    pawl__feed_leave(elsewhere->api->options.feed, &elsewhere->own);
    elsewhere_free_streams(elsewhere, true);
}

static void elsewhere_on_tick(uv_timer_t *timer) {
    struct pawl_elsewhere *elsewhere = timer->data;
    const struct pawl_feed *all = &elsewhere->all;
    if (pawl__list_empty(&all->readers) && pawl__clock_steady() - all->left_at > ELSEWHERE_LINGER) {
        elsewhere_stop(elsewhere);
        return;
    }
    elsewhere_look(elsewhere);
    bool heard = pawl__elsewhere_is_heard(elsewhere);
    if (heard != elsewhere->was_heard) pawl__feed_break(&elsewhere->all);
    elsewhere->was_heard = heard;
}

struct pawl_feed *pawl__elsewhere_listen(struct pawl_elsewhere *elsewhere) {
    if (elsewhere->listens || elsewhere->closed) return &elsewhere->all;
    elsewhere->listens = true;
    pawl__feed_break(&elsewhere->all); // who comes back has missed what came meanwhile
    pawl__feed_join(elsewhere->api->options.feed, &elsewhere->own);
    uv_timer_start(&elsewhere->tick, elsewhere_on_tick, ELSEWHERE_TICK, ELSEWHERE_TICK);
    elsewhere->all.left_at = pawl__clock_steady();
    elsewhere_look(elsewhere);
    elsewhere->was_heard = pawl__elsewhere_is_heard(elsewhere);
    return &elsewhere->all;
}

// --- life ----------------------------------------------------------------------------------------

struct pawl_elsewhere *pawl__elsewhere_create(struct pawl_api *api) {
    struct pawl_elsewhere *elsewhere = calloc(1, sizeof *elsewhere);
    if (!elsewhere) return NULL;
    elsewhere->api = api;
    elsewhere->own.wake = elsewhere_on_wake;
    pawl__link_init(&elsewhere->own.link);
    pawl__link_init(&elsewhere->streams);
    if (!pawl__feed_init(&elsewhere->all)) {
        pawl__feed_finish(&elsewhere->all);
        free(elsewhere);
        return NULL;
    }
    uv_timer_init(api->options.loop, &elsewhere->tick);
    uv_timer_init(api->options.loop, &elsewhere->pump);
    elsewhere->tick.data = elsewhere->pump.data = elsewhere;
    return elsewhere;
}

void pawl__elsewhere_close(struct pawl_elsewhere *elsewhere) {
    elsewhere->closed = true;
    elsewhere_stop(elsewhere);
}

static void elsewhere_on_closed(uv_handle_t *handle) {
    struct pawl_elsewhere *elsewhere = handle->data;
    if (--elsewhere->handles) return;
    pawl__feed_finish(&elsewhere->all);
    free(elsewhere->positions);
    free(elsewhere);
}

void pawl__elsewhere_destroy(struct pawl_elsewhere *elsewhere) {
    if (!elsewhere) return;
    pawl__elsewhere_close(elsewhere);
    elsewhere->handles = 2;
    uv_close((uv_handle_t *)&elsewhere->tick, elsewhere_on_closed);
    uv_close((uv_handle_t *)&elsewhere->pump, elsewhere_on_closed);
}
