#include "runtime/abroad.h"

#include <stdlib.h>

#include "base/clock.h"

#define ABROAD_PAUSE_LEAST (250 * PAWL_MILLISECOND)
#define ABROAD_PAUSE_MOST  (5 * PAWL_SECOND)

static const char *const abroad_scope = "dapr.runtime.wfengine";

struct abroad_app {
    struct pawl_link link;
    struct pawl_abroad *abroad;
    struct pawl_dispatch dispatch;
    struct pawl_invite invite;
    bool inviting, told;
    int64_t pause, retry_at; // steady
    char name[];
};

void pawl__abroad_init(struct pawl_abroad *abroad, struct pawl_apps *apps,
                       const struct pawl_node_options *options) {
    *abroad = (struct pawl_abroad){.apps = apps, .address = options->address, .options = *options};
    abroad->options.max_activities = 0; // which are those of its own workers
    pawl__link_init(&abroad->list);
}

static struct abroad_app *abroad_get(struct pawl_abroad *abroad, struct pawl_str name) {
    PAWL_LIST_EACH(struct abroad_app, app, &abroad->list, link) {
        if (pawl__str_equal(pawl__str(app->name), name)) return app;
    }
    struct abroad_app *app = calloc(1, sizeof *app + name.len + 1);
    if (!app) return NULL;
    memcpy(app->name, name.data, name.len);
    app->abroad = abroad;
    pawl__dispatch_init(&app->dispatch, &abroad->options, NULL); // the other app has its own
    pawl__list_add(&abroad->list, &app->link);
    return app;
}

struct pawl_dispatch *pawl__abroad_dispatch(struct pawl_abroad *abroad, struct pawl_str app) {
    struct abroad_app *found = abroad_get(abroad, app);
    return found ? &found->dispatch : NULL;
}

void pawl__abroad_add(struct pawl_abroad *abroad, struct pawl_residency *home,
                      struct pawl_effect effect) {
    struct pawl_str name = pawl__shard_activity_app(effect.instance, effect.task_id);
    struct abroad_app *app = name.len ? abroad_get(abroad, name) : NULL;
    effect.type = PAWL_EFFECT_ACTIVITY;
    if (app)
        pawl__dispatch_add(&app->dispatch, home, effect);
    else
        pawl__instance_unref(effect.instance);
    if (name.len && !app) pawl__residency_fail_nomem(home); // else nobody waits for it any more
}

// --- invitations --------------------------------------------------------------------------------

static void abroad_on_invited(struct pawl_call *call, const struct pawl_error *error) {
    struct abroad_app *app = PAWL_CONTAINER(call, struct abroad_app, invite.call);
    int64_t now = pawl__clock_steady();
    app->inviting = false;
    if (!error) {
        app->retry_at = now + PAWL_SECOND; // for the stream to come
        if (app->told)
            pawl__log(app->abroad->options.log, PAWL_LOG_INFO, abroad_scope,
                      "app '%s' takes activities again", app->name);
        app->told = false;
        app->pause = 0;
        return;
    }
    app->pause = app->pause ? 2 * app->pause : ABROAD_PAUSE_LEAST;
    if (app->pause > ABROAD_PAUSE_MOST) app->pause = ABROAD_PAUSE_MOST;
    app->retry_at = now + app->pause;
    if (!app->told)
        pawl__log(app->abroad->options.log, PAWL_LOG_WARN, abroad_scope,
                  "activities for app '%s' wait until it can be reached: %s", app->name,
                  error->text);
    app->told = true;
}

static void abroad_invite(struct abroad_app *app) {
    const struct pawl_dispatch *dispatch = &app->dispatch;
    if (!app->abroad->address || app->inviting || dispatch->worker_count) return;
    if (!dispatch->activities.len && !dispatch->parked_activities.len) return;
    if (pawl__clock_steady() < app->retry_at) return;
    app->inviting = true;
    pawl__invite_init(&app->invite, app->abroad->apps->app_id, app->abroad->address);
    app->invite.call.app = app->name;
    app->invite.call.done = abroad_on_invited;
    pawl__apps_call(app->abroad->apps, &app->invite.call);
}

void pawl__abroad_pump(struct pawl_abroad *abroad) {
    PAWL_LIST_EACH(struct abroad_app, app, &abroad->list, link) {
        pawl__dispatch_pump(&app->dispatch);
        abroad_invite(app);
    }
}

void pawl__abroad_pulse(struct pawl_abroad *abroad) {
    PAWL_LIST_EACH(struct abroad_app, app, &abroad->list, link)
        pawl__dispatch_unpark(&app->dispatch);
    pawl__abroad_pump(abroad);
}

// --- dropping -----------------------------------------------------------------------------------

void pawl__abroad_forget(struct pawl_abroad *abroad, const struct pawl_residency *home) {
    PAWL_LIST_EACH(struct abroad_app, app, &abroad->list, link)
        pawl__dispatch_forget(&app->dispatch, home);
}

void pawl__abroad_reset(struct pawl_abroad *abroad) {
    PAWL_LIST_EACH(struct abroad_app, app, &abroad->list, link)
        pawl__dispatch_reset(&app->dispatch);
}

void pawl__abroad_stop(struct pawl_abroad *abroad) {
    abroad->address = NULL;
    PAWL_LIST_EACH(struct abroad_app, app, &abroad->list, link) {
        if (app->inviting) pawl__call_cancel(&app->invite.call);
        app->inviting = false;
    }
}

void pawl__abroad_finish(struct pawl_abroad *abroad) {
    for (struct abroad_app *app; (app = PAWL_LIST_TAKE(struct abroad_app, &abroad->list, link));) {
        pawl__dispatch_finish(&app->dispatch);
        free(app);
    }
}
