#include "cli/reload.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "cli/inside.h"
#include "cli/tracing.h"

static const char *const reload_scope = "dapr.runtime.hotreload";

enum {
    RELOAD_SETTLE_MS = 200, // without an event
    RELOAD_SETTLE_MOST_MS = 2000,
    RELOAD_INTERVAL_MS = 60000,
    RELOAD_WATCHES = 64, // as many as folders and files can be given
    RELOAD_PATH = 4096
};

struct reload_watch {
    uv_fs_event_t event;
    char folder[RELOAD_PATH];
    const char *file; // the one that counts, without its folder; NULL: all of resources
};

// A store that is to be: one that runs, or one that was opened for it.
struct reload_store {
    struct pawl_api_store *kept; // held
    struct pawl_store *opened;
};

// What the thread has, and gives back.
struct reload_job {
    uv_work_t work;
    struct pawl_api_store *before[PAWL_CONFIG_STORES]; // held
    size_t before_count;
    struct pawl_settings *current; // held
    struct pawl_settings *next;    // NULL: nothing differs, or |error|
    struct reload_store stores[PAWL_CONFIG_STORES];
    bool restarts;
    struct pawl_error error;
};

struct pawl_reload {
    struct pawl_reload_options options;
    struct pawl_settings *settings; // held
    struct reload_watch *watches;
    size_t watch_count;
    uv_signal_t hangup;
    uv_timer_t settle, interval;
    int64_t unsettled; // since when, steady; 0: it is not
    bool watching;
    bool running, restarting; // the job; the daemon
    bool again;               // once neither is under way
    bool asked;               // by signal: who asked hears also that nothing differs
    bool told_watch, closing;
    struct pawl_error told; // the last one, so that an interval does not repeat it
    int handles;
    struct reload_job job;
};

// --- on the thread ------------------------------------------------------------------------------

static bool reload_is_same(const struct pawl_config_store *a, const struct pawl_config_store *b) {
    return strcmp(a->name, b->name) == 0 && pawl__str_equal(a->said, b->said);
}

static struct pawl_api_store *reload_find(const struct reload_job *job,
                                          const struct pawl_config_store *given) {
    for (size_t i = 0; i < job->before_count; i++)
        if (reload_is_same(pawl__daemon_store_given(job->before[i]), given)) return job->before[i];
    return NULL;
}

static const struct pawl_config_store *reload_workflows(const struct pawl_config_stores *stores) {
    for (size_t i = 0; i < stores->count; i++)
        if (stores->items[i].holds_workflows) return &stores->items[i];
    return NULL;
}

// Whether the store with the workflows is another one, or is gone, or has come.
static bool reload_moves_workflows(const struct reload_job *job, const struct pawl_settings *next) {
    const struct pawl_config_store *was = NULL, *now = reload_workflows(&next->stores);
    for (size_t i = 0; i < job->before_count; i++)
        if (pawl__daemon_store_given(job->before[i])->holds_workflows)
            was = pawl__daemon_store_given(job->before[i]);
    return was && now ? !reload_is_same(was, now) : was || now;
}

static bool reload_configures(const struct reload_job *job, const struct pawl_settings *next) {
    return !pawl__str_equal(job->current->configuration.said, next->configuration.said);
}

static bool reload_tells_same(const struct pawl_config_resources *a,
                              const struct pawl_config_resources *b) {
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        const struct pawl_config_resource *x = &a->items[i], *y = &b->items[i];
        same = strcmp(x->name, y->name) == 0 && strcmp(x->version, y->version) == 0 &&
               pawl__str_equal(pawl__str(x->type), pawl__str(y->type));
    }
    return same;
}

// Whether |given| is among those that |were| there: then it could not be opened, and was passed
// over.
static bool reload_is_ignored(const struct pawl_config_stores *were,
                              const struct pawl_config_store *given) {
    for (size_t i = 0; given->ignores_errors && i < were->count; i++)
        if (reload_is_same(&were->items[i], given)) return true;
    return false;
}

static bool reload_differs(const struct reload_job *job, const struct pawl_settings *next) {
    const struct pawl_config_stores *was = &job->current->stores, *now = &next->stores;
    if (reload_configures(job, next) || now->count != was->count) return true;
    if (!reload_tells_same(&was->secrets, &now->secrets)) return true;
    if (!pawl__str_equal(was->policies_said, now->policies_said)) return true;
    for (size_t i = 0; i < now->count; i++)
        if (!reload_find(job, &now->items[i]) && !reload_is_ignored(was, &now->items[i]))
            return true;
    return false;
}

static void reload_drop_opened(struct reload_job *job) {
    for (size_t i = 0; i < PAWL_CONFIG_STORES; i++) {
        struct pawl_store *opened = job->stores[i].opened;
        if (opened) opened->ops->close(opened);
        job->stores[i].opened = NULL;
    }
}

static enum pawl_err reload_open(const struct pawl_reload *reload, struct reload_job *job,
                                 const struct pawl_settings *next) {
    for (size_t i = 0; i < next->stores.count; i++) {
        const struct pawl_config_store *given = &next->stores.items[i];
        job->stores[i].kept = reload_find(job, given);
        if (job->stores[i].kept) continue;
        enum pawl_err err = pawl__daemon_store_open(reload->options.stores, given,
                                                    &job->stores[i].opened, &job->error);
        if (!err) continue;
        job->stores[i].opened = NULL;
        if (!pawl__daemon_store_ignores(reload->options.stores, given, &job->error)) return err;
        pawl__error_clear(&job->error);
    }
    return PAWL_OK;
}

// A configuration is only taken over when all can begin by it.
static enum pawl_err reload_check(const struct pawl_reload *reload, struct reload_job *job,
                                  const struct pawl_settings *next) {
    if (!reload_configures(job, next)) return PAWL_OK;
    if (pawl__inside_check(next, reload->options.loops, &job->error)) return job->error.code;
    return pawl__tracing_check(&next->configuration.tracing, reload->options.source->app_id, NULL,
                               &job->error);
}

// A pipe, as a shell's <(...) gives, was emptied at the start: it would say now that nothing is
// configured.
static enum pawl_err reload_can_read(const struct pawl_settings_source *source,
                                     struct pawl_error *error) {
    struct stat info;
    for (size_t i = 0; i < source->file_count; i++)
        if (stat(source->files[i], &info) == 0 && !S_ISREG(info.st_mode))
            return pawl__fail(
                error, PAWL_E_PRECONDITION,
                "the configuration %s is no regular file, so that it is read only once",
                source->files[i]);
    return PAWL_OK;
}

// Reads twice when something differs: the first time nobody is told what is not used, as that is
// known from the time when it was taken over.
static void reload_run(uv_work_t *work) {
    struct pawl_reload *reload = work->data;
    struct reload_job *job = &reload->job;
    const struct pawl_settings_source *source = reload->options.source;
    struct pawl_settings *next;
    if (reload_can_read(source, &job->error)) return;
    if (pawl__settings_read(source, NULL, &next, &job->error)) return;
    bool differs = reload_differs(job, next);
    pawl__settings_release(next);
    if (!differs) return;
    if (pawl__settings_read(source, reload->options.log, &next, &job->error)) return;
    if (reload_check(reload, job, next) || reload_open(reload, job, next)) {
        reload_drop_opened(job);
        pawl__settings_release(next);
        return;
    }
    job->restarts = reload->options.loops > 1 || reload_configures(job, next) ||
                    reload_moves_workflows(job, next);
    job->next = next;
}

// --- what differs goes live ---------------------------------------------------------------------

static void reload_free(struct pawl_reload *reload);
static void reload_begin(struct pawl_reload *reload);

static void reload_tell_error(struct pawl_reload *reload, const struct pawl_error *error) {
    if (strcmp(reload->told.text, error->text) == 0) return;
    reload->told = *error;
    pawl__log(reload->options.log, PAWL_LOG_ERROR, reload_scope,
              "what the files say now is not taken over, all goes on as it was: %s", error->text);
}

static bool reload_is_among(const struct pawl_config_stores *stores, const char *name) {
    for (size_t i = 0; i < stores->count; i++)
        if (strcmp(stores->items[i].name, name) == 0) return true;
    return false;
}

// Makes the stores that are to be, each held, from what the thread has opened.
static enum pawl_err reload_adopt(struct pawl_reload *reload, struct pawl_reload_next *out,
                                  struct pawl_error *error) {
    struct reload_job *job = &reload->job;
    const struct pawl_config_stores *given = &job->next->stores;
    out->count = 0;
    for (size_t i = 0; i < given->count; i++) {
        struct reload_store *one = &job->stores[i];
        struct pawl_daemon_store *store;
        if (one->kept) {
            out->items[out->count++] = pawl__api_store_hold(one->kept);
            continue;
        }
        if (!one->opened) continue; // it was passed over
        enum pawl_err err = pawl__daemon_stores_add(reload->options.stores, one->opened, job->next,
                                                    &given->items[i], &store, error);
        one->opened = NULL;
        if (err) return err;
        out->items[out->count++] = &store->api;
    }
    return PAWL_OK;
}

static void reload_apply(struct pawl_reload *reload) {
    struct reload_job *job = &reload->job;
    struct pawl_reload_next next = {.settings = job->next};
    struct pawl_error error = {PAWL_E_OK, ""};
    if (reload_adopt(reload, &next, &error)) {
        pawl__daemon_stores_let_go(next.items, next.count);
        reload_tell_error(reload, &error);
        return;
    }
    pawl__error_clear(&reload->told);
    for (size_t i = 0; i < job->before_count; i++)
        if (!reload_is_among(&job->next->stores, job->before[i]->name))
            pawl__log(reload->options.log, PAWL_LOG_INFO, reload_scope,
                      "Component closed: %s (%s/%s) is in no file any more", job->before[i]->name,
                      job->before[i]->type, job->before[i]->version);
    if (job->restarts) {
        pawl__settings_hold(next.settings);
        reload->restarting = true;
        reload->options.restart(reload->options.arg, &next);
        return;
    }
    pawl__daemon_stores_put(reload->options.stores, job->next, next.items, next.count);
    pawl__settings_release(reload->settings);
    reload->settings = pawl__settings_hold(job->next);
    pawl__log(reload->options.log, PAWL_LOG_INFO, reload_scope,
              "the state stores are those of the files again");
}

static void reload_done(uv_work_t *work, int status) {
    struct pawl_reload *reload = work->data;
    struct reload_job *job = &reload->job;
    reload->running = false;
    if (reload->closing)
        reload_drop_opened(job);
    else if (job->next)
        reload_apply(reload);
    else if (job->error.code)
        reload_tell_error(reload, &job->error);
    else
        pawl__log(reload->options.log, reload->asked ? PAWL_LOG_INFO : PAWL_LOG_DEBUG, reload_scope,
                  "the files say what already holds");
    reload_drop_opened(job);
    reload->asked = reload->again;
    for (size_t i = 0; i < job->before_count; i++) pawl__api_store_release(job->before[i]);
    pawl__settings_release(job->current);
    pawl__settings_release(job->next);
    if (reload->closing)
        reload_free(reload);
    else if (reload->again)
        reload_begin(reload);
}

static void reload_begin(struct pawl_reload *reload) {
    struct reload_job *job = &reload->job;
    const struct pawl_api_stores *set = &reload->options.stores->set;
    reload->again = reload->running || reload->restarting;
    if (reload->again) return;
    reload->running = true;
    *job = (struct reload_job){.current = pawl__settings_hold(reload->settings)};
    for (; job->before_count < set->count; job->before_count++)
        job->before[job->before_count] = pawl__api_store_hold(set->items[job->before_count]);
    job->work.data = reload;
    uv_queue_work(reload->options.loop, &job->work, reload_run, reload_done);
}

// --- when ---------------------------------------------------------------------------------------

static void reload_watch_again(struct pawl_reload *reload);

static void reload_on_settle(uv_timer_t *timer) {
    struct pawl_reload *reload = timer->data;
    reload->unsettled = 0;
    reload_watch_again(reload); // before the files are read: what happens from now on is seen
    reload_begin(reload);
}

static void reload_on_interval(uv_timer_t *timer) {
    struct pawl_reload *reload = timer->data;
    reload_watch_again(reload);
    reload_begin(reload);
}

static void reload_on_hangup(uv_signal_t *handle, int number) {
    struct pawl_reload *reload = handle->data;
    pawl__log(reload->options.log, PAWL_LOG_INFO, reload_scope,
              "received signal 'hangup': the files are read again");
    pawl__error_clear(&reload->told);
    reload->asked = true;
    reload_watch_again(reload);
    reload_begin(reload);
}

static bool reload_counts(const struct reload_watch *watch, const char *name) {
    static const char *const endings[] = {".yaml", ".yml", ".json"};
    if (!name || strncmp(name, "..", 2) == 0) return true;
    if (watch->file) return strcmp(name, watch->file) == 0;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t len = strlen(name), tail = strlen(endings[i]);
        if (len > tail && strcmp(name + len - tail, endings[i]) == 0) return true;
    }
    return false;
}

static void reload_on_event(uv_fs_event_t *event, const char *name, int events, int status) {
    struct reload_watch *watch = PAWL_CONTAINER(event, struct reload_watch, event);
    struct pawl_reload *reload = event->data;
    int64_t now = pawl__clock_steady();
    // also after an event that failed: something has happened, and the files tell what
    if (reload->closing || !reload_counts(watch, name)) return;
    if (!reload->unsettled) reload->unsettled = now;
    int64_t left = RELOAD_SETTLE_MOST_MS - (now - reload->unsettled) / PAWL_MILLISECOND;
    if (left > RELOAD_SETTLE_MS) left = RELOAD_SETTLE_MS;
    uv_timer_start(&reload->settle, reload_on_settle, left > 0 ? (uint64_t)left : 0, 0);
}

// A folder that was replaced by another of its name is another folder to the kernel.
static void reload_watch_again(struct pawl_reload *reload) {
    for (size_t i = 0; reload->watching && i < reload->watch_count; i++) {
        struct reload_watch *watch = &reload->watches[i];
        uv_fs_event_stop(&watch->event);
        int rc = uv_fs_event_start(&watch->event, reload_on_event, watch->folder, 0);
        if (!rc || rc == UV_ENOENT || reload->told_watch) continue; // reading tells what is missing
        reload->told_watch = true;
        pawl__log(
            reload->options.log, PAWL_LOG_WARN, reload_scope,
            "%s cannot be watched: %s; its files are read every --hot-reload-reconcile-interval "
            "and on SIGHUP",
            watch->folder, uv_strerror(rc));
    }
}

// --- its life -----------------------------------------------------------------------------------

static void reload_add_watch(struct pawl_reload *reload, const char *folder, size_t len,
                             const char *file) {
    if (len >= RELOAD_PATH || reload->watch_count == RELOAD_WATCHES) return;
    struct reload_watch *watch = &reload->watches[reload->watch_count++];
    snprintf(watch->folder, sizeof watch->folder, "%.*s", (int)len, folder);
    watch->file = file;
    uv_fs_event_init(reload->options.loop, &watch->event);
    watch->event.data = reload;
    uv_unref((uv_handle_t *)&watch->event);
}

static void reload_add_watches(struct pawl_reload *reload) {
    const struct pawl_settings_source *source = reload->options.source;
    for (size_t i = 0; i < source->folder_count; i++)
        reload_add_watch(reload, source->folders[i], strlen(source->folders[i]), NULL);
    for (size_t i = 0; i < source->file_count; i++) {
        const char *path = source->files[i], *slash = strrchr(path, '/');
        if (!slash)
            reload_add_watch(reload, ".", 1, path);
        else
            reload_add_watch(reload, path, slash == path ? 1 : (size_t)(slash - path), slash + 1);
    }
}

static void reload_set(struct pawl_reload *reload, struct pawl_settings *settings) {
    int64_t interval = reload->options.interval / PAWL_MILLISECOND;
    pawl__settings_release(reload->settings);
    reload->settings = pawl__settings_hold(settings);
    reload->watching = !settings->configuration.no_hot_reload;
    if (interval <= 0) interval = RELOAD_INTERVAL_MS;
    if (reload->watching) {
        uv_timer_start(&reload->interval, reload_on_interval, (uint64_t)interval,
                       (uint64_t)interval);
        reload_watch_again(reload);
        return;
    }
    uv_timer_stop(&reload->interval);
    uv_timer_stop(&reload->settle);
    for (size_t i = 0; i < reload->watch_count; i++) uv_fs_event_stop(&reload->watches[i].event);
}

struct pawl_reload *pawl__reload_create(const struct pawl_reload_options *options,
                                        struct pawl_settings *settings) {
    struct pawl_reload *reload = calloc(1, sizeof *reload);
    struct reload_watch *watches = calloc(RELOAD_WATCHES, sizeof *watches);
    if (!reload || !watches) {
        free(reload);
        free(watches);
        return NULL;
    }
    reload->options = *options;
    reload->watches = watches;
    uv_signal_init(options->loop, &reload->hangup);
    uv_timer_init(options->loop, &reload->settle);
    uv_timer_init(options->loop, &reload->interval);
    reload->hangup.data = reload->settle.data = reload->interval.data = reload;
    uv_signal_start(&reload->hangup, reload_on_hangup, SIGHUP);
    uv_unref((uv_handle_t *)&reload->hangup);
    uv_unref((uv_handle_t *)&reload->settle);
    uv_unref((uv_handle_t *)&reload->interval);
    reload_add_watches(reload);
    reload_set(reload, settings);
    return reload;
}

void pawl__reload_resume(struct pawl_reload *reload, struct pawl_settings *settings) {
    reload->restarting = false;
    reload_set(reload, settings);
    if (reload->again) reload_begin(reload);
}

static void reload_free(struct pawl_reload *reload) {
    if (reload->handles || reload->running) return;
    pawl__settings_release(reload->settings);
    free(reload->watches);
    free(reload);
}

static void reload_on_closed(uv_handle_t *handle) {
    struct pawl_reload *reload = handle->data;
    reload->handles--;
    reload_free(reload);
}

void pawl__reload_destroy(struct pawl_reload *reload) {
    if (!reload) return;
    reload->closing = true;
    reload->handles = 3 + (int)reload->watch_count;
    uv_close((uv_handle_t *)&reload->hangup, reload_on_closed);
    uv_close((uv_handle_t *)&reload->settle, reload_on_closed);
    uv_close((uv_handle_t *)&reload->interval, reload_on_closed);
    for (size_t i = 0; i < reload->watch_count; i++)
        uv_close((uv_handle_t *)&reload->watches[i].event, reload_on_closed);
}
