#include "config/names.h"

#include <string.h>

static const char *const names_keys[] = {"component", "version", "configuration", NULL};

// Adds |node|, an address of |app|.
static enum pawl_err names_add(const struct pawl_config_context *context, const char *app,
                               const struct pawl_yaml *node, struct pawl_name ***end,
                               struct pawl_error *error) {
    const char *text = node->kind == PAWL_YAML_SCALAR ? node->text : NULL;
    bool valid = text && strlen(text) <= PAWL_NAME_ADDRESS &&
                 (strchr(text, ':') || strncmp(text, "unix:", 5) == 0);
    if (!valid)
        return pawl__yaml_fail(node, error, app,
                               "the gRPC address of its daemon, such as 10.0.0.7:50001, or a list "
                               "of them");
    struct pawl_name *name = pawl__arena_zalloc(context->arena, sizeof *name);
    if (!name) return pawl__fail_plain(error, PAWL_E_NOMEM);
    name->app = app;
    name->address = text;
    **end = name;
    *end = &name->next;
    return PAWL_OK;
}

static enum pawl_err names_take_table(const struct pawl_config_context *context,
                                      const struct pawl_yaml *map, struct pawl_names *out,
                                      struct pawl_error *error) {
    struct pawl_name **end = &out->table;
    enum pawl_err err = PAWL_OK;
    for (const struct pawl_yaml *row = map ? map->children : NULL; !err && row; row = row->next) {
        const struct pawl_yaml *one = row->kind == PAWL_YAML_LIST ? row->children : row;
        for (; !err && one; one = row->kind == PAWL_YAML_LIST ? one->next : NULL)
            err = names_add(context, row->key, one, &end, error);
    }
    return err;
}

enum pawl_err pawl__names_take(const struct pawl_config_context *context,
                               const struct pawl_yaml *node, struct pawl_names *out,
                               struct pawl_error *error) {
    enum pawl_err err =
        pawl__resource_check(context, node, "spec.nameResolution", names_keys, error);
    const char *component = pawl__yaml_text(node, "component");
    const struct pawl_yaml *map = pawl__yaml_get(node, "configuration");
    if (err) return err;
    if (component && strcmp(component, "apps") == 0) {
        if (!map || map->kind != PAWL_YAML_MAP)
            return pawl__yaml_fail(map ? map : node, error, "configuration",
                                   "a map of app ids and addresses");
        *out = (struct pawl_names){.file = node->file};
        return names_take_table(context, map, out, error);
    }
    if (component && strcmp(component, "nameformat") == 0) {
        const char *format = pawl__yaml_text(map, "format");
        if (!format || !strstr(format, "{appid}") || strlen(format) > PAWL_NAME_ADDRESS)
            return pawl__yaml_fail(map ? map : node, error, "format",
                                   "an address with {appid} in it, such as "
                                   "{appid}.example.com:50001");
        *out = (struct pawl_names){.format = format, .file = node->file};
        return PAWL_OK;
    }
    pawl__log(context->log, PAWL_LOG_INFO, "dapr.runtime",
              "%s:%d: spec.nameResolution has the component '%s', and only 'apps' and 'nameformat' "
              "are served: other apps are looked for on this machine",
              node->file, node->line, component ? component : "");
    return PAWL_OK;
}
