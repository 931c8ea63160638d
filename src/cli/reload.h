#ifndef PAWL_CLI_RELOAD_H
#define PAWL_CLI_RELOAD_H

// Takes over what the files of a daemon say while it runs.
//
//   SIGHUP ────────────────────────────────┐
//   change of a file ──► [settle] ─────────┼──► a thread: reads all files, compares, opens what is
//   --hot-reload-reconcile-interval ───────┘    new or changed ──► the loop: what differs goes live
//
// State stores of the app are exchanged while calls run (api/stores.h). A change of the
// configuration or of the store with the workflows is the daemon's affair (|restart|), as it is
// in the reference, which begins anew in its process.
//
// It is all or nothing: a file with a mistake, or a store that cannot be opened, leaves all that
// runs as it is, and is told with file and line. It is tried again with the next change, signal or
// interval.
//
// Watched are the folders of resources, and those that configuration files lie in. Of their names
// those of resource files count, and those that begin with "..", by which Kubernetes exchanges the
// content of a folder. The several events of an editor count as one: files are read once nothing
// has happened for 0.2 seconds, or 2 seconds after the first event.

#include "cli/stores.h"

struct pawl_reload;

// What is to be, when it is not only stores of the app that differ.
struct pawl_reload_next {
    struct pawl_settings *settings;                   // held
    struct pawl_api_store *items[PAWL_CONFIG_STORES]; // of the next set; held
    size_t count;
};

struct pawl_reload_options {
    uv_loop_t *loop;
    const struct pawl_settings_source *source;
    struct pawl_daemon_stores *stores;
    size_t loops;     // of the daemon; with several, all changes are for |restart|
    int64_t interval; // nanoseconds between looks at all files; 0: a minute, as in the reference
    const struct pawl_log *log;
    // Takes over the holds of |next|, and calls pawl__reload_resume when that is what runs.
    void (*restart)(void *arg, const struct pawl_reload_next *next);
    void *arg;
};

// Begins to watch, unless |settings|, by which all runs now, turn it off. NULL: memory is out.
struct pawl_reload *pawl__reload_create(const struct pawl_reload_options *options,
                                        struct pawl_settings *settings);

// After |restart|: the daemon runs as |settings| say.
void pawl__reload_resume(struct pawl_reload *reload, struct pawl_settings *settings);

// Ends it, soon: stores that it looks at are held until then. NULL: does nothing.
void pawl__reload_destroy(struct pawl_reload *reload);

#endif
