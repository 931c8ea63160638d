#include "base/tree.h"

#include "base/hash.h"

static uint64_t tree_rank(struct pawl_tree *tree) {
    if (!tree->random) tree->random = pawl__hash_seed().point | 1;
    tree->random ^= tree->random << 13; // Marsaglia's xorshift, which is never 0
    tree->random ^= tree->random >> 7;
    tree->random ^= tree->random << 17;
    return tree->random;
}

// Less than 0, 0, or more, as |node| stands in front of the place, at it, or behind it.
static int tree_compare(const struct pawl_tree_node *node, int64_t number, struct pawl_str text) {
    if (node->number != number) return node->number < number ? -1 : 1;
    return pawl__str_compare(node->text, text);
}

static struct pawl_tree_node **tree_place(struct pawl_tree *tree,
                                          const struct pawl_tree_node *node) {
    if (!node->parent) return &tree->root;
    return node->parent->left == node ? &node->parent->left : &node->parent->right;
}

// Puts |node| in the place of its parent, which becomes its child.
static void tree_lift(struct pawl_tree *tree, struct pawl_tree_node *node) {
    struct pawl_tree_node *parent = node->parent;
    bool left = parent->left == node;
    struct pawl_tree_node **middle = left ? &node->right : &node->left;
    *tree_place(tree, parent) = node;
    node->parent = parent->parent;
    *(left ? &parent->left : &parent->right) = *middle;
    if (*middle) (*middle)->parent = parent;
    *middle = parent;
    parent->parent = node;
}

void pawl__tree_add(struct pawl_tree *tree, struct pawl_tree_node *node, int64_t number,
                    struct pawl_str text) {
    *node = (struct pawl_tree_node){.number = number, .text = text, .rank = tree_rank(tree)};
    struct pawl_tree_node **at = &tree->root;
    bool is_last = !tree->last || tree_compare(tree->last, number, text) <= 0;
    if (tree->last && is_last) {
        node->parent = tree->last;
        at = &tree->last->right;
    }
    while (*at) {
        node->parent = *at;
        at = tree_compare(*at, number, text) > 0 ? &(*at)->left : &(*at)->right;
    }
    *at = node;
    if (is_last) tree->last = node;
    while (node->parent && node->parent->rank < node->rank) tree_lift(tree, node);
}

void pawl__tree_remove(struct pawl_tree *tree, struct pawl_tree_node *node) {
    if (!node->rank) return;
    if (tree->last == node) tree->last = pawl__tree_next(node, true);
    while (node->left && node->right)
        tree_lift(tree, node->left->rank > node->right->rank ? node->left : node->right);
    struct pawl_tree_node *child = node->left ? node->left : node->right;
    *tree_place(tree, node) = child;
    if (child) child->parent = node->parent;
    node->rank = 0;
}

struct pawl_tree_node *pawl__tree_from(const struct pawl_tree *tree, int64_t number,
                                       struct pawl_str text, bool backward) {
    struct pawl_tree_node *found = NULL;
    for (struct pawl_tree_node *node = tree->root; node;) {
        int order = tree_compare(node, number, text);
        bool fits = backward ? order < 0 : order > 0;
        if (fits) found = node;
        node = fits == backward ? node->right : node->left;
    }
    return found;
}

struct pawl_tree_node *pawl__tree_end(const struct pawl_tree *tree, bool backward) {
    struct pawl_tree_node *node = tree->root;
    if (backward) return tree->last;
    while (node && node->left) node = node->left;
    return node;
}

struct pawl_tree_node *pawl__tree_next(const struct pawl_tree_node *node, bool backward) {
    struct pawl_tree_node *next = backward ? node->left : node->right;
    if (next) {
        for (struct pawl_tree_node *deeper; (deeper = backward ? next->right : next->left);)
            next = deeper;
        return next;
    }
    while (node->parent && node == (backward ? node->parent->left : node->parent->right))
        node = node->parent;
    return node->parent;
}
