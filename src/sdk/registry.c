#include "sdk/registry.h"

#include <stdlib.h>

#include "sdk/error.h"

void pawl__registry_finish(struct pawl_registry *registry) {
    while (registry->workflows) {
        struct pawl_workflow_entry *entry = registry->workflows;
        registry->workflows = entry->next;
        free(entry);
    }
    while (registry->activities) {
        struct pawl_activity_entry *entry = registry->activities;
        registry->activities = entry->next;
        free(entry);
    }
}

const struct pawl_workflow_entry *pawl__registry_workflow(const struct pawl_registry *registry,
                                                          const char *name, const char *version) {
    const struct pawl_workflow_entry *entry = registry->workflows;
    while (entry && (strcmp(entry->name, name) || (version && strcmp(entry->version, version))))
        entry = entry->next;
    return entry;
}

const struct pawl_activity_entry *pawl__registry_activity(const struct pawl_registry *registry,
                                                          const char *name) {
    const struct pawl_activity_entry *entry = registry->activities;
    while (entry && strcmp(entry->name, name)) entry = entry->next;
    return entry;
}

// An entry of |size| bytes with copies of the two strings behind it.
static void *registry_entry(size_t size, const char *name, const char *version,
                            const char **name_copy, const char **version_copy) {
    size_t name_size = strlen(name) + 1, version_size = strlen(version) + 1;
    char *entry = malloc(size + name_size + version_size);
    if (!entry) return NULL;
    *name_copy = memcpy(entry + size, name, name_size);
    *version_copy = memcpy(entry + size + name_size, version, version_size);
    return entry;
}

enum pawl_err pawl__registry_add_workflow(struct pawl_registry *registry, const char *name,
                                          const char *version, pawl_workflow_fn function,
                                          void *arg) {
    PAWL_TRY(pawl__sdk_check_name(name, "workflow's name"));
    if (!version) return pawl__sdk_fail(PAWL_E_INVALID, "workflow '%s' has no version", name);
    PAWL_TRY(pawl__sdk_check_payload(pawl_text(version), "version", name));
    if (!function) return pawl__sdk_fail(PAWL_E_INVALID, "workflow '%s' has no function", name);
    if (pawl__registry_workflow(registry, name, version))
        return pawl__sdk_fail(PAWL_E_EXISTS, "there is already a workflow '%s'%s%s", name,
                              *version ? " of version " : "", version);
    const char *name_copy, *version_copy;
    struct pawl_workflow_entry *entry =
        registry_entry(sizeof *entry, name, version, &name_copy, &version_copy);
    if (!entry) return pawl__sdk_fail_nomem();
    *entry = (struct pawl_workflow_entry){
        .next = registry->workflows,
        .function = function,
        .arg = arg,
        .name = name_copy,
        .version = version_copy,
    };
    registry->workflows = entry;
    return PAWL_OK;
}

enum pawl_err pawl__registry_add_activity(struct pawl_registry *registry, const char *name,
                                          pawl_activity_fn function, void *arg, bool is_quick) {
    PAWL_TRY(pawl__sdk_check_name(name, "activity's name"));
    if (!function) return pawl__sdk_fail(PAWL_E_INVALID, "activity '%s' has no function", name);
    if (pawl__registry_activity(registry, name))
        return pawl__sdk_fail(PAWL_E_EXISTS, "there is already an activity '%s'", name);
    const char *name_copy, *version_copy;
    struct pawl_activity_entry *entry =
        registry_entry(sizeof *entry, name, "", &name_copy, &version_copy);
    if (!entry) return pawl__sdk_fail_nomem();
    *entry = (struct pawl_activity_entry){
        .next = registry->activities,
        .function = function,
        .arg = arg,
        .name = name_copy,
        .is_quick = is_quick,
    };
    registry->activities = entry;
    return PAWL_OK;
}
