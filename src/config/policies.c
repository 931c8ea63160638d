#include "config/policies.h"

#include <strings.h>

#include "base/clock.h"

const struct pawl_policy_words pawl__policy_words[] = {
    [PAWL_POLICY_TIMEOUT] = {"timeouts", "timeout", "Timeout"},
    [PAWL_POLICY_RETRY] = {"retries", "retry", "Retry"},
    [PAWL_POLICY_BREAKER] = {"circuitBreakers", "circuitBreaker", "CircuitBreaker"},
};

// Reads a duration under |key|; a bare number counts milliseconds. |*out| stays when there is none.
static enum pawl_err policy_time(const struct pawl_yaml *map, const char *key, int64_t *out,
                                 struct pawl_error *error) {
    const struct pawl_yaml *node = pawl__yaml_get(map, key);
    int64_t number;
    if (!node || (node->text && !*node->text)) return PAWL_OK;
    if (node->text &&
        pawl__str_to_int(pawl__str(node->text), 0, INT64_MAX / PAWL_MILLISECOND, &number)) {
        *out = number * PAWL_MILLISECOND;
        return PAWL_OK;
    }
    if (node->text && pawl__duration_parse(node->text, out)) return PAWL_OK;
    return pawl__yaml_fail(node, error, key, "a duration such as 500ms, 5s or 1m30s");
}

static enum pawl_err policy_take_timeout(const struct pawl_config_context *context,
                                         const struct pawl_yaml *entry, struct pawl_policy *out,
                                         struct pawl_error *error) {
    const struct pawl_yaml map = {PAWL_YAML_MAP, .children = (struct pawl_yaml *)entry};
    if (!entry->text || !*entry->text)
        return pawl__yaml_fail(entry, error, entry->key, "a duration such as 500ms, 5s or 1m30s");
    return policy_time(&map, entry->key, &out->timeout, error);
}

// --- retries ------------------------------------------------------------------------------------

// Checks codes and ranges of them, between commas.
static enum pawl_err policy_codes(const struct pawl_yaml *matching, const char *key, int64_t least,
                                  int64_t most, struct pawl_error *error) {
    const struct pawl_yaml *node = pawl__yaml_get(matching, key);
    struct pawl_str rest = pawl__str(node ? node->text : NULL);
    bool right = !node || node->text;
    while (right && rest.len) {
        struct pawl_str one = {rest.data, strcspn(rest.data, ",")};
        size_t dash = strcspn(one.data, "-,");
        struct pawl_str first = {one.data, dash < one.len ? dash : one.len};
        struct pawl_str last =
            dash < one.len ? (struct pawl_str){one.data + dash + 1, one.len - dash - 1} : first;
        int64_t from, to;
        right = !one.len || (pawl__str_to_int(first, least, most, &from) &&
                             pawl__str_to_int(last, from, most, &to));
        size_t step = one.len < rest.len ? one.len + 1 : one.len;
        rest = (struct pawl_str){rest.data + step, rest.len - step};
    }
    char expected[80];
    snprintf(expected, sizeof expected, "codes from %lld to %lld such as \"%lld,%lld-%lld\"",
             (long long)least, (long long)most, (long long)least, (long long)least + 1,
             (long long)most);
    return right ? PAWL_OK : pawl__yaml_fail(node, error, key, expected);
}

// Which answers of other apps are tried again. Those of a store have no such codes.
static enum pawl_err policy_check_matching(const struct pawl_config_context *context,
                                           const struct pawl_yaml *matching,
                                           struct pawl_error *error) {
    static const char *const keys[] = {"httpStatusCodes", "gRPCStatusCodes", NULL};
    enum pawl_err err = pawl__resource_check(context, matching, "matching", keys, error);
    if (!err) err = policy_codes(matching, keys[0], 100, 599, error);
    if (!err) err = policy_codes(matching, keys[1], 0, 16, error);
    return err;
}

static enum pawl_err policy_take_retry(const struct pawl_config_context *context,
                                       const struct pawl_yaml *entry, struct pawl_policy *out,
                                       struct pawl_error *error) {
    static const char *const keys[] = {"policy",     "duration", "maxInterval",
                                       "maxRetries", "matching", NULL};
    const char *kind = pawl__yaml_text(entry, "policy");
    bool grows = kind && strcasecmp(kind, "exponential") == 0;
    int64_t duration = 5 * PAWL_SECOND, most = 60 * PAWL_SECOND;
    int retries = -1;
    enum pawl_err err = pawl__resource_check(context, entry, entry->key, keys, error);
    if (!err && kind && *kind && !grows && strcasecmp(kind, "constant") != 0)
        err = pawl__yaml_fail(pawl__yaml_get(entry, "policy"), error, "policy",
                              "constant or exponential");
    if (!err) err = policy_time(entry, "duration", &duration, error);
    if (!err) err = policy_time(entry, "maxInterval", &most, error);
    if (!err) err = pawl__yaml_int(entry, "maxRetries", &retries, error);
    if (!err) err = policy_check_matching(context, pawl__yaml_get(entry, "matching"), error);
    if (err) return err;
    out->retries = true;
    out->backoff = (struct pawl_backoff){
        .first = grows ? 500 * PAWL_MILLISECOND : duration,
        .most = grows ? most : duration,
        .factor = grows ? 1.5 : 1,
        .jitter = grows ? 0.5 : 0,
        .elapsed = grows ? 15 * 60 * PAWL_SECOND : 0,
        .retries = retries,
    };
    return PAWL_OK;
}

// --- circuit breakers ---------------------------------------------------------------------------

static enum pawl_err policy_take_trip(const struct pawl_yaml *entry, struct pawl_trip *out,
                                      struct pawl_error *error) {
    const struct pawl_yaml *node = pawl__yaml_get(entry, "trip");
    const char *text =
        node && (!node->text || *node->text) ? node->text : "consecutiveFailures > 5";
    int at;
    if (!text) return pawl__yaml_fail(node, error, "trip", "a condition");
    const char *flaw = pawl__trip_parse(out, text, &at);
    if (!flaw) return PAWL_OK;
    char expected[300];
    snprintf(expected, sizeof expected,
             "a condition such as consecutiveFailures > 5; at \"%.30s\" it %s", text + at, flaw);
    return pawl__yaml_fail(node, error, "trip", expected);
}

static enum pawl_err policy_take_breaker(const struct pawl_config_context *context,
                                         const struct pawl_yaml *entry, struct pawl_policy *out,
                                         struct pawl_error *error) {
    static const char *const keys[] = {"maxRequests", "interval", "timeout", "trip", NULL};
    struct pawl_breaker_rule rule = {0};
    int probes = 1;
    enum pawl_err err = pawl__resource_check(context, entry, entry->key, keys, error);
    if (!err) err = pawl__yaml_int(entry, "maxRequests", &probes, error);
    if (!err && probes < 0)
        err = pawl__yaml_fail(pawl__yaml_get(entry, "maxRequests"), error, "maxRequests",
                              "a whole number above 0");
    if (!err) err = policy_time(entry, "interval", &rule.interval, error);
    if (!err) err = policy_time(entry, "timeout", &rule.rest, error);
    if (!err) err = policy_take_trip(entry, &rule.trip, error);
    if (err) return err;
    rule.probes = probes ? probes : 1;
    if (!rule.rest) rule.rest = 60 * PAWL_SECOND;
    out->breaks = true;
    out->rule = rule;
    return PAWL_OK;
}

// ------------------------------------------------------------------------------------------------

enum pawl_err pawl__policy_take(const struct pawl_config_context *context,
                                enum pawl_policy_kind kind, const struct pawl_yaml *entry,
                                struct pawl_policy *out, struct pawl_error *error) {
    static enum pawl_err (*const takes[])(const struct pawl_config_context *context,
                                          const struct pawl_yaml *entry, struct pawl_policy *out,
                                          struct pawl_error *error) = {
        [PAWL_POLICY_TIMEOUT] = policy_take_timeout,
        [PAWL_POLICY_RETRY] = policy_take_retry,
        [PAWL_POLICY_BREAKER] = policy_take_breaker,
    };
    const struct pawl_yaml empty = {PAWL_YAML_MAP, .key = entry->key, .file = entry->file,
                                    .line = entry->line};
    bool is_default = kind != PAWL_POLICY_TIMEOUT && entry->text && !*entry->text;
    return takes[kind](context, is_default ? &empty : entry, out, error);
}

void pawl__policy_put(struct pawl_policy *out, enum pawl_policy_kind kind,
                      const struct pawl_policy *from) {
    if (kind == PAWL_POLICY_TIMEOUT) {
        out->timeout = from->timeout;
    } else if (kind == PAWL_POLICY_RETRY) {
        out->retries = from->retries;
        out->backoff = from->backoff;
    } else {
        out->breaks = from->breaks;
        out->rule = from->rule;
    }
}
