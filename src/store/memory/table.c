#include "store/memory/table.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/list.h"

#define TABLE_MIN 64

bool pawl__memory_table_init(struct pawl_memory_table *table, bool is_ordered) {
    *table = (struct pawl_memory_table){.slots = calloc(TABLE_MIN, sizeof *table->slots),
                                        .cap = TABLE_MIN,
                                        .seed = pawl__hash_seed(),
                                        .is_ordered = is_ordered};
    return table->slots;
}

void pawl__memory_table_finish(struct pawl_memory_table *table) {
    for (size_t i = 0; table->slots && i < table->cap; i++) {
        for (struct pawl_memory_node *node = table->slots[i], *next; node; node = next) {
            next = node->next;
            free(node);
        }
    }
    free(table->slots);
    *table = (struct pawl_memory_table){0};
}

static struct pawl_memory_node **table_slot(const struct pawl_memory_table *table, uint64_t hash) {
    return &table->slots[hash & (table->cap - 1)];
}

struct pawl_memory_node *pawl__memory_find(const struct pawl_memory_table *table,
                                           struct pawl_str key) {
    struct pawl_memory_node *node = *table_slot(table, pawl__hash(&table->seed, key));
    while (node && !pawl__str_equal(node->key, key)) node = node->next;
    return node;
}

struct pawl_memory_node *pawl__memory_next(const struct pawl_memory_table *table, size_t *at,
                                           struct pawl_memory_node *node) {
    if (node && node->next) return node->next;
    while (*at < table->cap) {
        node = table->slots[(*at)++];
        if (node) return node;
    }
    return NULL;
}

static struct pawl_memory_node *table_node(struct pawl_tree_node *place) {
    return place ? PAWL_CONTAINER(place, struct pawl_memory_node, place) : NULL;
}

struct pawl_memory_node *pawl__memory_from(const struct pawl_memory_table *table, int64_t number,
                                           struct pawl_str key, bool backward) {
    return table_node(pawl__tree_from(&table->order, number, key, backward));
}

struct pawl_memory_node *pawl__memory_end(const struct pawl_memory_table *table, bool backward) {
    return table_node(pawl__tree_end(&table->order, backward));
}

struct pawl_memory_node *pawl__memory_after(const struct pawl_memory_node *node, bool backward) {
    return table_node(pawl__tree_next(&node->place, backward));
}

static void table_hang(struct pawl_memory_table *table, struct pawl_memory_node *node) {
    struct pawl_memory_node **slot = table_slot(table, node->hash);
    node->next = *slot;
    *slot = node;
}

static void table_link(struct pawl_memory_table *table, struct pawl_memory_node *node) {
    table_hang(table, node);
    if (table->is_ordered) pawl__tree_add(&table->order, &node->place, node->number, node->key);
    table->count++;
}

static void table_unlink(struct pawl_memory_table *table, struct pawl_memory_node *node) {
    struct pawl_memory_node **at = table_slot(table, node->hash);
    while (*at != node) at = &(*at)->next;
    *at = node->next;
    if (table->is_ordered) pawl__tree_remove(&table->order, &node->place);
    table->count--;
}

// Without memory for more slots the table works on, with longer chains.
static void table_grow(struct pawl_memory_table *table) {
    size_t cap = 2 * table->cap;
    struct pawl_memory_node **slots = calloc(cap, sizeof *slots);
    if (!slots) return;
    struct pawl_memory_table bigger = *table;
    bigger.slots = slots;
    bigger.cap = cap;
    for (size_t i = 0; i < table->cap; i++) {
        for (struct pawl_memory_node *node = table->slots[i], *next; node; node = next) {
            next = node->next;
            table_hang(&bigger, node);
        }
    }
    free(table->slots);
    *table = bigger;
}

static struct pawl_memory_change *table_note(struct pawl_memory_journal *journal) {
    if (!pawl__array_room((void **)&journal->changes, journal->count, &journal->cap,
                          sizeof *journal->changes))
        return NULL;
    return &journal->changes[journal->count];
}

bool pawl__memory_put(struct pawl_memory_journal *journal, struct pawl_memory_table *table,
                      struct pawl_memory_node *node) {
    struct pawl_memory_change *change = table_note(journal);
    if (!change) return false;
    node->hash = pawl__hash(&table->seed, node->key);
    *change = (struct pawl_memory_change){table, node, pawl__memory_find(table, node->key)};
    journal->count++;
    if (change->removed) table_unlink(table, change->removed);
    if (table->count >= table->cap) table_grow(table);
    table_link(table, node);
    return true;
}

bool pawl__memory_remove(struct pawl_memory_journal *journal, struct pawl_memory_table *table,
                         struct pawl_str key) {
    struct pawl_memory_node *node = pawl__memory_find(table, key);
    if (!node) return true;
    struct pawl_memory_change *change = table_note(journal);
    if (!change) return false;
    *change = (struct pawl_memory_change){table, NULL, node};
    journal->count++;
    table_unlink(table, node);
    return true;
}

void pawl__memory_undo(struct pawl_memory_journal *journal, size_t count) {
    while (journal->count > count) {
        struct pawl_memory_change *change = &journal->changes[--journal->count];
        if (change->added) table_unlink(change->table, change->added);
        if (change->removed) table_link(change->table, change->removed);
        free(change->added);
    }
}

void pawl__memory_keep(struct pawl_memory_journal *journal) {
    for (size_t i = 0; i < journal->count; i++) free(journal->changes[i].removed);
    free(journal->changes);
    *journal = (struct pawl_memory_journal){0};
}
