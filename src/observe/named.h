#ifndef PAWL_OBSERVE_NAMED_H
#define PAWL_OBSERVE_NAMED_H

// A bounded set of items by name, one for each name that is counted. Names come from outside: a
// series for each of them could fill the memory of this process and of Prometheus. Names beyond the
// bound share the item "other".

#include "base/list.h"
#include "base/map.h"

enum {
    PAWL_NAMED_TEXT = 256 // bytes of a name that are told
};

// The owner's struct has it as its first member.
struct pawl_named {
    struct pawl_link link;
    struct pawl_str name;
};

struct pawl_named_set {
    struct pawl_link list; // in the order in which they came
    struct pawl_map by_name;
    struct pawl_named *last;  // that was asked for, and is in it; NULL: none
    size_t count, most, size; // size: bytes of the owner's struct
    void (*init)(void *item, void *arg);
    void *arg;
    struct pawl_named *other; // in the list once it is used
};

// |init| (may be NULL) is called with each new item, which is zeroed, and |arg|. False when memory
// is out.
bool pawl__named_init(struct pawl_named_set *names, size_t size, size_t most,
                      void (*init)(void *item, void *arg), void *arg);
void pawl__named_finish(struct pawl_named_set *names);

// The item of |name|; that of "other" beyond the bound and when memory is out.
void *pawl__named_get(struct pawl_named_set *names, struct pawl_str name);

#endif
