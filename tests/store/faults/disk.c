#include "disk.h"

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DISK_SECTOR 512

enum disk_fate {
    DISK_PENDING,
    DISK_LOST, // by a sync that failed
    DISK_SAFE  // synced, but noted after something that was lost
};

struct disk_op {
    enum disk_fate fate;
    bool truncates;
    int64_t at;          // of a truncation: the new size
    int64_t size;        // of the file before
    size_t len, old_len; // bytes, then those that were there before
    uint8_t *bytes;
};

struct disk_file {
    struct disk_op *ops;
    size_t count, cap;
    bool lost;      // some of |ops| are
    uint8_t *bytes; // of a file that was removed
    size_t len;
};

// A name of the folder: what it stands for now, and after a power cut if that was not synced.
struct disk_name {
    char *path;
    struct disk_file *now, *durable;
    struct disk_name *next;
};

uint64_t disk_random(uint64_t *seed) {
    uint64_t x = *seed += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static void *disk_alloc(size_t size) {
    void *memory = calloc(1, size ? size : 1);
    if (!memory) err(1, "memory");
    return memory;
}

// --- files and their changes ----------------------------------------------------------------

static void file_forget(struct disk_file *file) {
    for (size_t i = 0; i < file->count; i++) free(file->ops[i].bytes);
    file->count = 0;
    file->lost = false;
}

static void file_destroy(struct disk_file *file) {
    if (!file) return;
    file_forget(file);
    free(file->ops);
    free(file->bytes);
    free(file);
}

static void file_note(struct disk_file *file, struct disk_op op, const void *bytes,
                      const void *old) {
    op.bytes = disk_alloc(op.len + op.old_len);
    if (op.len) memcpy(op.bytes, bytes, op.len);
    if (op.old_len) memcpy(op.bytes + op.len, old, op.old_len);
    if (file->count == file->cap) {
        file->cap = file->cap ? 2 * file->cap : 64;
        file->ops = realloc(file->ops, file->cap * sizeof *file->ops);
        if (!file->ops) err(1, "memory");
    }
    file->ops[file->count++] = op;
}

void disk_write(struct disk_file *file, int64_t at, const void *bytes, size_t len, const void *old,
                size_t old_len, int64_t size) {
    file_note(file, (struct disk_op){.at = at, .size = size, .len = len, .old_len = old_len}, bytes,
              old);
}

void disk_truncate(struct disk_file *file, int64_t to, const void *old, size_t old_len,
                   int64_t size) {
    file_note(file, (struct disk_op){.truncates = true, .at = to, .size = size, .old_len = old_len},
              NULL, old);
}

void disk_sync(struct disk_file *file) {
    if (!file->lost) {
        file_forget(file);
        return;
    }
    for (size_t i = 0; i < file->count; i++)
        if (file->ops[i].fate == DISK_PENDING) file->ops[i].fate = DISK_SAFE;
}

void disk_sync_lost(struct disk_file *file, enum disk_mix mix, uint64_t seed) {
    for (size_t i = 0; i < file->count; i++) {
        if (file->ops[i].fate != DISK_PENDING) continue;
        bool lost = mix == DISK_NOTHING || (mix == DISK_MIXED && disk_random(&seed) & 1);
        if (!lost) continue;
        file->ops[i].fate = DISK_LOST;
        file->lost = true;
    }
}

// --- names ----------------------------------------------------------------------------------

static struct disk_name *disk_name(struct disk *disk, const char *path) {
    struct disk_name *name = disk->names;
    while (name && strcmp(name->path, path) != 0) name = name->next;
    if (name) return name;
    name = disk_alloc(sizeof *name);
    name->path = strdup(path);
    if (!name->path) err(1, "memory");
    name->next = disk->names;
    disk->names = name;
    return name;
}

struct disk_file *disk_open(struct disk *disk, const char *path, bool created) {
    struct disk_name *name = disk_name(disk, path);
    if (!name->now) {
        name->now = disk_alloc(sizeof *name->now);
        if (!created) name->durable = name->now;
    }
    return name->now;
}

void disk_delete(struct disk *disk, const char *path) {
    struct disk_name *name = disk_name(disk, path);
    if (!name->now) disk_open(disk, path, false);
    struct disk_file *file = name->now;
    name->now = NULL;
    if (file != name->durable) {
        file_destroy(file);
        return;
    }
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) err(1, "%s", path);
    file->len = (size_t)info.st_size;
    file->bytes = disk_alloc(file->len);
    if (pread(fd, file->bytes, file->len, 0) != info.st_size) err(1, "%s", path);
    close(fd);
}

void disk_sync_folder(struct disk *disk) {
    for (struct disk_name *name = disk->names; name; name = name->next) {
        if (name->durable == name->now) continue;
        file_destroy(name->durable);
        name->durable = name->now;
    }
}

void disk_forget(struct disk *disk) {
    for (struct disk_name *name; (name = disk->names);) {
        disk->names = name->next;
        if (name->durable != name->now) file_destroy(name->durable);
        file_destroy(name->now);
        free(name->path);
        free(name);
    }
}

// --- the cut --------------------------------------------------------------------------------

static void cut_put(int fd, const void *bytes, size_t len, int64_t at) {
    if (len && pwrite(fd, bytes, len, at) != (ssize_t)len) err(1, "pwrite");
}

static void cut_resize(int fd, int64_t size) {
    if (ftruncate(fd, size) != 0) err(1, "ftruncate");
}

static void cut_undo(int fd, const struct disk_op *op) {
    cut_resize(fd, op->size);
    cut_put(fd, op->bytes + op->len, op->old_len, op->at);
}

static int64_t cut_size(int fd) {
    struct stat info;
    if (fstat(fd, &info) != 0) err(1, "fstat");
    return info.st_size;
}

// Writes those sectors of |op| that |sectors| (NULL: all) draws.
static void cut_redo(int fd, const struct disk_op *op, uint64_t *sectors) {
    if (op->truncates) {
        cut_resize(fd, op->at);
        return;
    }
    for (size_t done = 0, step; done < op->len; done += step) {
        step = DISK_SECTOR - (size_t)(op->at + (int64_t)done) % DISK_SECTOR;
        if (step > op->len - done) step = op->len - done;
        if (!sectors || disk_random(sectors) & 1)
            cut_put(fd, op->bytes + done, step, op->at + (int64_t)done);
    }
}

enum cut_style {
    CUT_NOTHING,
    CUT_EVERYTHING,
    CUT_BEGINNING, // up to some write, which is torn
    CUT_SOME,      // each write or not
    CUT_SECTORS,   // each sector or not
    CUT_ALL_BUT_ONE,
    CUT_STYLES
};

static void cut_file(const char *path, struct disk_file *file, enum disk_mix mix, uint64_t *seed) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) err(1, "%s", path);
    if (file->bytes) { // it was removed, and comes back
        cut_resize(fd, 0);
        cut_put(fd, file->bytes, file->len, 0);
    }
    for (size_t i = file->count; i-- > 0;) cut_undo(fd, &file->ops[i]);

    enum cut_style style = mix == DISK_NOTHING      ? CUT_NOTHING
                           : mix == DISK_EVERYTHING ? CUT_EVERYTHING
                                                    : disk_random(seed) % CUT_STYLES;
    bool grows = mix == DISK_MIXED && disk_random(seed) & 1;
    size_t chosen = file->count ? disk_random(seed) % file->count : 0;
    for (size_t i = 0; i < file->count; i++) {
        const struct disk_op *op = &file->ops[i];
        uint64_t *sectors = NULL;
        bool kept = style == CUT_EVERYTHING || style == CUT_SECTORS ||
                    (style == CUT_BEGINNING && i <= chosen) ||
                    (style == CUT_SOME && disk_random(seed) & 1) ||
                    (style == CUT_ALL_BUT_ONE && i != chosen);
        if (style == CUT_SECTORS || (style == CUT_BEGINNING && i == chosen)) sectors = seed;
        if (op->fate == DISK_LOST) kept = false;
        if (op->fate == DISK_SAFE) kept = true, sectors = NULL;
        if (kept) cut_redo(fd, op, sectors);
        int64_t end = op->at + (int64_t)op->len;
        if (grows && op->fate == DISK_PENDING && !op->truncates && cut_size(fd) < end)
            cut_resize(fd, end);
    }
    close(fd);
}

void disk_cut(struct disk *disk, enum disk_mix mix, uint64_t seed) {
    for (struct disk_name *name = disk->names; name; name = name->next) {
        bool changed = mix == DISK_EVERYTHING || (mix == DISK_MIXED && disk_random(&seed) & 1);
        struct disk_file *file = changed ? name->now : name->durable;
        if (file)
            cut_file(name->path, file, mix, &seed);
        else
            unlink(name->path);
        char index[1024]; // it is memory, and the power is off
        snprintf(index, sizeof index, "%s-shm", name->path);
        unlink(index);
    }
    disk_forget(disk);
}
