#include "config/component.h"

#include <stdlib.h>
#include <strings.h>

#include "base/buf.h"
#include "base/clock.h"
#include "config/fields.h"
#include "config/home.h"
#include "config/near.h"
#include "config/resiliency.h"
#include "config/value.h"

static const char *const component_scope = "dapr.runtime.processor";

enum {
    COMPONENT_DOCUMENTS = 256
};

// The folder of the stores for which no file is named; it is created.
static enum pawl_err component_data_folder(const struct pawl_config_context *context,
                                           const char **out, struct pawl_error *error) {
    *out = pawl__home_data(context->arena);
    if (!*out)
        return pawl__fail(error, PAWL_E_INVALID,
                          "there is no place for state and workflows, as this user has no home "
                          "folder: set HOME or XDG_DATA_HOME, or name a store with "
                          "--resources-path");
    return pawl__home_make_folder(*out, error);
}

// A type of store that is served.
struct component_type {
    const char *type;
    const char *const *versions; // NULL: v1 alone
    const char *const *fields;   // the names of its metadata
    enum pawl_err (*read)(const struct pawl_component *component, struct pawl_config_store *store);
    bool needs_server;
    bool untested; // with the server that it is meant for
};

struct loader {
    const struct pawl_config_context *context;
    struct pawl_yaml *documents[COMPONENT_DOCUMENTS]; // of kind Component, for this app
    size_t count;
    struct pawl_config_stores *out;
    struct pawl_error *error;
};

static void component_warn(const struct loader *loader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void component_warn(const struct loader *loader, const char *format, ...) {
    char text[700];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    pawl__log(loader->context->log, PAWL_LOG_WARN, component_scope, "%s", text);
}

static const struct component_type *component_type(const char *type);

bool pawl__component_serves(const char *type) {
    return component_type(type);
}

static bool component_is_replaced(const struct loader *loader, const char *type) {
    const struct component_type *row = component_type(type);
    return loader->context->local_stores && strncmp(type, "state.", 6) == 0 &&
           (!row || row->needs_server);
}

// Refuses keys that a component does not have.
static enum pawl_err component_check_keys(struct loader *loader, const struct pawl_yaml *document) {
    static const char *const keys[] = {"apiVersion", "kind",   "metadata", "spec",
                                       "auth",       "scopes", NULL};
    static const char *const spec_keys[] = {"type",        "version",  "ignoreErrors",
                                            "initTimeout", "metadata", NULL};
    static const char *const auth_keys[] = {"secretStore", NULL};
    const struct pawl_config_context *context = loader->context;
    struct pawl_error *error = loader->error;
    enum pawl_err err = pawl__resource_check(context, document, "a component", keys, error);
    if (!err)
        err = pawl__resource_check(context, pawl__yaml_get(document, "spec"), "spec", spec_keys,
                                   error);
    if (!err)
        err = pawl__resource_check(context, pawl__yaml_get(document, "auth"), "auth", auth_keys,
                                   error);
    return err;
}

static enum pawl_err component_read_field(struct loader *loader, const struct pawl_yaml *item,
                                          struct pawl_component *out) {
    static const char *const keys[] = {"name", "value", "secretKeyRef", "envRef", NULL};
    const struct pawl_value_scope scope = {loader->context, loader->documents, loader->count,
                                           loader->error};
    const char *name = pawl__yaml_text(item, "name"), *raw = pawl__yaml_text(item, "value");
    const char *store = pawl__yaml_text(pawl__yaml_get(out->document, "auth"), "secretStore");
    enum pawl_err err =
        pawl__resource_check(loader->context, item, "a metadata item", keys, loader->error);
    if (err) return err;
    if (!name)
        return pawl__yaml_fail(item, loader->error, "a metadata item", "a name with a value");
    if (component_is_replaced(loader, out->type) && strcasecmp(name, "keyPrefix") != 0 &&
        strcasecmp(name, "actorStateStore") != 0)
        return PAWL_OK; // no matter what its server needs, or whether a secret of it is here
    if (out->field_count == PAWL_COMPONENT_FIELDS)
        return pawl__yaml_fail(item, loader->error, "spec.metadata", "shorter than 65 items");
    struct pawl_component_field *field = &out->fields[out->field_count];
    err = pawl__value_of(&scope, item, store, &field->value);
    if (err) return err;
    field->said = raw ? raw : field->value;
    field->name = name;
    field->line = item->line;
    out->field_count++;
    return PAWL_OK;
}

static enum pawl_err component_read_fields(struct loader *loader, const struct pawl_yaml *list,
                                           struct pawl_component *out) {
    if (list && list->kind != PAWL_YAML_LIST)
        return pawl__yaml_fail(list, loader->error, "spec.metadata", "a list of names and values");
    enum pawl_err err = PAWL_OK;
    for (const struct pawl_yaml *item = list ? list->children : NULL; item && !err;
         item = item->next)
        err = component_read_field(loader, item, out);
    return err;
}

static enum pawl_err component_read(struct loader *loader, const struct pawl_yaml *document,
                                    struct pawl_component *out) {
    const struct pawl_yaml *spec = pawl__yaml_get(document, "spec");
    *out = (struct pawl_component){
        .context = loader->context,
        .error = loader->error,
        .document = document,
        .name = pawl__component_name(document),
        .type = pawl__yaml_text(spec, "type"),
        .version = pawl__yaml_text(spec, "version"),
        .origin =
            pawl__arena_format(loader->context->arena, "%s:%d", document->file, document->line),
    };
    enum pawl_err err = pawl__yaml_bool(spec, "ignoreErrors", &out->ignore_errors, loader->error);
    if (!err) err = component_check_keys(loader, document);
    if (err) return err;
    if (!*out->name) return pawl__yaml_fail(document, loader->error, "metadata.name", "given");
    if (!out->type || !*out->type)
        return pawl__yaml_fail(document, loader->error, "spec.type", "given");
    if (!out->version) out->version = "v1";
    return component_read_fields(loader, pawl__yaml_get(spec, "metadata"), out);
}

// --- stores -------------------------------------------------------------------------------------

// What a key has before its "||", by the rule that keyPrefix names.
static const char *component_prefix(const struct loader *loader, struct pawl_component *component) {
    const struct pawl_config_context *context = loader->context;
    const char *rule = pawl__field(component, "keyPrefix", NULL);
    if (!rule || strcasecmp(rule, "appid") == 0) return context->app_id;
    if (strcasecmp(rule, "none") == 0) return NULL;
    if (strcasecmp(rule, "name") == 0) return component->name;
    if (strcasecmp(rule, "namespace") == 0)
        return *context->namespace ? pawl__arena_format(context->arena, "%s.%s", context->namespace,
                                                        context->app_id)
                                   : context->app_id;
    char *lower = pawl__arena_dup(context->arena, pawl__str(rule)); // as Dapr's, which may be empty
    for (char *at = lower; at && *at; at++)
        if (*at >= 'A' && *at <= 'Z') *at |= 0x20;
    return lower;
}

static const char *const memory_fields[] = {"actorStateStore", "keyPrefix", "shards", NULL};
static const char *const version_2[] = {"v2", NULL}, *const versions_1_2[] = {"v1", "v2", NULL};

static const struct component_type component_types[] = {
    {"state.in-memory", NULL, memory_fields, NULL},
    {"state.sqlite", NULL, pawl__sqlite_fields, pawl__sqlite_component},
    {"state.sqlite3", NULL, pawl__sqlite_fields, pawl__sqlite_component},
    {"state.redis", NULL, pawl__redis_fields, pawl__redis_component, .needs_server = true},
    {"state.postgresql", versions_1_2, pawl__postgres_fields, pawl__postgres_component, true},
    {"state.postgres", versions_1_2, pawl__postgres_fields, pawl__postgres_component, true},
    {"state.cockroachdb", version_2, pawl__postgres_fields, pawl__postgres_component, true, true},
    {"state.yugabytedb", version_2, pawl__postgres_fields, pawl__postgres_component, true, true},
    {"state.yugabyte", version_2, pawl__postgres_fields, pawl__postgres_component, true, true},
};

static const struct component_type *component_type(const char *type) {
    for (size_t i = 0; i < sizeof component_types / sizeof *component_types; i++)
        if (strcmp(component_types[i].type, type) == 0) return &component_types[i];
    return NULL;
}

// None is the first one of the type, or v1.
static enum pawl_err component_check_version(const struct pawl_component *component,
                                             const struct component_type *type) {
    static const char *const version_1[] = {"v1", NULL};
    const char *const *versions = type->versions ? type->versions : version_1;
    const char *given = *component->version ? component->version : "v1";
    for (size_t i = 0; versions[i]; i++)
        if (strcasecmp(given, versions[i]) == 0) return PAWL_OK;
    return pawl__component_fail(component, "version %s of %s is not served; served %s %s%s%s",
                                given, type->type, versions[1] ? "are" : "is", versions[0],
                                versions[1] ? " and " : "", versions[1] ? versions[1] : "");
}

enum {
    COMPONENT_SHARDS = 256,
    COMPONENT_LEASE_LEAST = 1, // seconds
    COMPONENT_LEASE_MOST = 3600
};

// Looks for metadata that the type does not take. A slip of a name would have its value missed, so
// it is an error; so is anything that is not known of a server. Others are told in the log, as
// Dapr's stores may know them.
static enum pawl_err component_check_names(struct loader *loader,
                                           const struct pawl_component *component,
                                           const struct component_type *type) {
    for (size_t i = 0; i < component->field_count; i++) {
        const char *name = component->fields[i].name, *near = pawl__nearest(name, type->fields);
        int line = component->fields[i].line;
        if (near && strcasecmp(near, name) == 0) continue;
        if (near || type->needs_server)
            return pawl__fail(
                loader->error, PAWL_E_INVALID,
                "%s:%d: component %s has metadata \"%s\", which %s does not take%s%s%s",
                component->document->file, line, component->name, name, type->type,
                near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
        component_warn(loader, "%s:%d: component %s: metadata \"%s\" is not used by %s",
                       component->document->file, line, component->name, name, type->type);
    }
    return PAWL_OK;
}

static enum pawl_err component_shards(const struct pawl_component *component,
                                      struct pawl_config_store *store) {
    const char *text = pawl__field(component, "shards", NULL);
    char *end;
    if (!text || !*text) return PAWL_OK;
    unsigned long count = strtoul(text, &end, 10);
    if (*end || !count || count > COMPONENT_SHARDS || *text == '-')
        return pawl__component_fail(component, "shards has to be a number from 1 to %d, not %s",
                                    COMPONENT_SHARDS, text);
    store->shards = (uint32_t)count;
    return PAWL_OK;
}

static enum pawl_err component_lease(const struct pawl_component *component,
                                     struct pawl_config_store *store) {
    enum pawl_err err = pawl__field_time(component, "lease", NULL, &store->lease);
    bool given = pawl__field_text(component, "lease", NULL);
    if (err || !given ||
        (store->lease >= COMPONENT_LEASE_LEAST * PAWL_SECOND &&
         store->lease <= COMPONENT_LEASE_MOST * PAWL_SECOND))
        return err;
    return pawl__component_fail(component, "lease has to be a time from %d to %d seconds, not %s",
                                COMPONENT_LEASE_LEAST, COMPONENT_LEASE_MOST,
                                pawl__field_text(component, "lease", NULL));
}

// Keeps the store of a component that is meant for a server in an SQLite file of its name.
static enum pawl_err component_replace(struct loader *loader,
                                       const struct pawl_component *component,
                                       struct pawl_config_store *store) {
    const struct pawl_config_context *context = loader->context;
    const char *folder;
    if (strchr(component->name, '/') || *component->name == '.')
        return pawl__component_fail(component, "its name cannot be that of a file, as "
                                               "--local-stores needs it to be");
    enum pawl_err err = component_data_folder(context, &folder, loader->error);
    if (err) return err;
    store->type = "state.sqlite";
    store->version = "v1";
    store->instead_of = component->type;
    store->path = pawl__arena_format(context->arena, "%s/%s.db", folder, component->name);
    if (!store->path) return pawl__fail_plain(loader->error, PAWL_E_NOMEM);
    pawl__log(context->log, PAWL_LOG_INFO, component_scope,
              "--local-stores: state store \"%s\" (%s) is kept in %s", store->name, component->type,
              store->path);
    return PAWL_OK;
}

static enum pawl_err component_read_store(struct loader *loader,
                                          const struct pawl_component *component,
                                          const struct component_type *type,
                                          struct pawl_config_store *store) {
    enum pawl_err err = component_check_version(component, type);
    if (!err) err = component_check_names(loader, component, type);
    if (!err && type->read) err = type->read(component, store);
    if (!err && type->untested)
        component_warn(loader,
                       "component %s (%s): %s is served as PostgreSQL is, but Pawl is not tested "
                       "with its server",
                       component->name, component->origin, type->type);
    return err;
}

static void component_put(struct pawl_buf *out, const char *text) {
    pawl__buf_append(out, text ? text : "", text ? strlen(text) + 1 : 1);
}

// All that decides what the store is. Two stores of which the same is said are the same.
static enum pawl_err component_say(const struct loader *loader,
                                   const struct pawl_component *component,
                                   struct pawl_config_store *store) {
    struct pawl_buf out = {0};
    component_put(&out, component->type);
    component_put(&out, component->version);
    for (size_t i = 0; i < component->field_count; i++) {
        component_put(&out, component->fields[i].name);
        component_put(&out, component->fields[i].said);
    }
    store->said = pawl__buf_str(&out);
    store->said.data = pawl__arena_dup(loader->context->arena, store->said);
    bool failed = out.failed || !store->said.data;
    pawl__buf_finish(&out);
    return failed ? pawl__fail_plain(loader->error, PAWL_E_NOMEM) : PAWL_OK;
}

static enum pawl_err component_add_store(struct loader *loader, struct pawl_component *component) {
    struct pawl_config_stores *out = loader->out;
    if (out->count == PAWL_CONFIG_STORES)
        return pawl__component_fail(component, "more than %d state stores", PAWL_CONFIG_STORES);
    struct pawl_config_store *store = &out->items[out->count];
    *store = (struct pawl_config_store){
        .name = component->name,
        .type = component->type,
        .version = component->version,
        .key_prefix = component_prefix(loader, component),
        .origin = component->origin,
        .ignores_errors = component->ignore_errors,
    };
    const char *holds = pawl__field(component, "actorStateStore", NULL);
    store->holds_workflows = holds && strcasecmp(holds, "true") == 0;
    const struct component_type *type = component_type(component->type);
    enum pawl_err err = PAWL_OK;
    if (component_is_replaced(loader, component->type))
        err = component_replace(loader, component, store);
    else if (!type)
        err = pawl__component_fail(component,
                                   "state store type %s is not served; use state.postgresql, "
                                   "state.redis, state.sqlite or state.in-memory, or "
                                   "--local-stores, which keeps it in an SQLite file",
                                   component->type);
    else
        err = component_read_store(loader, component, type, store);
    if (!err) err = component_shards(component, store);
    if (!err) err = component_lease(component, store);
    if (!err) err = component_say(loader, component, store);
    if (!err && store->key_prefix && strstr(store->key_prefix, "||"))
        err = pawl__component_fail(component, "keyPrefix must not hold \"||\"");
    if (err) return err;
    for (size_t i = 0; store->holds_workflows && i < out->count; i++)
        if (out->items[i].holds_workflows)
            return pawl__fail(loader->error, PAWL_E_INVALID,
                              "%s: detected duplicate actor state store: %s and %s; the other is "
                              "in %s",
                              store->origin, out->items[i].name, store->name, out->items[i].origin);
    out->count++;
    return PAWL_OK;
}

static void component_list(struct pawl_config_resources *list, const struct pawl_yaml *document) {
    const struct pawl_yaml *spec = pawl__yaml_get(document, "spec");
    const char *version = pawl__yaml_text(spec, "version");
    if (list->count == PAWL_CONFIG_STORES) return;
    list->items[list->count++] = (struct pawl_config_resource){
        .name = pawl__component_name(document),
        .type = pawl__yaml_text(spec, "type"),
        .version = version ? version : "v1",
    };
}

static enum pawl_err component_take(struct loader *loader, const struct pawl_yaml *document) {
    const char *type = pawl__yaml_text(pawl__yaml_get(document, "spec"), "type");
    struct pawl_component component;
    if (type && strncmp(type, "secretstores.", 13) == 0) { // read when asked for
        component_list(&loader->out->secrets, document);
        return PAWL_OK;
    }
    enum pawl_err err = component_read(loader, document, &component);
    if (!err && strncmp(component.type, "state.", 6) == 0) {
        err = component_add_store(loader, &component);
    } else if (!err && strcmp(component.type, "dapr.workflow") == 0) {
        err = pawl__component_fail(&component, "type dapr.workflow cannot be loaded; workflows "
                                               "need no component of their own");
    } else if (!err) {
        pawl__log(loader->context->log, PAWL_LOG_INFO, component_scope,
                  "component %s (%s) of type %s is passed over: Pawl serves workflows and state",
                  component.name, component.origin, component.type);
    }
    if (err && component.ignore_errors) {
        component_warn(loader, "%s; it is ignored, as ignoreErrors says", loader->error->text);
        return PAWL_OK;
    }
    return err;
}

// --- files --------------------------------------------------------------------------------------

static enum pawl_err component_gather(void *arg, struct pawl_yaml *document) {
    struct loader *loader = arg;
    for (size_t i = 0; i < loader->count; i++)
        if (strcmp(pawl__component_name(loader->documents[i]), pawl__component_name(document)) == 0)
            return pawl__fail(loader->error, PAWL_E_INVALID,
                              "%s:%d: there are two components named \"%s\"; the other is in "
                              "%s:%d",
                              document->file, document->line, pawl__component_name(document),
                              loader->documents[i]->file, loader->documents[i]->line);
    if (loader->count == COMPONENT_DOCUMENTS)
        return pawl__fail(loader->error, PAWL_E_INVALID, "more than %d components",
                          COMPONENT_DOCUMENTS);
    loader->documents[loader->count++] = document;
    return PAWL_OK;
}

enum pawl_err pawl__components_load(const struct pawl_config_context *context,
                                    const char *const *folders, size_t count,
                                    struct pawl_config_stores *out, struct pawl_error *error) {
    struct loader *loader = pawl__arena_zalloc(context->arena, sizeof *loader);
    *out = (struct pawl_config_stores){0};
    if (!loader) return pawl__fail_plain(error, PAWL_E_NOMEM);
    loader->context = context;
    loader->out = out;
    loader->error = error;
    enum pawl_err err =
        pawl__resources_read(context, folders, count, "Component", component_gather, loader, error);
    for (size_t i = 0; !err && i < loader->count; i++)
        err = component_take(loader, loader->documents[i]);
    return err ? err : pawl__resiliency_load(context, folders, count, out, error);
}

enum pawl_err pawl__components_default(const struct pawl_config_context *context,
                                       struct pawl_config_stores *out, struct pawl_error *error) {
    const char *folder;
    if (context->no_default_store) {
        out->count = 0;
        pawl__log(context->log, PAWL_LOG_INFO, component_scope,
                  "no resources are given, and none are built in, as --no-default-store says");
        return PAWL_OK;
    }
    enum pawl_err err = component_data_folder(context, &folder, error);
    if (err) return err;
    out->count = 1;
    out->items[0] = (struct pawl_config_store){
        .name = "statestore",
        .type = "state.sqlite",
        .version = "v1",
        .path = pawl__arena_format(context->arena, "%s/statestore.db", folder),
        .key_prefix = context->app_id,
        .holds_workflows = true,
        .origin = "built in",
    };
    pawl__log(context->log, PAWL_LOG_INFO, component_scope,
              "no resources are given: state and workflows are kept in %s", out->items[0].path);
    return PAWL_OK;
}
