#ifndef PAWL_STORE_QUERY_H
#define PAWL_STORE_QUERY_H

// What struct pawl_query means, for rows that are in memory: here, and in the runtime.

#include "store/store.h"

// Whether |row| passes the filters of |query|, and comes after its place.
bool pawl__query_match(const struct pawl_query *query, const struct pawl_snapshot *row);

// Whether a row's name and status alone say if it passes the filters of |query|.
bool pawl__query_is_of_kinds(const struct pawl_query *query);

// Takes those of |rows| out that |query| leaves out. False when memory is out.
bool pawl__query_leave_out(const struct pawl_query *query, struct pawl_snapshot *rows,
                           size_t *count);

// Less than 0, 0, or more, as |a| comes before, is, or comes after |b| in the order of |query|. Of
// the rows only ids and times of creation are looked at.
int pawl__query_compare(enum pawl_order order, const struct pawl_snapshot *a,
                        const struct pawl_snapshot *b);

#endif
