#ifndef PAWL_CLI_ADDRESS_H
#define PAWL_CLI_ADDRESS_H

// Lists of addresses to listen on, as in --dapr-listen-addresses: "[::1], 127.0.0.1".

#include <stdbool.h>
#include <stddef.h>

enum {
    PAWL_ADDRESSES = 16,
    PAWL_ADDRESS_TEXT = 64, // bytes of one, its end included
};

struct pawl_addresses {
    char items[PAWL_ADDRESSES][PAWL_ADDRESS_TEXT];
    size_t count;
};

// Reads a list with commas, in which blanks, brackets and empty places mean nothing; an empty list
// is 127.0.0.1. Those that listen everywhere come first. False: there are too many, or one is too
// long to be an address.
bool pawl__addresses_parse(const char *text, struct pawl_addresses *out);

// Whether who listens on |listened| gets what is sent to |address| as well.
bool pawl__address_covers(const char *listened, const char *address);

// Whether only this machine reaches who listens on |address|.
bool pawl__address_is_local(const char *address);

// Where this machine reaches who listens on |address| ("": everywhere): 127.0.0.1 for everywhere.
const char *pawl__address_host(const char *address);

// Fills |out|, of |size| bytes, with that and |port|: "host:port".
void pawl__address_target(const char *address, int port, char *out, size_t size);

// Where a client on this machine finds who listens on |list|: at a loopback or, if there is none,
// an IPv4 address, as the machine may not have all that are listed.
void pawl__addresses_local(const char *list, char out[PAWL_ADDRESS_TEXT]);

#endif
