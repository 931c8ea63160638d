#ifndef PAWL_BASE_NAME_H
#define PAWL_BASE_NAME_H

// What is wrong with |name|, which goes into events, keys, log lines and paths, such as the ID of
// an app: a clause like "is too long: it may have 255 bytes". NULL: nothing.
const char *pawl__name_flaw(const char *name);

#endif
