#include "cli/settings.h"

#include <stdlib.h>

enum pawl_err pawl__settings_read(const struct pawl_settings_source *source,
                                  const struct pawl_log *log, struct pawl_settings **out,
                                  struct pawl_error *error) {
    struct pawl_settings *settings = calloc(1, sizeof *settings);
    if (!settings) return pawl__fail_plain(error, PAWL_E_NOMEM);
    atomic_init(&settings->holders, 1);
    const struct pawl_config_context context = {
        .app_id = source->app_id,
        .namespace = source->namespace,
        .arena = &settings->arena,
        .log = log,
        .local_stores = source->local_stores,
        .no_default_store = source->no_default_store,
    };
    enum pawl_err err = pawl__configuration_load(&context, source->files, source->file_count,
                                                 &settings->configuration, error);
    if (!err)
        err = source->folder_count
                  ? pawl__components_load(&context, source->folders, source->folder_count,
                                          &settings->stores, error)
                  : pawl__components_default(&context, &settings->stores, error);
    if (err)
        pawl__settings_release(settings);
    else
        *out = settings;
    return err;
}

struct pawl_settings *pawl__settings_hold(struct pawl_settings *settings) {
    atomic_fetch_add(&settings->holders, 1);
    return settings;
}

void pawl__settings_release(struct pawl_settings *settings) {
    if (!settings || atomic_fetch_sub(&settings->holders, 1) > 1) return;
    pawl__arena_finish(&settings->arena);
    free(settings);
}
