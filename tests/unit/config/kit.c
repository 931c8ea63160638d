#include "kit.h"

#include <errno.h>
#include <ftw.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const char *kit_home;
int __wrap_getpwuid_r(uid_t user, struct passwd *entry, char *room, size_t cap,
                      struct passwd **found);

// The list of users has one, with the home |kit_home|, or none.
int __wrap_getpwuid_r(uid_t user, struct passwd *entry, char *room, size_t cap,
                      struct passwd **found) {
    assert_int_equal(user, getuid());
    *entry = (struct passwd){.pw_dir = (char *)kit_home};
    *found = kit_home ? entry : NULL;
    return 0;
}

int kit_begin(void **state) {
    struct kit *kit = calloc(1, sizeof *kit);
    assert_non_null(kit);
    strcpy(kit->folder, "/tmp/pawl-config-XXXXXX");
    assert_non_null(mkdtemp(kit->folder));
    assert_int_equal(chdir(kit->folder), 0);
    kit->log = (struct pawl_log){
        .out = tmpfile(),
        .level = PAWL_LOG_DEBUG,
        .app_id = "shop",
        .host = "host",
        .version = "0",
    };
    assert_non_null(kit->log.out);
    kit->context = (struct pawl_config_context){
        .app_id = "shop",
        .namespace = "",
        .arena = &kit->arena,
        .log = &kit->log,
    };
    *state = kit;
    return 0;
}

static int kit_remove(const char *path, const struct stat *info, int type, struct FTW *at) {
    return remove(path);
}

int kit_end(void **state) {
    struct kit *kit = *state;
    assert_int_equal(chdir("/"), 0);
    nftw(kit->folder, kit_remove, 8, FTW_DEPTH | FTW_PHYS);
    fclose(kit->log.out);
    pawl__arena_finish(&kit->arena);
    free(kit);
    return 0;
}

void kit_folder(const char *name) {
    char part[256];
    for (size_t i = 1; name[i - 1]; i++) {
        if (name[i] && name[i] != '/') continue;
        snprintf(part, sizeof part, "%.*s", (int)i, name);
        if (mkdir(part, 0700)) assert_int_equal(errno, EEXIST);
    }
}

void kit_write(const char *name, const char *text) {
    const char *slash = strrchr(name, '/');
    if (slash) {
        char above[256];
        snprintf(above, sizeof above, "%.*s", (int)(slash - name), name);
        kit_folder(above);
    }
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

// The log writes to the file's descriptor, so the lines are read back from there.
const char *kit_log(struct kit *kit) {
    ssize_t len = pread(fileno(kit->log.out), kit->lines, sizeof kit->lines - 1, 0);
    assert_true(len >= 0);
    kit->lines[len] = 0;
    return kit->lines;
}

const char *kit_path(struct kit *kit, const char *name) {
    return pawl__arena_format(&kit->arena, "%s/%s", kit->folder, name);
}
