#ifndef PAWL_WIRE_COLUMNS_H
#define PAWL_WIRE_COLUMNS_H

// The columns of a snapshot that stand in its events.

#include "base/arena.h"
#include "base/buf.h"
#include "wire/rows.h"

// Fills |row|'s parent, tags and failure_type from two encoded HistoryEvents: the one that started
// the instance, and the one that completed it (no bytes: it has not). They are views of the events,
// but for the tags, which are in |arena|. What cannot be read is left empty. False when memory is
// out.
bool pawl__columns_fill(struct pawl_arena *arena, struct pawl_str start, struct pawl_str completed,
                        struct pawl_snapshot *row);

// The same, and custom_status, from |row|'s state and its whole history: for rows that were written
// before they had these columns.
bool pawl__columns_derive(struct pawl_arena *arena, struct pawl_snapshot *row);

// Appends a tag to a row's tags (rows.h tells how they are written).
bool pawl__tags_add(struct pawl_buf *tags, struct pawl_str key, struct pawl_str value);

// Steps through a row's tags: start with |*at| = 0. |key| and |value| are terminated copies in
// |arena|. False at the end, and when memory is out.
bool pawl__tags_next(struct pawl_arena *arena, struct pawl_str tags, size_t *at,
                     struct pawl_str *key, struct pawl_str *value);

// What a row's tags contain if one is |key| with |value|; with any value, when |value| has no data.
bool pawl__tags_part(struct pawl_buf *out, struct pawl_str key, struct pawl_str value);

#endif
