#ifndef PAWL_API_FIGURES_H
#define PAWL_API_FIGURES_H

// Answers that are of all loops: each loop adds what it has, in a round (siblings.h).

#include "api/internal.h"
#include "runtime/siblings.h"

struct pawl_figures {
    struct pawl_round round;
    struct pawl_api *api;         // of the loop that was asked
    struct pawl_request *request; // NULL: nobody waits for it any more
    json_t *body;                 // of the loops that it has been to; NULL: memory was out
    json_t *(*make)(struct pawl_figures *figures, struct pawl_api *api); // what one loop has
    bool (*merge)(json_t *into, const json_t *from);                     // false: memory is out
    // Answers with |body| and frees it; NULL: as JSON, with the time.
    void (*answer)(struct pawl_api *api, struct pawl_request *request, json_t *body);
    uint32_t from; // of the question
};

// Answers |request|, at once where there is one loop. |figures| has |make|, |merge|, and what the
// question needs of |answer| and |from|.
void pawl__figures_begin(struct pawl_api *api, struct pawl_request *request,
                         const struct pawl_figures *figures);

// Adds what this loop has to |round|, a struct pawl_figures.
void pawl__figures_visit(struct pawl_api *api, struct pawl_round *round);

// For |merge|: puts the sum, or the higher one, of two objects' numbers into the first. False:
// memory is out.
bool pawl__figures_add(json_t *into, const json_t *from, const char *const *keys, size_t count);
bool pawl__figures_raise(json_t *into, const json_t *from, const char *key);

#endif
