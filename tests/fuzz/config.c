// Files that people write: a byte for the kind, and the text.

#include <fcntl.h>
#include <unistd.h>

#include "config/component.h"
#include "config/configuration.h"
#include "config/runfile.h"
#include "fuzz.h"

static const char *config_folder(void) {
    static char folder[] = "/tmp/pawl-fuzz-XXXXXX";
    static bool made;
    if (!made) FUZZ_CHECK(mkdtemp(folder));
    made = true;
    return folder;
}

static void config_remove(void) {
    char path[80];
    snprintf(path, sizeof path, "%s/dapr.yaml", config_folder());
    unlink(path);
    rmdir(config_folder());
}

// Looks at every node, and as if it were a number, a truth value, a time.
static void config_walk(const struct pawl_yaml *node) {
    for (; node; node = node->next) {
        int number;
        bool flag;
        int64_t duration;
        FUZZ_CHECK(node->line > 0);
        if (node->key) FUZZ_CHECK(strlen(node->key) < 1 << 20);
        if (node->kind == PAWL_YAML_SCALAR) {
            pawl__duration_parse(node->text, &duration);
            continue;
        }
        for (const struct pawl_yaml *child = node->children; child; child = child->next) {
            if (!child->key || node->kind != PAWL_YAML_MAP) continue;
            pawl__yaml_get(node, child->key);
            pawl__yaml_int(node, child->key, &number, NULL);
            pawl__yaml_bool(node, child->key, &flag, NULL);
        }
        config_walk(node->children);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input input = {data, size};
    unsigned kind = fuzz_byte(&input) % 4;
    struct pawl_str text = fuzz_copy(fuzz_take(&input, SIZE_MAX));
    struct pawl_arena arena = {0};
    struct pawl_error error = {PAWL_OK, ""};
    const struct pawl_config_context context = {.app_id = "app", .namespace = "", .arena = &arena};
    enum pawl_err err = PAWL_OK;
    char path[80];
    const char *folder = config_folder(), *file = path;
    snprintf(path, sizeof path, "%s/dapr.yaml", folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    FUZZ_CHECK(fd >= 0 && write(fd, text.data, text.len) == (ssize_t)text.len);
    close(fd);
    static bool registered;
    if (!registered) atexit(config_remove);
    registered = true;
    if (kind == 0) {
        struct pawl_yaml *yaml;
        err = pawl__yaml_parse("file", text, &arena, &yaml, &error);
        if (!err) config_walk(yaml);
    } else if (kind == 1) {
        struct pawl_config_stores stores = {.count = 0};
        err = pawl__components_load(&context, &folder, 1, &stores, &error);
        for (size_t i = 0; !err && i < stores.count; i++) FUZZ_CHECK(*stores.items[i].name);
    } else if (kind == 2) {
        struct pawl_configuration configuration = {0};
        err = pawl__configuration_load(&context, &file, 1, &configuration, &error);
        const struct pawl_concurrency *limits = &configuration.concurrency;
        FUZZ_CHECK(limits->max_turns >= 0 && limits->max_activities >= 0);
    } else {
        struct pawl_runfile runfile = {0};
        err = pawl__runfile_load(path, &arena, &runfile, &error);
        for (size_t i = 0; !err && i < runfile.app_count; i++)
            FUZZ_CHECK(runfile.apps[i].directory && !runfile.apps[i].command[PAWL_RUNFILE_LIST]);
    }
    FUZZ_CHECK(!err || *error.text);
    pawl__arena_finish(&arena);
    free((char *)text.data);
    return 0;
}
