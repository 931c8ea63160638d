#ifndef PAWL_BASE_TREE_H
#define PAWL_BASE_TREE_H

#include "base/str.h"

// A set of nodes in the order of a number, ties by the bytes of a text. Nodes live inside what they
// stand for: adding and removing cannot fail. Zero-initialised it is empty and ready.
//
// It is a treap: a search tree by key that is a heap by a random rank, so that nobody can choose
// keys that make it deep. What comes behind all others, as most things do that are ordered by time,
// is put there without a search.
struct pawl_tree {
    struct pawl_tree_node *root, *last;
    uint64_t random;
};

struct pawl_tree_node {
    struct pawl_tree_node *parent, *left, *right;
    int64_t number;
    struct pawl_str text; // its bytes are somebody else's, for as long as the node is in a tree
    uint64_t rank;        // 0: it is in no tree
};

// Adds |node|, which is in no tree.
void pawl__tree_add(struct pawl_tree *tree, struct pawl_tree_node *node, int64_t number,
                    struct pawl_str text);

// Removes |node|; does nothing when it is in no tree.
void pawl__tree_remove(struct pawl_tree *tree, struct pawl_tree_node *node);

// The first node behind a place in the order, |backward|: the last one in front of it. NULL: there
// is none. A node at the place itself is passed over.
struct pawl_tree_node *pawl__tree_from(const struct pawl_tree *tree, int64_t number,
                                       struct pawl_str text, bool backward);

// The first node, |backward|: the last one; NULL: there is none.
struct pawl_tree_node *pawl__tree_end(const struct pawl_tree *tree, bool backward);

// The node behind |node|, |backward|: in front of it; NULL: there is none.
struct pawl_tree_node *pawl__tree_next(const struct pawl_tree_node *node, bool backward);

#endif
