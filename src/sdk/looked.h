#ifndef PAWL_SDK_LOOKED_H
#define PAWL_SDK_LOOKED_H

// pawl_list and pawl_count for callers who tell how far they are.

#include <pawl.h>

// Instances that were looked at for |page|, at least: few of them may be on it.
uint64_t pawl__page_looked(const struct pawl_page *page);

// |looked|: instances that were looked at so far, at least. |found|: how many of them fit.
typedef void (*pawl_count_tell_fn)(void *arg, uint64_t found, uint64_t looked);

// As pawl_count. |tell| is called after each part of a count that has several; NULL: it is not.
enum pawl_err pawl__count(struct pawl *pawl, const char *filter, pawl_count_tell_fn tell, void *arg,
                          struct pawl_count **counts, size_t *len);

#endif
