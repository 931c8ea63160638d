#ifndef PAWL_TESTS_STORE_FAULTS_DISK_H
#define PAWL_TESTS_STORE_FAULTS_DISK_H

// What a disk holds of files that are being written.
//
// The files themselves are as the system's cache shows them. Here is noted what was not synced: of
// each file its writes and truncations, of the folder the files that came and went. When the power
// is cut, the files are made what the disk may have of them: all that was synced, and of the rest
// any part. A write is torn at sectors of 512 bytes; the order of what was not synced means
// nothing, neither within a file nor between files; a file may have grown without its bytes.
//
// A sync that fails may lose what it should have written: the cache goes on showing it, and later
// syncs succeed without writing it, as on Linux.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct disk_file;
struct disk_name;

struct disk {
    struct disk_name *names;
};

// What is kept of that which was not synced.
enum disk_mix {
    DISK_NOTHING,
    DISK_EVERYTHING,
    DISK_MIXED // of each file as the seed says: nothing, all, a beginning, some writes, some
               // sectors
};

uint64_t disk_random(uint64_t *seed);

// A file is opened, or made when |created|. The file belongs to the disk.
struct disk_file *disk_open(struct disk *disk, const char *path, bool created);

// To be called before the file is removed, as its bytes may come back.
void disk_delete(struct disk *disk, const char *path);

// The changes. |old| are the |old_len| bytes that are replaced or cut off; |size| is the file's
// size before.
void disk_write(struct disk_file *file, int64_t at, const void *bytes, size_t len, const void *old,
                size_t old_len, int64_t size);
void disk_truncate(struct disk_file *file, int64_t to, const void *old, size_t old_len,
                   int64_t size);

void disk_sync(struct disk_file *file);
void disk_sync_lost(struct disk_file *file, enum disk_mix mix, uint64_t seed);
void disk_sync_folder(struct disk *disk);

// Cuts the power: makes the files what the disk has of them. No descriptor of theirs may be in use.
// Afterwards, or instead, all that there is counts as synced (|disk_forget|).
void disk_cut(struct disk *disk, enum disk_mix mix, uint64_t seed);
void disk_forget(struct disk *disk);

#endif
