#include "config/resource.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>

#include "config/near.h"

static const char *const resource_scope = "dapr.runtime.processor";

// All kinds that a file for Dapr may hold.
static const char *const resource_kinds[] = {
    "Component",    "Configuration", "Subscription",         "Resiliency",
    "HTTPEndpoint", "MCPServer",     "WorkflowAccessPolicy", NULL};

struct resources {
    const struct pawl_config_context *context;
    const char *kind;
    enum pawl_err (*fn)(void *arg, struct pawl_yaml *document);
    void *arg;
    struct pawl_error *error;
};

// --- documents ----------------------------------------------------------------------------------

// "---" with nothing behind it.
static bool resource_is_blank(const struct pawl_yaml *document) {
    return document->kind == PAWL_YAML_SCALAR && !document->quoted && !*document->text;
}

enum pawl_err pawl__resource_is(const struct pawl_yaml *document, const char *kind, bool *out,
                                struct pawl_error *error) {
    const char *given = pawl__yaml_text(document, "kind");
    *out = false;
    if (resource_is_blank(document)) return PAWL_OK;
    if (document->kind != PAWL_YAML_MAP)
        return pawl__yaml_fail(document, error, "a resource", "a map with a kind and a spec");
    if (!given || !*given) {
        char expected[64];
        snprintf(expected, sizeof expected, "given, as in \"kind: %s\"", kind);
        return pawl__yaml_fail(document, error, "kind", expected);
    }
    const char *near = pawl__nearest(given, resource_kinds);
    if (near && strcmp(given, near) != 0)
        return pawl__fail(error, PAWL_E_INVALID,
                          "%s:%d: there is no kind \"%s\"; did you mean \"%s\"?", document->file,
                          pawl__yaml_get(document, "kind")->line, given, near);
    *out = strcmp(given, kind) == 0;
    return PAWL_OK;
}

enum pawl_err pawl__resource_check(const struct pawl_config_context *context,
                                   const struct pawl_yaml *map, const char *what,
                                   const char *const *known, struct pawl_error *error) {
    struct pawl_error flaw;
    if (!map) return PAWL_OK;
    if (map->kind != PAWL_YAML_MAP) return pawl__yaml_fail(map, error, what, "a map of keys");
    for (const struct pawl_yaml *child = map->children; child; child = child->next) {
        const char *near = pawl__nearest(child->key, known);
        if (near && strcmp(near, child->key) == 0) continue;
        const struct pawl_yaml one = {
            PAWL_YAML_MAP, .file = map->file,
            .children =
                &(struct pawl_yaml){.key = child->key, .line = child->line, .file = child->file}};
        pawl__yaml_check(&one, what, known, near ? error : &flaw);
        if (near) return PAWL_E_INVALID;
        pawl__log(context->log, PAWL_LOG_WARN, resource_scope, "%s", flaw.text);
    }
    return PAWL_OK;
}

static enum pawl_err resource_in_scope(const struct resources *resources,
                                       const struct pawl_yaml *document, bool *out) {
    const char *space = pawl__yaml_text(pawl__yaml_get(document, "metadata"), "namespace");
    const char *own = resources->context->namespace;
    const struct pawl_yaml *scopes = pawl__yaml_get(document, "scopes");
    *out = !space || !*space || !*own || strcmp(space, own) == 0;
    if (!scopes || !*out) return PAWL_OK;
    if (scopes->kind != PAWL_YAML_LIST)
        return scopes->text && !*scopes->text
                   ? PAWL_OK
                   : pawl__yaml_fail(scopes, resources->error, "scopes", "a list of app IDs");
    *out = !scopes->children;
    for (const struct pawl_yaml *one = scopes->children; one; one = one->next)
        if (one->text && strcmp(one->text, resources->context->app_id) == 0) *out = true;
    return PAWL_OK;
}

// --- files --------------------------------------------------------------------------------------

static enum pawl_err resource_file(const struct resources *resources, const char *path) {
    struct pawl_arena *arena = resources->context->arena;
    struct pawl_yaml *document;
    struct pawl_str text;
    enum pawl_err err = pawl__file_read(path, arena, &text, resources->error);
    if (!err && strspn(text.data, " \t\r\n") == text.len)
        return pawl__fail(resources->error, PAWL_E_INVALID,
                          "%s: the file is empty; write a %s, or remove the file", path,
                          resources->kind);
    if (!err) err = pawl__yaml_parse(path, text, arena, &document, resources->error);
    for (; !err && document; document = document->next) {
        bool wanted;
        err = pawl__resource_is(document, resources->kind, &wanted, resources->error);
        if (!err && wanted) err = resource_in_scope(resources, document, &wanted);
        if (!err && wanted) err = resources->fn(resources->arg, document);
    }
    return err;
}

static int resource_by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

// In capitals, too, as for daprd.
static bool resource_has_ending(const char *name, const char *ending) {
    size_t len = strlen(name), tail = strlen(ending);
    return len > tail && strcasecmp(name + len - tail, ending) == 0;
}

// One that is not regular could be waited for without end, or would be empty when it is read again.
static enum pawl_err resource_entry(const struct resources *resources, const char *path,
                                    bool is_resource) {
    struct stat info;
    bool is_there = stat(path, &info) == 0; // a link that leads nowhere is not
    bool is_regular = is_there && S_ISREG(info.st_mode);
    if (is_there && S_ISDIR(info.st_mode)) return PAWL_OK;
    if (is_resource && is_there && !is_regular)
        return pawl__fail(resources->error, PAWL_E_INVALID,
                          "%s is no regular file; write a %s, or remove it", path, resources->kind);
    if (is_resource) return resource_file(resources, path);
    if (is_regular)
        pawl__log(resources->context->log, PAWL_LOG_WARN, resource_scope,
                  "%s is passed over: resources end in .yaml, .yml or .json", path);
    return PAWL_OK;
}

static enum pawl_err resource_folder(const struct resources *resources, const char *folder) {
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, resource_by_name);
    if (count < 0)
        return pawl__fail(resources->error, PAWL_E_NOT_FOUND,
                          "cannot read the resources folder %s: %s; check --resources-path", folder,
                          strerror(errno));
    enum pawl_err err = PAWL_OK;
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", folder, name);
        bool is_resource = resource_has_ending(name, ".yaml") ||
                           resource_has_ending(name, ".yml") || resource_has_ending(name, ".json");
        if (!err) err = resource_entry(resources, path, is_resource);
        free(entries[i]);
    }
    free(entries);
    return err;
}

enum pawl_err pawl__resources_read(const struct pawl_config_context *context,
                                   const char *const *folders, size_t count, const char *kind,
                                   enum pawl_err (*fn)(void *arg, struct pawl_yaml *document),
                                   void *arg, struct pawl_error *error) {
    const struct resources resources = {context, kind, fn, arg, error};
    enum pawl_err err = PAWL_OK;
    for (size_t i = 0; !err && i < count; i++) err = resource_folder(&resources, folders[i]);
    return err;
}
