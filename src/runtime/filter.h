#ifndef PAWL_RUNTIME_FILTER_H
#define PAWL_RUNTIME_FILTER_H

// Filters of instances as people write them: in pawl.h, /pawl/v1 and the dashboard.
//
//   a1b2                        ids that begin so
//   id:"order 7"                the same, for what has spaces
//   status:failed,stalled       one of them
//   name:order_processor        of the workflow
//   parent:ID                   children of it
//   failure:Timeout             type of the error with which it failed
//   says:packing                a part of the custom status
//   wait:event                  waits for an event; also activity, retry, timer, child, and
//   wait:event:approval         worker: for one that is not connected. With a name, only for that
//   tag.team:blue  tag.team:    a tag with this value, with any
//   age<1h  age>2d              created since, before
//   ended<10m  ended>1h         ended since, before
//
// Terms stand between spaces, and all have to hold; there is one tag at most. An age is a number
// and s, m, h or d, or a time such as 2030-01-02T15:04:05Z.

#include "store/store.h"

// Reads |text| into the filters of |out|, whose order and place stay as they are; copies are in
// |arena|. PAWL_E_INVALID with the term that is wrong and what was expected; PAWL_E_NOMEM.
enum pawl_err pawl__filter_parse(struct pawl_str text, int64_t now, struct pawl_arena *arena,
                                 struct pawl_query *out, struct pawl_error *error);

// Whether the key of a term, and so that of a tag, may have |one|.
bool pawl__filter_is_key(char one);

#endif
