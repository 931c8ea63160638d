#include "config/resiliency.h"

#include "base/buf.h"
#include "config/policies.h"

static const char *const resiliency_scope = "dapr.runtime.resiliency";

// A policy of |kind|, and its name.
struct resiliency_policy {
    enum pawl_policy_kind kind;
    const char *name;
    struct pawl_policy policy;
    struct resiliency_policy *next;
};

enum resiliency_group {
    RESILIENCY_APPS,
    RESILIENCY_ACTORS,
    RESILIENCY_COMPONENTS,
    RESILIENCY_GROUPS
};

static const char *const resiliency_groups[] = {"apps", "actors", "components"};

struct resiliency_target {
    enum resiliency_group group;
    const struct pawl_yaml *entry; // its key is what is meant
    bool acted_upon;
    struct resiliency_target *next;
};

struct resiliency {
    const struct pawl_config_context *context;
    struct pawl_config_stores *stores;
    struct resiliency_policy *policies; // the latest ones first
    struct resiliency_target *targets;  // likewise
    struct pawl_buf said;
    struct pawl_error *error;
};

// --- documents ----------------------------------------------------------------------------------

// Two documents of which the same is said are the same.
static void resiliency_say(struct resiliency *resiliency, const struct pawl_yaml *node) {
    const char *texts[] = {node->key, node->text};
    for (size_t i = 0; i < 2; i++)
        pawl__buf_append(&resiliency->said, texts[i] ? texts[i] : "",
                         texts[i] ? strlen(texts[i]) + 1 : 1);
    for (const struct pawl_yaml *child = node->children; child; child = child->next)
        resiliency_say(resiliency, child);
    pawl__buf_append(&resiliency->said, ";", 1);
}

// The entries of the map under |key|, which may be absent or empty.
static enum pawl_err resiliency_entries(struct resiliency *resiliency, const struct pawl_yaml *map,
                                        const char *key, const struct pawl_yaml **out) {
    const struct pawl_yaml *list = pawl__yaml_get(map, key);
    *out = NULL;
    if (!list || (list->kind == PAWL_YAML_SCALAR && !*list->text)) return PAWL_OK;
    if (list->kind != PAWL_YAML_MAP)
        return pawl__yaml_fail(list, resiliency->error, key, "a map of names");
    *out = list->children;
    return PAWL_OK;
}

static enum pawl_err resiliency_take_policies(struct resiliency *resiliency,
                                              const struct pawl_yaml *policies,
                                              enum pawl_policy_kind kind) {
    const struct pawl_yaml *entry;
    enum pawl_err err =
        resiliency_entries(resiliency, policies, pawl__policy_words[kind].list, &entry);
    for (; !err && entry; entry = entry->next) {
        struct resiliency_policy *row = pawl__arena_zalloc(resiliency->context->arena, sizeof *row);
        if (!row) return pawl__fail_plain(resiliency->error, PAWL_E_NOMEM);
        row->kind = kind;
        row->name = entry->key;
        row->next = resiliency->policies;
        resiliency->policies = row;
        err = pawl__policy_take(resiliency->context, kind, entry, &row->policy, resiliency->error);
    }
    return err;
}

static enum pawl_err resiliency_take_targets(struct resiliency *resiliency,
                                             const struct pawl_yaml *targets,
                                             enum resiliency_group group) {
    const struct pawl_yaml *entry;
    enum pawl_err err = resiliency_entries(resiliency, targets, resiliency_groups[group], &entry);
    for (; !err && entry; entry = entry->next) {
        struct resiliency_target *row = pawl__arena_zalloc(resiliency->context->arena, sizeof *row);
        if (!row) return pawl__fail_plain(resiliency->error, PAWL_E_NOMEM);
        *row = (struct resiliency_target){group, entry, .next = resiliency->targets};
        resiliency->targets = row;
    }
    return err;
}

static enum pawl_err resiliency_take(void *arg, struct pawl_yaml *document) {
    static const char *const document_keys[] = {"apiVersion", "kind",   "metadata", "version",
                                                "spec",       "scopes", NULL};
    static const char *const spec_keys[] = {"policies", "targets", NULL};
    static const char *const policy_keys[] = {"timeouts", "retries", "circuitBreakers", NULL};
    static const char *const target_keys[] = {"apps", "actors", "components", NULL};
    struct resiliency *resiliency = arg;
    const struct pawl_config_context *context = resiliency->context;
    struct pawl_error *error = resiliency->error;
    const struct pawl_yaml *spec = pawl__yaml_get(document, "spec");
    const struct pawl_yaml *policies = pawl__yaml_get(spec, "policies");
    const struct pawl_yaml *targets = pawl__yaml_get(spec, "targets");
    const struct pawl_yaml *metadata = pawl__yaml_get(document, "metadata");
    const char *name = pawl__yaml_text(metadata, "name");
    const char *namespace = pawl__yaml_text(metadata, "namespace");
    struct pawl_config_resources *list = &resiliency->stores->policies;
    if (pawl__yaml_get(document, "targets"))
        return pawl__yaml_fail(pawl__yaml_get(document, "targets"), error, "targets",
                               "within spec");
    enum pawl_err err =
        pawl__resource_check(context, document, "a Resiliency", document_keys, error);
    if (!err) err = pawl__resource_check(context, spec, "spec", spec_keys, error);
    if (!err) err = pawl__resource_check(context, policies, "policies", policy_keys, error);
    if (!err) err = pawl__resource_check(context, targets, "targets", target_keys, error);
    for (int kind = 0; !err && kind < PAWL_POLICY_KINDS; kind++)
        err = resiliency_take_policies(resiliency, policies, kind);
    for (int group = 0; !err && group < RESILIENCY_GROUPS; group++)
        err = resiliency_take_targets(resiliency, targets, group);
    if (!err && list->count < PAWL_CONFIG_STORES)
        list->items[list->count++] = (struct pawl_config_resource){
            .name = name ? name : "", .version = "v1", .namespace = namespace ? namespace : ""};
    resiliency_say(resiliency, document);
    return err;
}

// --- names --------------------------------------------------------------------------------------

static const struct resiliency_policy *
resiliency_find(const struct resiliency *resiliency, enum pawl_policy_kind kind, const char *name) {
    const struct resiliency_policy *row = resiliency->policies;
    while (row && (row->kind != kind || strcmp(row->name, name) != 0)) row = row->next;
    return row;
}

// Puts together the policies that |names| names; |out| may be NULL, to check only.
static enum pawl_err resiliency_resolve(const struct resiliency *resiliency,
                                        const struct pawl_yaml *names, struct pawl_policy *out) {
    for (int kind = 0; kind < PAWL_POLICY_KINDS; kind++) {
        const struct pawl_policy_words *words = &pawl__policy_words[kind];
        const struct pawl_yaml *node = pawl__yaml_get(names, words->one);
        const char *name = node ? node->text : "";
        if (name && !*name) continue;
        const struct resiliency_policy *row = name ? resiliency_find(resiliency, kind, name) : NULL;
        char expected[64];
        snprintf(expected, sizeof expected, "the name of one of spec.policies.%s", words->list);
        if (!row) return pawl__yaml_fail(node, resiliency->error, words->one, expected);
        if (out) pawl__policy_put(out, kind, &row->policy);
    }
    return PAWL_OK;
}

static enum pawl_err resiliency_check_scope(const struct resiliency *resiliency,
                                            const struct pawl_yaml *actor) {
    static const char *const scopes[] = {"type", "id", "both"};
    const char *given = pawl__yaml_text(actor, "circuitBreakerScope");
    if (!given && !pawl__yaml_get(actor, "circuitBreaker")) return PAWL_OK;
    for (size_t i = 0; given && i < sizeof scopes / sizeof *scopes; i++)
        if (strcmp(given, scopes[i]) == 0) return PAWL_OK;
    const struct pawl_yaml *node = pawl__yaml_get(actor, "circuitBreakerScope");
    return pawl__yaml_fail(node ? node : actor, resiliency->error, "circuitBreakerScope",
                           "type, id or both, where there is a circuitBreaker");
}

static enum pawl_err resiliency_check_target(const struct resiliency *resiliency,
                                             const struct resiliency_target *target) {
    static const char *const component_keys[] = {"inbound", "outbound", NULL};
    static const char *const keys[] = {
        "timeout", "retry", "circuitBreaker", "circuitBreakerCacheSize", "circuitBreakerScope",
        NULL};
    const struct pawl_config_context *context = resiliency->context;
    const struct pawl_yaml *entry = target->entry;
    bool is_component = target->group == RESILIENCY_COMPONENTS;
    if (entry->text && !*entry->text) return PAWL_OK;
    enum pawl_err err = pawl__resource_check(
        context, entry, entry->key, is_component ? component_keys : keys, resiliency->error);
    if (!err && target->group == RESILIENCY_ACTORS) err = resiliency_check_scope(resiliency, entry);
    for (int i = 0; !err && is_component && component_keys[i]; i++) {
        const struct pawl_yaml *way = pawl__yaml_get(entry, component_keys[i]);
        err = pawl__resource_check(context, way, component_keys[i], keys, resiliency->error);
        if (!err) err = resiliency_resolve(resiliency, way, NULL);
    }
    return err || is_component ? err : resiliency_resolve(resiliency, entry, NULL);
}

// --- stores -------------------------------------------------------------------------------------

static void resiliency_take_defaults(const struct resiliency *resiliency, struct pawl_policy *out) {
    static const char *const levels[] = {"StatestoreComponentOutbound", "ComponentOutbound",
                                         "Component", ""};
    for (int kind = 0; kind < PAWL_POLICY_KINDS; kind++) {
        const struct resiliency_policy *row = NULL;
        for (size_t i = 0; !row && i < sizeof levels / sizeof *levels; i++) {
            char name[96];
            snprintf(name, sizeof name, "Default%s%sPolicy", levels[i],
                     pawl__policy_words[kind].ending);
            row = resiliency_find(resiliency, kind, name);
        }
        if (row) pawl__policy_put(out, kind, &row->policy);
    }
}

static enum pawl_err resiliency_give(struct resiliency *resiliency,
                                     struct pawl_config_store *store) {
    struct resiliency_target *target = resiliency->targets;
    while (target &&
           (target->group != RESILIENCY_COMPONENTS || strcmp(target->entry->key, store->name) != 0))
        target = target->next;
    store->policy = (struct pawl_policy){0};
    if (!target) {
        resiliency_take_defaults(resiliency, &store->policy);
        return PAWL_OK;
    }
    const struct pawl_yaml *outbound = pawl__yaml_get(target->entry, "outbound");
    target->acted_upon = outbound != NULL;
    return resiliency_resolve(resiliency, outbound, &store->policy);
}

static void resiliency_tell(const struct resiliency *resiliency) {
    for (const struct resiliency_target *one = resiliency->targets; one; one = one->next)
        if (!one->acted_upon)
            pawl__log(resiliency->context->log, PAWL_LOG_INFO, resiliency_scope,
                      "%s:%d: nothing acts on the policies of %s \"%s\": they are obeyed in calls "
                      "to state stores only",
                      one->entry->file, one->entry->line, resiliency_groups[one->group],
                      one->entry->key);
}

enum pawl_err pawl__resiliency_load(const struct pawl_config_context *context,
                                    const char *const *folders, size_t count,
                                    struct pawl_config_stores *stores, struct pawl_error *error) {
    struct resiliency resiliency = {.context = context, .stores = stores, .error = error};
    struct pawl_config_context quiet = *context;
    quiet.log = NULL; // files that are passed over were told
    enum pawl_err err = pawl__resources_read(&quiet, folders, count, "Resiliency", resiliency_take,
                                             &resiliency, error);
    for (const struct resiliency_target *one = resiliency.targets; !err && one; one = one->next)
        err = resiliency_check_target(&resiliency, one);
    for (size_t i = 0; !err && i < stores->count; i++)
        err = resiliency_give(&resiliency, &stores->items[i]);
    if (!err) resiliency_tell(&resiliency);
    stores->policies_said = pawl__buf_str(&resiliency.said);
    stores->policies_said.data = pawl__arena_dup(context->arena, stores->policies_said);
    bool failed = resiliency.said.failed || !stores->policies_said.data;
    pawl__buf_finish(&resiliency.said);
    return !err && failed ? pawl__fail_plain(error, PAWL_E_NOMEM) : err;
}
