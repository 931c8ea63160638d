#include "config/value.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/clock.h"

static const char *const value_log_scope = "dapr.runtime.processor";

const char *pawl__component_name(const struct pawl_yaml *document) {
    const char *name = pawl__yaml_text(pawl__yaml_get(document, "metadata"), "name");
    return name ? name : "";
}

// Replaces {uuid}, {podName}, {namespace} and {appID}. What stands for a name is not looked at
// again, as it may hold such a name itself. NULL when memory is out.
static const char *value_expand(const struct pawl_value_scope *scope, const char *text) {
    const struct pawl_config_context *context = scope->context;
    char uuid[PAWL_UUID_TEXT];
    pawl__random_uuid(uuid);
    const char *space =
        pawl__arena_format(context->arena, "%s.%s", context->namespace, context->app_id);
    const struct {
        const char *name, *value;
    } names[] = {
        {"{uuid}", uuid},
        {"{podName}", getenv("POD_NAME") ? getenv("POD_NAME") : ""},
        {"{namespace}", space ? space : ""},
        {"{appID}", context->app_id},
    };
    struct pawl_buf out = {0};
    while (*text) {
        size_t i = 0, count = sizeof names / sizeof *names;
        while (i < count && strncmp(text, names[i].name, strlen(names[i].name)) != 0) i++;
        if (i < count)
            pawl__buf_append_str(&out, pawl__str(names[i].value));
        else
            pawl__buf_append(&out, text, 1);
        text += i < count ? strlen(names[i].name) : 1;
    }
    const char *result =
        space && !out.failed ? pawl__arena_dup(context->arena, pawl__buf_str(&out)) : NULL;
    pawl__buf_finish(&out);
    return result;
}

// The metadata value |name| of a secret store's document.
static const char *value_raw_item(const struct pawl_yaml *document, const char *name) {
    const struct pawl_yaml *list = pawl__yaml_get(pawl__yaml_get(document, "spec"), "metadata");
    for (const struct pawl_yaml *item = list ? list->children : NULL; item; item = item->next) {
        const char *key = pawl__yaml_text(item, "name");
        if (key && strcasecmp(key, name) == 0) return pawl__yaml_text(item, "value");
    }
    return NULL;
}

// Looks |path| ("a:b:c") up in a secrets file.
static const char *value_secret_at(const struct pawl_yaml *node, const char *path,
                                   const char *separator) {
    while (node && node->kind == PAWL_YAML_MAP) {
        const struct pawl_yaml *whole = pawl__yaml_get(node, path);
        if (whole && whole->kind == PAWL_YAML_SCALAR) return whole->text;
        const char *cut = strstr(path, separator);
        if (!cut) return NULL;
        const struct pawl_yaml *next = NULL;
        for (const struct pawl_yaml *child = node->children; child && !next; child = child->next)
            if (strlen(child->key) == (size_t)(cut - path) &&
                memcmp(child->key, path, (size_t)(cut - path)) == 0)
                next = child;
        node = next;
        path = cut + strlen(separator);
    }
    return NULL;
}

// Whether a secretKeyRef names something: Go's encoding leaves one with empty texts beside each
// value that has none.
static bool value_refers(const struct pawl_yaml *reference) {
    if (!reference) return false;
    if (reference->kind == PAWL_YAML_SCALAR) return *reference->text;
    for (const struct pawl_yaml *child = reference->children; child; child = child->next)
        if (child->kind != PAWL_YAML_SCALAR || *child->text) return true;
    return false;
}

static enum pawl_err value_secret(const struct pawl_value_scope *scope,
                                  const struct pawl_yaml *reference, const char *store,
                                  const char **out) {
    const char *name = pawl__yaml_text(reference, "name"), *key = pawl__yaml_text(reference, "key");
    if (key && !*key) key = NULL;
    if (!name || !*name)
        return pawl__yaml_fail(reference, scope->error, "secretKeyRef", "a map with a name");
    if (!store || !*store)
        return pawl__fail(scope->error, PAWL_E_INVALID,
                          "%s:%d: secretKeyRef needs a secret store: set auth.secretStore to the "
                          "name of a secretstores.local.env or secretstores.local.file component",
                          reference->file, reference->line);
    for (size_t i = 0; i < scope->count; i++) {
        const struct pawl_yaml *document = scope->documents[i];
        const char *type = pawl__yaml_text(pawl__yaml_get(document, "spec"), "type");
        if (strcmp(pawl__component_name(document), store) != 0 || !type) continue;
        if (strcmp(type, "secretstores.local.env") == 0) {
            *out = getenv(key ? key : name);
        } else if (strcmp(type, "secretstores.local.file") == 0) {
            const char *file = value_raw_item(document, "secretsFile");
            const char *separator = value_raw_item(document, "nestedSeparator");
            struct pawl_yaml *secrets;
            if (!separator || !*separator) separator = ":";
            if (!file)
                return pawl__fail(scope->error, PAWL_E_INVALID,
                                  "%s:%d: secret store \"%s\" has no secretsFile", document->file,
                                  document->line, store);
            enum pawl_err err =
                pawl__yaml_load(file, scope->context->arena, &secrets, scope->error);
            if (err) return err;
            *out = value_secret_at(secrets, name, separator);
            if (!*out && key) *out = value_secret_at(pawl__yaml_get(secrets, name), key, separator);
        } else {
            return pawl__fail(scope->error, PAWL_E_INVALID,
                              "%s:%d: secret store \"%s\" is of type %s; served are "
                              "secretstores.local.env and secretstores.local.file",
                              document->file, document->line, store, type);
        }
        if (*out) return PAWL_OK;
        return pawl__fail(scope->error, PAWL_E_INVALID,
                          "%s:%d: secret \"%s\" is not in secret store \"%s\"", reference->file,
                          reference->line, name, store);
    }
    return pawl__fail(scope->error, PAWL_E_INVALID,
                      "%s:%d: there is no secret store \"%s\" among the resources", reference->file,
                      reference->line, store);
}

// A variable of the environment; Dapr's own and odd ones are not given out.
static const char *value_env(const struct pawl_value_scope *scope, const struct pawl_yaml *item) {
    const char *name = pawl__yaml_text(item, "envRef");
    bool blocked =
        strchr(name, ' ') || strcmp(name, "APP_API_TOKEN") == 0 || strncmp(name, "DAPR_", 5) == 0;
    if (blocked)
        pawl__log(scope->context->log, PAWL_LOG_WARN, value_log_scope,
                  "%s:%d: envRef \"%s\" is not allowed; the value is left empty", item->file,
                  item->line, name);
    return blocked || !getenv(name) ? "" : getenv(name);
}

enum pawl_err pawl__value_of(const struct pawl_value_scope *scope, const struct pawl_yaml *item,
                             const char *secret_store, const char **out) {
    const struct pawl_yaml *reference = pawl__yaml_get(item, "secretKeyRef");
    const char *value = pawl__yaml_text(item, "value"), *variable = pawl__yaml_text(item, "envRef");
    if (value_refers(reference)) {
        enum pawl_err err = value_secret(scope, reference, secret_store, &value);
        if (err) return err;
    }
    if (variable && *variable) value = value_env(scope, item);
    *out = value_expand(scope, value ? value : "");
    return *out ? PAWL_OK : pawl__fail_plain(scope->error, PAWL_E_NOMEM);
}
