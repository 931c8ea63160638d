#include "config/otlp.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

const struct pawl_otlp_signal pawl__otlp_traces = {"TRACES", "/v1/traces"};
const struct pawl_otlp_signal pawl__otlp_metrics = {"METRICS", "/v1/metrics"};

// NULL: it is not there, or empty.
static const char *otlp_own_variable(const struct pawl_otlp_signal *signal, const char *what) {
    char name[64];
    bool all = !signal;
    snprintf(name, sizeof name, "OTEL_EXPORTER_OTLP_%s%s%s", all ? "" : signal->word,
             all ? "" : "_", what);
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

// The variable of the signal; or else that of all of OTLP. NULL: neither is there, or it is empty.
static const char *otlp_variable(const struct pawl_otlp_signal *signal, const char *what) {
    const char *own = otlp_own_variable(signal, what);
    return own ? own : otlp_own_variable(NULL, what);
}

// A copy of |text| with its percent signs resolved; one that stands for nothing stays.
static char *otlp_decode(struct pawl_arena *arena, struct pawl_str text) {
    char *copy = pawl__arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; copy && i < text.len; i++) {
        int high = i + 2 < text.len ? pawl__hex_digit(text.data[i + 1]) : -1;
        int low = i + 2 < text.len ? pawl__hex_digit(text.data[i + 2]) : -1;
        bool escaped = text.data[i] == '%' && high >= 0 && low >= 0;
        copy[len++] = (char)(escaped ? high << 4 | low : text.data[i]);
        if (escaped) i += 2;
    }
    if (copy) copy[len] = 0;
    return copy;
}

enum pawl_err pawl__otlp_pairs(struct pawl_arena *arena, const char *variable, const char *text,
                               struct pawl_otlp_pair **out, size_t *count,
                               struct pawl_error *error) {
    size_t most = 1;
    for (const char *at = text; *at; at++) most += *at == ',';
    *out = pawl__arena_alloc(arena, most * sizeof **out);
    *count = 0;
    if (!*out) return pawl__fail_plain(error, PAWL_E_NOMEM);
    struct pawl_str rest = pawl__str(text);
    while (rest.data) {
        struct pawl_str value = pawl__str_trim(pawl__str_cut(&rest, ','));
        if (!value.len) continue;
        struct pawl_str key = pawl__str_trim(pawl__str_cut(&value, '='));
        if (!key.len || !value.data)
            return pawl__fail(error, PAWL_E_INVALID,
                              "%s in the environment has to be name=value, with commas between",
                              variable);
        struct pawl_otlp_pair *pair = &(*out)[(*count)++];
        pair->key = pawl__arena_dup(arena, key);
        pair->value = pawl__str(otlp_decode(arena, pawl__str_trim(value)));
        if (!pair->key || !pair->value.data) return pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    return PAWL_OK;
}

static enum pawl_err otlp_take_headers(struct pawl_arena *arena, const char *text,
                                       struct pawl_otlp_config *out, struct pawl_error *error) {
    struct pawl_otlp_pair *pairs;
    size_t count;
    enum pawl_err err =
        pawl__otlp_pairs(arena, "OTEL_EXPORTER_OTLP_HEADERS", text, &pairs, &count, error);
    if (err) return err;
    out->headers = pawl__arena_alloc(arena, (count + 1) * sizeof *out->headers);
    if (!out->headers) return pawl__fail_plain(error, PAWL_E_NOMEM);
    out->header_count = count;
    for (size_t i = 0; i < count; i++) {
        out->headers[i] =
            pawl__arena_format(arena, "%s=%.*s", pairs[i].key, PAWL_FMT(pairs[i].value));
        if (!out->headers[i]) return pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    return PAWL_OK;
}

// The address of the signal is taken as it is; to that of all signals, the signal's path is added.
static enum pawl_err otlp_take_endpoint(struct pawl_arena *arena,
                                        const struct pawl_otlp_signal *signal,
                                        struct pawl_otlp_config *out, struct pawl_error *error) {
    const char *own = otlp_own_variable(signal, "ENDPOINT");
    const char *all = otlp_own_variable(NULL, "ENDPOINT");
    if (own || all) out->endpoint = own ? own : all;
    if (own || !all || *out->protocol != 'h' || !strstr(all, "://")) return PAWL_OK;
    size_t len = strlen(all);
    while (len && all[len - 1] == '/') len--;
    out->endpoint = pawl__arena_format(arena, "%.*s%s", (int)len, all, signal->path);
    return out->endpoint ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
}

enum pawl_err pawl__otlp_take_environment(struct pawl_arena *arena,
                                          const struct pawl_otlp_signal *signal,
                                          struct pawl_otlp_config *out, struct pawl_error *error) {
    const char *protocol = otlp_variable(signal, "PROTOCOL");
    const char *headers = otlp_variable(signal, "HEADERS");
    const char *timeout = otlp_variable(signal, "TIMEOUT");
    const char *insecure = otlp_variable(signal, "INSECURE");
    if (protocol && strcmp(protocol, "grpc") != 0 && strncmp(protocol, "http", 4) != 0)
        return pawl__fail(error, PAWL_E_INVALID,
                          "OTEL_EXPORTER_OTLP_PROTOCOL in the environment is '%s', but has to be "
                          "grpc or http/protobuf",
                          protocol);
    if (protocol) out->protocol = *protocol == 'g' ? "grpc" : "http";
    enum pawl_err err = otlp_take_endpoint(arena, signal, out, error);
    if (err) return err;
    if (insecure) out->secure = strcasecmp(insecure, "true") != 0;
    int64_t milliseconds;
    if (timeout) {
        if (!pawl__str_to_int(pawl__str(timeout), 1, INT32_MAX, &milliseconds))
            return pawl__fail(error, PAWL_E_INVALID,
                              "OTEL_EXPORTER_OTLP_TIMEOUT in the environment is '%s', but has to "
                              "be a number of milliseconds",
                              timeout);
        out->timeout = milliseconds * PAWL_MILLISECOND;
    }
    return headers ? otlp_take_headers(arena, headers, out, error) : PAWL_OK;
}
