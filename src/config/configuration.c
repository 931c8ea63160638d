#include "config/configuration.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/buf.h"

static const char *const configuration_scope = "dapr.runtime";

static const char *const configuration_keys[] = {"tracing",
                                                 "metrics",
                                                 "metric",
                                                 "logging",
                                                 "features",
                                                 "api",
                                                 "components",
                                                 "secrets",
                                                 "mtls",
                                                 "accessControl",
                                                 "nameResolution",
                                                 "httpPipeline",
                                                 "appHttpPipeline",
                                                 "wasm",
                                                 "workflow",
                                                 NULL};

static const char *const configuration_workflow_keys[] = {PAWL_CONCURRENCY_KEYS,
                                                          "stateRetentionPolicy", NULL};

static const char *const configuration_retention_keys[] = {"anyTerminal", "completed", "failed",
                                                           "terminated", NULL};

// Replaces $NAME and ${NAME}, as Go's os.ExpandEnv does; a name that is not set becomes nothing.
static bool configuration_expand(struct pawl_str text, struct pawl_buf *out) {
    for (size_t i = 0; i < text.len;) {
        if (text.data[i] != '$') {
            pawl__buf_append(out, &text.data[i++], 1);
            continue;
        }
        size_t from = ++i, end;
        bool braces = from < text.len && text.data[from] == '{';
        if (braces) from++;
        for (end = from; end < text.len; end++) {
            char c = text.data[end];
            if (braces ? c == '}' : !isalnum((unsigned char)c) && c != '_') break;
        }
        char name[256];
        if (end == from || end - from >= sizeof name) {
            pawl__buf_append(out, "$", 1);
            continue;
        }
        snprintf(name, sizeof name, "%.*s", (int)(end - from), text.data + from);
        const char *value = getenv(name);
        if (value) pawl__buf_append(out, value, strlen(value));
        i = end + (braces && end < text.len);
    }
    return !out->failed;
}

static enum pawl_err configuration_take_time(const struct pawl_yaml *policy, const char *key,
                                             int64_t *out, struct pawl_error *error) {
    const struct pawl_yaml *node = pawl__yaml_get(policy, key);
    const char *text = pawl__yaml_text(policy, key);
    if (!node || (text && !*text)) return PAWL_OK;
    if (!text || !pawl__duration_parse(text, out) || *out < 0)
        return pawl__yaml_fail(node, error, key, "a duration such as 168h");
    if (!*out) *out = 1; // at once
    return PAWL_OK;
}

// spec.workflow.stateRetentionPolicy: a time for each way to end, and one for those without.
static enum pawl_err configuration_take_retention(const struct pawl_config_context *context,
                                                  const struct pawl_yaml *workflow,
                                                  struct pawl_configuration *out,
                                                  struct pawl_error *error) {
    const struct pawl_yaml *policy = pawl__yaml_get(workflow, "stateRetentionPolicy");
    if (!policy) return PAWL_OK;
    int64_t any = 0;
    enum pawl_err err = pawl__resource_check(context, policy, "stateRetentionPolicy",
                                             configuration_retention_keys, error);
    if (!err) err = configuration_take_time(policy, "anyTerminal", &any, error);
    out->retain_completed = out->retain_failed = out->retain_terminated = any;
    out->retain_canceled = any;
    if (!err) err = configuration_take_time(policy, "completed", &out->retain_completed, error);
    if (!err) err = configuration_take_time(policy, "failed", &out->retain_failed, error);
    if (!err) err = configuration_take_time(policy, "terminated", &out->retain_terminated, error);
    return err;
}

static bool configuration_acts_on(const char *key) {
    static const char *const keys[] = {"workflow",       "tracing",  "metrics", "metric",
                                       "nameResolution", "features", "logging"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(key, keys[i]) == 0) return true;
    return false;
}

// spec.features: of Dapr's own, HotReload is the one that there is here.
static enum pawl_err configuration_take_features(const struct pawl_config_context *context,
                                                 const struct pawl_yaml *features,
                                                 struct pawl_configuration *out,
                                                 struct pawl_error *error) {
    if (!features) return PAWL_OK;
    if (features->kind != PAWL_YAML_LIST)
        return pawl__yaml_fail(features, error, "spec.features", "a list of names and switches");
    for (const struct pawl_yaml *one = features->children; one; one = one->next) {
        const char *name = pawl__yaml_text(one, "name");
        bool enabled = false;
        enum pawl_err err = pawl__yaml_bool(one, "enabled", &enabled, error);
        if (err) return err;
        if (name && strcmp(name, "HotReload") == 0)
            out->no_hot_reload = !(out->hot_reload = enabled);
        else
            pawl__log(context->log, PAWL_LOG_INFO, configuration_scope,
                      "%s:%d: the feature %s is read, but nothing in this version acts on it",
                      one->file, one->line, name ? name : "without a name");
    }
    return PAWL_OK;
}

// spec.logging.apiLogging.
static enum pawl_err configuration_take_logging(const struct pawl_config_context *context,
                                                const struct pawl_yaml *logging,
                                                struct pawl_api_logging *out,
                                                struct pawl_error *error) {
    static const char *const keys[] = {"apiLogging", NULL};
    static const char *const api_keys[] = {"enabled", "obfuscateURLs", "omitHealthChecks", NULL};
    const struct pawl_yaml *api = pawl__yaml_get(logging, "apiLogging");
    enum pawl_err err = pawl__resource_check(context, logging, "spec.logging", keys, error);
    if (!err) err = pawl__resource_check(context, api, "spec.logging.apiLogging", api_keys, error);
    if (!err) err = pawl__yaml_bool(api, "enabled", &out->enabled, error);
    if (!err) err = pawl__yaml_bool(api, "obfuscateURLs", &out->hides_urls, error);
    if (!err) err = pawl__yaml_bool(api, "omitHealthChecks", &out->omits_health, error);
    return err;
}

static enum pawl_err configuration_take(const struct pawl_config_context *context,
                                        const struct pawl_yaml *document,
                                        struct pawl_configuration *out, struct pawl_error *error) {
    const struct pawl_yaml *spec = pawl__yaml_get(document, "spec");
    const struct pawl_yaml *workflow = pawl__yaml_get(spec, "workflow");
    bool wanted;
    enum pawl_err err = pawl__resource_is(document, "Configuration", &wanted, error);
    if (err || !wanted) return err;
    err = pawl__resource_check(context, spec, "spec", configuration_keys, error);
    if (!err)
        err = pawl__resource_check(context, workflow, "spec.workflow", configuration_workflow_keys,
                                   error);
    if (err) return err;
    for (const struct pawl_yaml *child = spec ? spec->children : NULL; child; child = child->next)
        if (!configuration_acts_on(child->key))
            pawl__log(context->log, PAWL_LOG_INFO, configuration_scope,
                      "%s:%d: spec.%s is read, but nothing in this version acts on it", child->file,
                      child->line, child->key);
    err = pawl__concurrency_take(context, workflow, &out->concurrency, error);
    const struct pawl_yaml *tracing = pawl__yaml_get(spec, "tracing");
    if (!err && tracing) err = pawl__tracing_take(context, tracing, &out->tracing, error);
    const struct pawl_yaml *names = pawl__yaml_get(spec, "nameResolution");
    if (!err && names) err = pawl__names_take(context, names, &out->names, error);
    const struct pawl_yaml *metrics = pawl__yaml_get(spec, "metrics");
    if (!metrics) metrics = pawl__yaml_get(spec, "metric");
    if (!err && metrics) err = pawl__metrics_config_take(context, metrics, &out->metrics, error);
    if (!err)
        err = configuration_take_features(context, pawl__yaml_get(spec, "features"), out, error);
    const struct pawl_yaml *logging = pawl__yaml_get(spec, "logging");
    if (!err && logging) err = configuration_take_logging(context, logging, &out->api_log, error);
    return err ? err : configuration_take_retention(context, workflow, out, error);
}

// Dapr's command line always names ~/.dapr/config.yaml, which only its `dapr init` would make.
static enum pawl_err configuration_read(const char *file, struct pawl_arena *arena,
                                        struct pawl_str *text, struct pawl_error *error) {
    struct pawl_error why;
    enum pawl_err err = pawl__file_read(file, arena, text, &why);
    if (!err) return PAWL_OK;
    return pawl__fail(error, err,
                      "%s; create the configuration file, which may be empty, or name none",
                      why.text);
}

enum pawl_err pawl__configuration_load(const struct pawl_config_context *context,
                                       const char *const *files, size_t count,
                                       struct pawl_configuration *out, struct pawl_error *error) {
    *out = (struct pawl_configuration){0};
    pawl__tracing_init(&out->tracing);
    pawl__metrics_config_init(&out->metrics);
    struct pawl_buf said = {0};
    enum pawl_err err = PAWL_OK;
    for (size_t i = 0; !err && i < count; i++) {
        struct pawl_str text;
        struct pawl_buf expanded = {0};
        struct pawl_yaml *document = NULL;
        err = configuration_read(files[i], context->arena, &text, error);
        if (!err && !configuration_expand(text, &expanded))
            err = pawl__fail_plain(error, PAWL_E_NOMEM);
        if (!err)
            err = pawl__yaml_parse(files[i], pawl__buf_str(&expanded), context->arena, &document,
                                   error);
        for (; !err && document; document = document->next)
            err = configuration_take(context, document, out, error);
        pawl__buf_append_str(&said, pawl__buf_str(&expanded));
        pawl__buf_append(&said, "", 1); // between two files
        pawl__buf_finish(&expanded);
    }
    out->said = pawl__buf_str(&said);
    out->said.data = pawl__arena_dup(context->arena, out->said);
    bool failed = said.failed || !out->said.data;
    pawl__buf_finish(&said);
    if (!err && failed) err = pawl__fail_plain(error, PAWL_E_NOMEM);
    if (!err) err = pawl__tracing_take_environment(context, &out->tracing, error);
    return err ? err : pawl__metrics_take_environment(context->arena, &out->metrics, error);
}
