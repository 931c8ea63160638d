#ifndef PAWL_STORE_QUERY_H
#define PAWL_STORE_QUERY_H

// What struct pawl_query means, for rows that are in memory: here, and in the runtime.

#include "store/store.h"

// Whether |row| passes the filters of |query|, and comes after its place.
bool pawl__query_match(const struct pawl_query *query, const struct pawl_snapshot *row);

// Whether a row's name and status alone say if it passes the filters of |query|.
bool pawl__query_is_of_kinds(const struct pawl_query *query);

// Whether |query| leaves anything out, wherever it begins.
bool pawl__query_has_filter(const struct pawl_query *query);

// The place behind which |query| begins: its own, or that in front of the time which it asks for.
// False: it begins with all.
bool pawl__query_from(const struct pawl_query *query, int64_t *created_at, struct pawl_str *id);

// Whether all that |query| asks for stands in front of the place at which its scan has stopped.
bool pawl__query_ends_before(const struct pawl_query *query);

// Less than 0, 0, or more, as |a| comes before, is, or comes after |b| in the order of |query|. Of
// the rows only ids and times of creation are looked at.
int pawl__query_compare(enum pawl_order order, const struct pawl_snapshot *a,
                        const struct pawl_snapshot *b);

// Appends the least text that is more than all with |prefix|; nothing when there is none. False
// when memory is out.
bool pawl__query_after_prefix(struct pawl_buf *out, struct pawl_str prefix);

#endif
