#ifndef PAWL_STORE_MEMORY_TABLE_H
#define PAWL_STORE_MEMORY_TABLE_H

// Tables in memory whose changes can be undone: what the memory store has for transactions.
//
// A node never changes while it is in a table: a change puts a new node in the old one's place,
// and the journal remembers both. Undoing puts the old one back, and that needs no memory.

#include "base/err.h"
#include "base/hash.h"
#include "base/tree.h"

struct pawl_memory_node {
    struct pawl_memory_node *next;
    struct pawl_str key; // inside the node's own memory, which is one block from malloc
    uint64_t hash;
    int64_t number; // what ordered tables are in the order of; ties by |key|
    struct pawl_tree_node place;
};

struct pawl_memory_table {
    struct pawl_memory_node **slots;
    size_t cap, count;
    struct pawl_hash_seed seed;
    bool is_ordered;
    struct pawl_tree order; // if it is
};

struct pawl_memory_journal {
    struct pawl_memory_change *changes;
    size_t count, cap;
};

struct pawl_memory_change {
    struct pawl_memory_table *table;
    struct pawl_memory_node *added, *removed; // either may be NULL
};

bool pawl__memory_table_init(struct pawl_memory_table *table, bool is_ordered);
void pawl__memory_table_finish(struct pawl_memory_table *table); // frees the nodes

struct pawl_memory_node *pawl__memory_find(const struct pawl_memory_table *table,
                                           struct pawl_str key);

// Iterates: start with |*at| = 0 and NULL, give the last node then; NULL at the end.
struct pawl_memory_node *pawl__memory_next(const struct pawl_memory_table *table, size_t *at,
                                           struct pawl_memory_node *node);

// The first node of an ordered table behind a place, or of all; |backward|: the last one in front
// of it, or of all; and the one after |node|. NULL: there is none.
struct pawl_memory_node *pawl__memory_from(const struct pawl_memory_table *table, int64_t number,
                                           struct pawl_str key, bool backward);
struct pawl_memory_node *pawl__memory_end(const struct pawl_memory_table *table, bool backward);
struct pawl_memory_node *pawl__memory_after(const struct pawl_memory_node *node, bool backward);

// Puts |node| (with its key, and number, set), which the table then owns, in the place of the node
// with its key; or removes the node of |key|. False when memory is out, and then nothing has
// changed.
bool pawl__memory_put(struct pawl_memory_journal *journal, struct pawl_memory_table *table,
                      struct pawl_memory_node *node);
bool pawl__memory_remove(struct pawl_memory_journal *journal, struct pawl_memory_table *table,
                         struct pawl_str key);

// Undoes the changes after the first |count|.
void pawl__memory_undo(struct pawl_memory_journal *journal, size_t count);

// Makes all changes final and frees the journal's memory.
void pawl__memory_keep(struct pawl_memory_journal *journal);

#endif
