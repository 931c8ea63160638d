#ifndef PAWL_BASE_QUOTE_H
#define PAWL_BASE_QUOTE_H

#include "base/buf.h"

// Appends |text| as a string of JSON, in its quotes. What is not UTF-8 in it becomes U+FFFD. False
// when memory is out.
bool pawl__buf_quote(struct pawl_buf *buf, struct pawl_str text);

#endif
