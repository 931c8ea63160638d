#include "runtime/apps.h"

#include <stdlib.h>

#include "base/clock.h"

#define APPS_BELIEVED (2 * PAWL_SECOND) // what was found

// An app that was asked for. One that was found nowhere is forgotten at once, so that there are no
// more of them than there are apps.
struct apps_app {
    struct pawl_apps *apps;
    struct pawl_places places;
    size_t place;           // where calls go: of the places, counted on beyond their number
    int64_t found_at;       // steady; 0: not yet
    struct apps_look *look; // under way; NULL: none
    struct pawl_link waiting;
    char name[];
};

struct apps_look {
    uv_work_t work;
    struct pawl_apps *apps;
    struct apps_app *app; // NULL: nobody wants to know any more
    struct pawl_places places;
    char name[];
};

// A call that waits until it is known where to.
struct apps_errand {
    struct pawl_remote remote;
    struct pawl_link link;
    struct pawl_call *call;
};

void pawl__apps_init(struct pawl_apps *apps, uv_loop_t *loop, const struct pawl_finder *finder,
                     struct pawl_peers *peers, const char *app_id, const char *namespace) {
    *apps = (struct pawl_apps){.finder = peers ? finder : NULL,
                               .peers = peers,
                               .loop = loop,
                               .app_id = app_id,
                               .namespace = namespace};
}

bool pawl__apps_is_own(const struct pawl_apps *apps, const char *app, const char *namespace) {
    return strcmp(app, apps->app_id) == 0 && strcmp(namespace, apps->namespace) == 0;
}

static void apps_forget(struct apps_app *app) {
    pawl__map_remove(&app->apps->by_name, pawl__str(app->name));
    if (app->look) app->look->app = NULL;
    free(app);
}

static void apps_fail(struct pawl_call *call, enum pawl_err code, const char *text) {
    struct pawl_error error;
    pawl__fail(&error, code, "%s", text);
    call->done(call, &error);
}

// The next call of |waiting|, which waits no more; NULL: there is none.
static struct pawl_call *apps_take(struct pawl_link *waiting) {
    struct pawl_link *link = pawl__list_take(waiting);
    if (!link) return NULL;
    struct apps_errand *errand = PAWL_CONTAINER(link, struct apps_errand, link);
    struct pawl_call *call = errand->call;
    call->remote = NULL;
    free(errand);
    return call;
}

// Ends the calls that wait for |app|, with |text|.
static void apps_fail_waiting(struct apps_app *app, const char *text) {
    struct pawl_link waiting;
    pawl__link_init(&waiting);
    pawl__list_move(&waiting, &app->waiting);
    for (struct pawl_call *call; (call = apps_take(&waiting));)
        apps_fail(call, PAWL_E_UNAVAILABLE, text);
}

// --- the way there ------------------------------------------------------------------------------

static const char *apps_address(const struct apps_app *app, size_t place) {
    return app->places.count ? app->places.address[place % app->places.count] : "";
}

// Of many calls that fail at the same place the first one turns to the next place. If each did,
// they could come back to where they were.
static void apps_on_failed(struct pawl_call *call, bool moved, struct pawl_str text, void *arg) {
    struct pawl_apps *apps = arg;
    struct apps_app *app = pawl__map_get(&apps->by_name, pawl__str(call->app));
    const char *address = app ? apps_address(app, call->place) : "";
    char whole[1024];
    snprintf(whole, sizeof whole, "app '%s' does not answer%s%s%s%s: %.*s", call->app,
             *address ? " at " : "", address, app && *app->places.how ? ", found " : "",
             app ? app->places.how : "", PAWL_FMT(text));
    if (app && call->place == app->place) {
        app->place++;
        app->found_at = 0; // it is looked for again
    }
    apps_fail(call, PAWL_E_UNAVAILABLE, whole);
}

static void apps_go(struct apps_app *app, struct pawl_call *call) {
    const struct pawl_apps *apps = app->apps;
    call->place = app->place;
    const struct pawl_forward_to to = {
        .address = pawl__str(apps_address(app, app->place)),
        .app = call->app,
        .namespace = apps->namespace,
    };
    enum pawl_err err = pawl__forward_begin(apps->peers, &to, call, apps_on_failed, app->apps);
    if (err) apps_on_failed(call, false, pawl__str(pawl__err_text(err)), app->apps);
}

// --- looking ------------------------------------------------------------------------------------

static void look_run(uv_work_t *work) {
    struct apps_look *look = PAWL_CONTAINER(work, struct apps_look, work);
    const struct pawl_finder *finder = look->apps->finder;
    finder->find(finder, look->name, &look->places);
}

static void apps_check_closed(struct pawl_apps *apps) {
    if (apps->closed && !apps->looks) apps->closed(apps);
}

static void look_done(uv_work_t *work, int status) {
    struct apps_look *look = PAWL_CONTAINER(work, struct apps_look, work);
    struct apps_app *app = look->app;
    struct pawl_apps *apps = look->apps;
    apps->looks--;
    if (!app || apps->closed) {
        if (app) app->look = NULL;
        free(look);
        apps_check_closed(apps);
        return;
    }
    app->look = NULL;
    app->places = look->places;
    free(look);
    if (!app->places.count) {
        char text[600];
        snprintf(text, sizeof text,
                 "app '%s' has no daemon that can be found: it was looked for %s", app->name,
                 app->places.how);
        apps_fail_waiting(app, text);
        if (!app->look && pawl__list_empty(&app->waiting)) apps_forget(app);
        return;
    }
    app->found_at = pawl__clock_steady();
    struct pawl_link waiting;
    pawl__link_init(&waiting);
    pawl__list_move(&waiting, &app->waiting);
    for (struct pawl_call *call; (call = apps_take(&waiting));) apps_go(app, call);
}

static bool apps_look(struct apps_app *app) {
    if (app->look) return true;
    size_t len = strlen(app->name) + 1;
    struct apps_look *look = calloc(1, sizeof *look + len);
    if (!look) return false;
    memcpy(look->name, app->name, len);
    look->apps = app->apps;
    look->app = app;
    app->look = look;
    app->apps->looks++;
    if (!uv_queue_work(app->apps->loop, &look->work, look_run, look_done)) return true;
    app->apps->looks--;
    app->look = NULL;
    free(look);
    return false;
}

static struct apps_app *apps_get(struct pawl_apps *apps, const char *name) {
    struct apps_app *app = pawl__map_get(&apps->by_name, pawl__str(name));
    if (app) return app;
    size_t len = strlen(name) + 1;
    app = calloc(1, sizeof *app + len);
    if (!app) return NULL;
    memcpy(app->name, name, len);
    app->apps = apps;
    pawl__link_init(&app->waiting);
    if (pawl__map_put(&apps->by_name, pawl__str(app->name), app)) return app;
    free(app);
    return NULL;
}

static void errand_cancel(struct pawl_remote *remote) {
    struct apps_errand *errand = PAWL_CONTAINER(remote, struct apps_errand, remote);
    pawl__list_remove(&errand->link);
    errand->call->remote = NULL;
    free(errand);
}

void pawl__apps_call(struct pawl_apps *apps, struct pawl_call *call) {
    char text[400];
    if (!apps->finder) {
        snprintf(text, sizeof text, "app '%s' cannot be reached from here, only app '%s'",
                 call->app, apps->app_id);
        apps_fail(call, PAWL_E_UNIMPLEMENTED, text);
        return;
    }
    struct apps_app *app = apps_get(apps, call->app);
    if (app && app->found_at && pawl__clock_steady() - app->found_at < APPS_BELIEVED) {
        apps_go(app, call);
        return;
    }
    struct apps_errand *errand = app ? calloc(1, sizeof *errand) : NULL;
    if (!errand || !apps_look(app)) {
        free(errand);
        if (app && !app->look && !app->found_at && pawl__list_empty(&app->waiting))
            apps_forget(app);
        apps_fail(call, PAWL_E_NOMEM, "out of memory");
        return;
    }
    errand->remote.cancel = errand_cancel;
    errand->call = call;
    call->remote = &errand->remote;
    pawl__list_add(&app->waiting, &errand->link);
}

// --- life ---------------------------------------------------------------------------------------

void pawl__apps_drop(struct pawl_apps *apps) {
    size_t at = 0;
    // What is told may ask again, of an app that is known: the table stays as it is.
    for (struct apps_app *app; (app = pawl__map_next(&apps->by_name, &at));)
        apps_fail_waiting(app, "the daemon is shutting down");
}

void pawl__apps_close(struct pawl_apps *apps, void (*closed)(struct pawl_apps *apps)) {
    apps->closed = closed;
    apps_check_closed(apps);
}

void pawl__apps_finish(struct pawl_apps *apps) {
    for (;;) {
        size_t at = 0;
        struct apps_app *app = pawl__map_next(&apps->by_name, &at);
        if (!app) break;
        apps_forget(app);
    }
    pawl__map_finish(&apps->by_name);
}
