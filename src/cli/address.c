#include "cli/address.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

static const char address_any6[] = "::", address_any4[] = "0.0.0.0";

static struct pawl_str address_trim(struct pawl_str text) {
    while (text.len && (*text.data == ' ' || *text.data == '\t')) text.data++, text.len--;
    while (text.len && strchr(" \t", text.data[text.len - 1])) text.len--;
    if (text.len >= 2 && *text.data == '[' && text.data[text.len - 1] == ']')
        return (struct pawl_str){text.data + 1, text.len - 2};
    return text;
}

// The place of an address in the list: one that takes all that comes to a port has to come before
// the others, which then have no need to listen.
static int address_rank(const char *address) {
    return strcmp(address, address_any6) == 0 ? 0 : strcmp(address, address_any4) == 0 ? 1 : 2;
}

static void address_add(struct pawl_addresses *out, struct pawl_str one) {
    char text[PAWL_ADDRESS_TEXT];
    memcpy(text, one.data, one.len);
    text[one.len] = 0;
    size_t at = out->count++;
    for (; at && address_rank(out->items[at - 1]) > address_rank(text); at--)
        memcpy(out->items[at], out->items[at - 1], PAWL_ADDRESS_TEXT);
    memcpy(out->items[at], text, one.len + 1);
}

bool pawl__addresses_parse(const char *text, struct pawl_addresses *out) {
    struct pawl_str rest = pawl__str(text);
    out->count = 0;
    while (rest.data) {
        struct pawl_str one = address_trim(pawl__str_cut(&rest, ','));
        if (!one.len) continue;
        if (out->count == PAWL_ADDRESSES || one.len >= PAWL_ADDRESS_TEXT) return false;
        address_add(out, one);
    }
    if (!out->count) address_add(out, PAWL_STR("127.0.0.1"));
    return true;
}

bool pawl__address_covers(const char *listened, const char *address) {
    if (strcmp(listened, address_any6) == 0 || strcmp(listened, address) == 0) return true;
    return strcmp(listened, address_any4) == 0 && !strchr(address, ':');
}

bool pawl__address_is_local(const char *address) {
    return strcmp(address, "localhost") == 0 || strcmp(address, "::1") == 0 ||
           strncmp(address, "127.", 4) == 0;
}

// How well a client on this machine reaches it: the machine itself, another IPv4 address, IPv6.
static int address_nearness(const char *address) {
    if (address_rank(address) < 2 || strcmp(address, "localhost") == 0) return 3;
    return strncmp(address, "127.", 4) == 0 ? 3 : strchr(address, ':') ? 1 : 2;
}

const char *pawl__address_host(const char *address) {
    return !*address || address_rank(address) < 2 ? "127.0.0.1" : address;
}

void pawl__address_target(const char *address, int port, char *out, size_t size) {
    const char *host = pawl__address_host(address);
    bool is_v6 = strchr(host, ':');
    snprintf(out, size, "%s%s%s:%d", is_v6 ? "[" : "", host, is_v6 ? "]" : "", port);
}

void pawl__addresses_local(const char *list, char out[PAWL_ADDRESS_TEXT]) {
    struct pawl_addresses addresses;
    const char *best = "127.0.0.1";
    if (pawl__addresses_parse(list, &addresses)) {
        best = addresses.items[0];
        for (size_t i = 1; i < addresses.count; i++)
            if (address_nearness(addresses.items[i]) > address_nearness(best))
                best = addresses.items[i];
    }
    snprintf(out, PAWL_ADDRESS_TEXT, "%s", address_rank(best) < 2 ? "127.0.0.1" : best);
}
