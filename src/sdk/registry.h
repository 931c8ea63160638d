#ifndef PAWL_SDK_REGISTRY_H
#define PAWL_SDK_REGISTRY_H

// The workflow and activity functions that a program has registered.

#include <pawl.h>

struct pawl_workflow_entry {
    struct pawl_workflow_entry *next; // added before this one
    pawl_workflow_fn function;
    void *arg;
    const char *name;
    const char *version; // "": none
};

struct pawl_activity_entry {
    struct pawl_activity_entry *next;
    pawl_activity_fn function;
    void *arg;
    const char *name;
    bool is_quick; // it runs on the loop's thread
};

struct pawl_registry {
    struct pawl_workflow_entry *workflows; // the last one added first
    struct pawl_activity_entry *activities;
};

void pawl__registry_finish(struct pawl_registry *registry);

// PAWL_E_EXISTS, PAWL_E_INVALID, PAWL_E_NOMEM. |version| "": none.
enum pawl_err pawl__registry_add_workflow(struct pawl_registry *registry, const char *name,
                                          const char *version, pawl_workflow_fn function,
                                          void *arg);
enum pawl_err pawl__registry_add_activity(struct pawl_registry *registry, const char *name,
                                          pawl_activity_fn function, void *arg, bool is_quick);

// |version| NULL: the version added last. NULL: there is none.
const struct pawl_workflow_entry *pawl__registry_workflow(const struct pawl_registry *registry,
                                                          const char *name, const char *version);
const struct pawl_activity_entry *pawl__registry_activity(const struct pawl_registry *registry,
                                                          const char *name);

#endif
