#ifndef PAWL_BASE_BASE64_H
#define PAWL_BASE_BASE64_H

// base64 as in RFC 4648, section 4.

#include "base/buf.h"

// Appends |data| in base64, without padding. False: memory is out.
bool pawl__base64_encode(struct pawl_buf *out, struct pawl_str data);

// The same with padding, which some readers want.
bool pawl__base64_encode_padded(struct pawl_buf *out, struct pawl_str data);

// Appends the bytes that |text| stands for; padding may be absent, and the letters may be those
// that are safe in URLs (section 5). False when it is malformed or memory is out.
bool pawl__base64_decode(struct pawl_buf *out, struct pawl_str text);

#endif
