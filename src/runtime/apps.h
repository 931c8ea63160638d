#ifndef PAWL_RUNTIME_APPS_H
#define PAWL_RUNTIME_APPS_H

// Calls to other apps: where their daemons are, and the way there.
//
//   call ──► is a place of the app known? ──► forward.h, to any daemon of the app
//               └── look for it (a thread of the loop's pool) ──┘
//
// A place that was found is used for a short while, and forgotten when nobody answers there.

#include <uv.h>

#include "base/map.h"
#include "runtime/forward.h"

enum {
    PAWL_PLACES = 8,        // of an app; more are not looked at
    PAWL_PLACE_TEXT = 600,  // bytes of one, with its end
    PAWL_PLACES_TEXT = 200, // of |how|
};

// gRPC addresses of daemons of an app.
struct pawl_places {
    char address[PAWL_PLACES][PAWL_PLACE_TEXT];
    size_t count;
    char how[PAWL_PLACES_TEXT]; // where it was looked, for people: "in spec.nameResolution of ..."
};

// Who knows where daemons are. Outlives all that use it.
struct pawl_finder {
    // Fills |out|, which is empty, with the daemons of |app|. May block; called on any thread.
    void (*find)(const struct pawl_finder *finder, const char *app, struct pawl_places *out);
};

struct pawl_apps {
    const struct pawl_finder *finder; // NULL: there is no way to other apps
    struct pawl_peers *peers;
    uv_loop_t *loop;
    const char *app_id, *namespace; // of this one
    struct pawl_map by_name;        // struct apps_app
    size_t looks;                   // that are under way
    void (*closed)(struct pawl_apps *apps);
};

// |finder| and |peers| may be NULL. Texts are views of the caller's.
void pawl__apps_init(struct pawl_apps *apps, uv_loop_t *loop, const struct pawl_finder *finder,
                     struct pawl_peers *peers, const char *app_id, const char *namespace);

// Calls |closed| when no look is under way any more: until then the finder is in use. Nothing may
// be asked for any more.
void pawl__apps_close(struct pawl_apps *apps, void (*closed)(struct pawl_apps *apps));

// No call may be on its way; see pawl__apps_drop.
void pawl__apps_finish(struct pawl_apps *apps);

// Fails the calls that wait until their app is found.
void pawl__apps_drop(struct pawl_apps *apps);

// Begins |call| at the app |call->app|. It fails with PAWL_E_UNAVAILABLE when no daemon of that app
// answers, with a text that says where the app was looked for; the call may have been carried out
// all the same. PAWL_E_UNIMPLEMENTED: there is no way to other apps.
void pawl__apps_call(struct pawl_apps *apps, struct pawl_call *call);

// Whether |app| and |namespace| are those of this app.
bool pawl__apps_is_own(const struct pawl_apps *apps, const char *app, const char *namespace);

#endif
