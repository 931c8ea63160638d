// Whether the files are where they were. Written to a file that has lost its name, all goes well,
// and is gone when the process ends. (lock.c looks for its own file.)

#include "store/sqlite/internal.h"

#include <sys/stat.h>

// Each stands beside the database.
static const struct {
    const char *suffix, *remedy;
} place_files[PAWL_SQLITE_BESIDE] = {
    {"-wal", "end this program by SIGTERM, which writes what it held into the database"},
    {"-shm", "restart all that use the database"},
};

static bool place_stat(const struct pawl_sqlite *store, size_t file, struct stat *out) {
    char *path = sqlite3_mprintf("%s%s", store->path, place_files[file].suffix);
    bool found = path && stat(path, out) == 0;
    sqlite3_free(path);
    return found;
}

void pawl__sqlite_note_place(struct pawl_sqlite *store) {
    for (size_t i = 0; i < PAWL_SQLITE_BESIDE; i++) {
        struct stat now;
        if (place_stat(store, i, &now)) store->beside[i] = now.st_ino;
    }
}

void pawl__sqlite_look_beside(struct pawl_sqlite *store) {
    store->astray = 0;
    for (size_t i = 0; i < PAWL_SQLITE_BESIDE && !store->astray; i++) {
        struct stat now;
        if (!store->beside[i] || (place_stat(store, i, &now) && now.st_ino == store->beside[i]))
            continue;
        store->astray = i + 1;
    }
}

enum pawl_err pawl__sqlite_check_place(struct pawl_sqlite *store, struct pawl_error *error) {
    int moved = 0;
    sqlite3_file_control(store->writer, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    if (moved)
        return pawl__fail(error, PAWL_E_IO,
                          "%s was moved or deleted while it was in use; put it back, with its -wal "
                          "file, and restart",
                          store->path);
    if (store->astray)
        return pawl__fail(error, PAWL_E_IO,
                          "%s%s was moved or deleted while it was in use; put it back, or %s",
                          store->path, place_files[store->astray - 1].suffix,
                          place_files[store->astray - 1].remedy);
    return PAWL_OK;
}
