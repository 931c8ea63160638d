#ifndef PAWL_RUNTIME_WAITING_H
#define PAWL_RUNTIME_WAITING_H

// Work whose workers are all busy, grouped by its name and by how large messages its workers have
// to take. To look whether one has room again costs as much as there are groups, not as there is
// work.

#include "base/list.h"
#include "runtime/queue.h"

struct pawl_waiting {
    struct pawl_link names;  // struct pawl_waiting_name, none of them empty
    struct pawl_map by_name; // of those that any worker of the name may have
};

struct pawl_waiting_name {
    struct pawl_link link;
    struct pawl_queue queue;
    size_t message; // bytes; 0: any worker of the name may have it
    struct pawl_str name;
    char name_bytes[];
};

void pawl__waiting_init(struct pawl_waiting *waiting);

// Gives back what waits, and leaves an empty one.
void pawl__waiting_finish(struct pawl_waiting *waiting);

// The work of |name| for messages of |message| bytes; NULL: none waits.
struct pawl_waiting_name *pawl__waiting_find(const struct pawl_waiting *waiting,
                                             struct pawl_str name, size_t message);

// False when memory is out.
bool pawl__waiting_add(struct pawl_waiting *waiting, struct pawl_str name, size_t message,
                       struct pawl_work work);

// Forgets |name| if nothing of it waits any more.
void pawl__waiting_tidy(struct pawl_waiting *waiting, struct pawl_waiting_name *name);

// Gives back all that is of |home|.
void pawl__waiting_forget(struct pawl_waiting *waiting, const struct pawl_residency *home);

// Moves all that waits to the end of |queue|. False when memory is out; the rest waits on.
bool pawl__waiting_move(struct pawl_waiting *waiting, struct pawl_queue *queue);

#endif
