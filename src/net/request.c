#include "net/request.h"

#include <string.h>

struct pawl_str pawl__request_header(const struct pawl_request *request, const char *name) {
    struct pawl_str wanted = pawl__str(name);
    for (size_t i = 0; i < request->header_count; i++)
        if (pawl__str_equal(request->headers[i].name, wanted)) return request->headers[i].value;
    return (struct pawl_str){0};
}

// |plus|: '+' stands for a space, as in a query.
static struct pawl_str request_decode(struct pawl_request *request, struct pawl_str text,
                                      bool plus) {
    char *copy = pawl__arena_alloc(&request->arena, text.len + 1);
    if (!copy) return (struct pawl_str){0};
    size_t used = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '%') {
            if (text.len - i < 3) return (struct pawl_str){0};
            int high = pawl__hex_digit(text.data[i + 1]), low = pawl__hex_digit(text.data[i + 2]);
            if (high < 0 || low < 0) return (struct pawl_str){0};
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        copy[used++] = c;
    }
    copy[used] = 0;
    return (struct pawl_str){copy, used};
}

struct pawl_str pawl__request_decode(struct pawl_request *request, struct pawl_str text) {
    return request_decode(request, text, false);
}

struct pawl_str pawl__request_query(struct pawl_request *request, const char *name) {
    struct pawl_str wanted = pawl__str(name), rest = request->query;
    while (rest.data) {
        struct pawl_str value = pawl__str_cut(&rest, '&');
        struct pawl_str key = pawl__str_cut(&value, '=');
        bool encoded = memchr(key.data, '%', key.len) || memchr(key.data, '+', key.len);
        if (encoded) key = request_decode(request, key, true);
        if (!key.data || !pawl__str_equal(key, wanted)) continue;
        if (!value.data) return PAWL_STR("");
        return request_decode(request, value, true);
    }
    return (struct pawl_str){0};
}

struct pawl_str pawl__request_stray(struct pawl_request *request, const char *names) {
    struct pawl_str rest = request->query;
    while (rest.data) {
        struct pawl_str one = pawl__str_cut(&rest, '&'), value = one;
        struct pawl_str key = request_decode(request, pawl__str_cut(&value, '='), true);
        bool valid = key.data && (!value.data || request_decode(request, value, true).data);
        if (one.len && (!valid || !pawl__str_is_word_of(key, names))) return valid ? key : one;
    }
    return (struct pawl_str){0};
}

struct pawl_str pawl__request_agent(const struct pawl_request *request) {
    struct pawl_str agent = pawl__request_header(request, "user-agent");
    return agent.data ? agent : PAWL_STR("");
}

void pawl__request_add_header(struct pawl_request *request, struct pawl_str name,
                              struct pawl_str value) {
    if (request->extra_count < PAWL_REQUEST_EXTRA)
        request->extra[request->extra_count++] = (struct pawl_header){name, value};
}
