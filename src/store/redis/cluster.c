#include "store/redis/cluster.h"

#include <stdlib.h>
#include <strings.h>

// --- slots --------------------------------------------------------------------------------------

// CRC-16 with the polynomial 0x1021 and nothing inverted, as the cluster specification says.
static unsigned cluster_crc(struct pawl_str text) {
    unsigned crc = 0;
    for (size_t i = 0; i < text.len; i++) {
        crc ^= (unsigned)(unsigned char)text.data[i] << 8;
        for (int bit = 0; bit < 8; bit++) crc = crc << 1 ^ (crc & 0x8000 ? 0x1021 : 0);
        crc &= 0xffff;
    }
    return crc;
}

unsigned pawl__redis_slot(struct pawl_str key) {
    const char *open = key.len ? memchr(key.data, '{', key.len) : NULL;
    size_t left = open ? key.len - (size_t)(open - key.data) : 0;
    const char *close = open ? memchr(open, '}', left) : NULL;
    if (close && close > open + 1) key = (struct pawl_str){open + 1, (size_t)(close - open) - 1};
    return cluster_crc(key) % PAWL_REDIS_SLOTS;
}

struct pawl_redis_cluster *pawl__redis_cluster_create(struct pawl_str prefix) {
    struct pawl_redis_cluster *cluster = calloc(1, sizeof *cluster);
    if (!cluster) return NULL;
    pthread_mutex_init(&cluster->lock, NULL);
    memset(cluster->owner, UINT8_MAX, sizeof cluster->owner);
    cluster->home = pawl__redis_slot(prefix);
    return cluster;
}

void pawl__redis_cluster_destroy(struct pawl_redis_cluster *cluster) {
    if (!cluster) return;
    for (int i = 0; i < PAWL_REDIS_NODES; i++) {
        pawl__redis_drop(&cluster->writers[i]);
        pawl__redis_drop(&cluster->readers[i]);
    }
    pthread_mutex_destroy(&cluster->lock);
    free(cluster);
}

// --- the map ------------------------------------------------------------------------------------

struct cluster_map {
    struct pawl_redis_address nodes[PAWL_REDIS_NODES];
    size_t count;
    uint8_t owner[PAWL_REDIS_SLOTS];
};

// The index of a node that is there or is added; UINT8_MAX: there is no room.
static uint8_t cluster_add(struct pawl_redis_address *nodes, size_t *count, struct pawl_str host,
                           int64_t port, const struct pawl_redis_address *from) {
    struct pawl_redis_address at = {.port = (int)port};
    if (host.len && host.len < sizeof at.host)
        memcpy(at.host, host.data, host.len);
    else
        memcpy(at.host, from->host, sizeof at.host); // a node that does not know its own address
    for (size_t i = 0; i < *count; i++)
        if (pawl__redis_same_place(&nodes[i], &at)) return (uint8_t)i;
    if (*count == PAWL_REDIS_NODES) return UINT8_MAX;
    nodes[*count] = at;
    return (uint8_t)(*count)++;
}

// One range: first slot, last slot, its master, its replicas; a node is a host, a port and more.
static bool cluster_take_range(struct cluster_map *map, const redisReply *range,
                               const struct pawl_redis_address *from) {
    if (range->type != REDIS_REPLY_ARRAY || range->elements < 3) return false;
    uint64_t first = pawl__redis_uint(range->element[0]);
    uint64_t last = pawl__redis_uint(range->element[1]);
    if (last >= PAWL_REDIS_SLOTS || first > last) return false;
    for (size_t i = 2; i < range->elements; i++) {
        const redisReply *node = range->element[i];
        if (node->type != REDIS_REPLY_ARRAY || node->elements < 2) return false;
        uint8_t index = cluster_add(map->nodes, &map->count, pawl__redis_str(node->element[0]),
                                    (int64_t)pawl__redis_uint(node->element[1]), from);
        if (i == 2) memset(map->owner + first, index, last - first + 1);
    }
    return true;
}

// Asks one node for the map.
static enum pawl_err cluster_ask(struct pawl_redis *store, const struct pawl_redis_address *node,
                                 struct cluster_map *map, struct pawl_error *error) {
    const char *words[] = {"CLUSTER", "SLOTS"};
    struct pawl_redis_link link = {0};
    enum pawl_err err = pawl__redis_dial(store, &link, node, false, error);
    if (err) return err;
    redisReply *reply = pawl__redis_call_link(&link, 2, words, NULL);
    if (!reply) {
        err = pawl__fail(error, PAWL_E_UNAVAILABLE, "%s does not answer: %s", link.name, link.why);
    } else if (reply->type == REDIS_REPLY_ERROR) {
        err = pawl__redis_fail(&link, reply, error);
        if (strcasestr(reply->str, "cluster support disabled"))
            err = pawl__fail(error, PAWL_E_INVALID,
                             "%s is not part of a cluster; leave redisType out", link.name);
    } else {
        map->count = 0;
        memset(map->owner, UINT8_MAX, sizeof map->owner);
        bool good = reply->type == REDIS_REPLY_ARRAY;
        for (size_t i = 0; good && i < reply->elements; i++)
            good = cluster_take_range(map, reply->element[i], node);
        if (!good) err = pawl__fail(error, PAWL_E_IO, "%s tells no slots", link.name);
    }
    if (reply) freeReplyObject(reply);
    pawl__redis_drop(&link);
    return err;
}

// Asks all nodes that are known, then those of the component, until one answers.
static enum pawl_err cluster_refresh(struct pawl_redis *store, struct pawl_error *error) {
    struct pawl_redis_cluster *cluster = store->cluster;
    struct cluster_map *map = malloc(sizeof *map);
    struct pawl_redis_address nodes[PAWL_REDIS_NODES + PAWL_REDIS_SEEDS];
    if (!map) return pawl__fail_plain(error, PAWL_E_NOMEM);
    pthread_mutex_lock(&cluster->lock);
    size_t count = cluster->node_count;
    memcpy(nodes, cluster->nodes, count * sizeof *nodes);
    pthread_mutex_unlock(&cluster->lock);
    memcpy(nodes + count, store->seeds, store->seed_count * sizeof *nodes);
    count += store->seed_count;
    enum pawl_err err = PAWL_E_UNAVAILABLE;
    for (size_t i = 0; err == PAWL_E_UNAVAILABLE && i < count; i++)
        err = cluster_ask(store, &nodes[i], map, error);
    if (!err) {
        pthread_mutex_lock(&cluster->lock);
        memcpy(cluster->nodes, map->nodes, sizeof map->nodes);
        memcpy(cluster->owner, map->owner, sizeof map->owner);
        cluster->node_count = map->count;
        cluster->stale = false;
        pthread_mutex_unlock(&cluster->lock);
    }
    free(map);
    return err;
}

static bool cluster_look(struct pawl_redis_cluster *cluster, unsigned slot, bool even_stale,
                         struct pawl_redis_address *at) {
    pthread_mutex_lock(&cluster->lock);
    uint8_t index = cluster->owner[slot];
    bool known = index != UINT8_MAX && (even_stale || !cluster->stale);
    if (known) *at = cluster->nodes[index];
    pthread_mutex_unlock(&cluster->lock);
    return known;
}

enum pawl_err pawl__redis_cluster_find(struct pawl_redis *store, unsigned slot,
                                       struct pawl_redis_address *at, struct pawl_error *error) {
    if (cluster_look(store->cluster, slot, false, at)) return PAWL_OK;
    enum pawl_err err = cluster_refresh(store, error);
    if (err) return err;
    if (cluster_look(store->cluster, slot, true, at)) return PAWL_OK;
    return pawl__fail(error, PAWL_E_UNAVAILABLE, "%s: no node has slot %u", store->name, slot);
}

void pawl__redis_cluster_doubt(struct pawl_redis_cluster *cluster) {
    pthread_mutex_lock(&cluster->lock);
    cluster->stale = true;
    pthread_mutex_unlock(&cluster->lock);
}

void pawl__redis_cluster_moved(struct pawl_redis_cluster *cluster, struct pawl_str text,
                               const struct pawl_redis_address *from) {
    int64_t slot, port;
    pawl__str_cut(&text, ' ');
    struct pawl_str number = pawl__str_cut(&text, ' ');
    size_t colon = text.len;
    while (colon && text.data[colon - 1] != ':') colon--;
    bool good = pawl__str_to_int(number, 0, PAWL_REDIS_SLOTS - 1, &slot) && colon &&
                pawl__str_to_int((struct pawl_str){text.data + colon, text.len - colon}, 1,
                                 UINT16_MAX, &port);
    if (!good) return;
    pthread_mutex_lock(&cluster->lock);
    cluster->owner[slot] = cluster_add(cluster->nodes, &cluster->node_count,
                                       (struct pawl_str){text.data, colon - 1}, port, from);
    pthread_mutex_unlock(&cluster->lock);
}

struct pawl_redis_link *pawl__redis_cluster_link(struct pawl_redis_cluster *cluster,
                                                 struct pawl_str key, bool writes) {
    unsigned slot = pawl__redis_slot(key);
    pthread_mutex_lock(&cluster->lock);
    uint8_t index = cluster->owner[slot];
    pthread_mutex_unlock(&cluster->lock);
    if (index == UINT8_MAX) index = 0; // it is looked for when the link connects
    struct pawl_redis_link *link = writes ? &cluster->writers[index] : &cluster->readers[index];
    link->slot = slot;
    return link;
}
