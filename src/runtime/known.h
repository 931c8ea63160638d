#ifndef PAWL_RUNTIME_KNOWN_H
#define PAWL_RUNTIME_KNOWN_H

// Which ids of a shard the store may have a snapshot of. A start asks whether its id is free, and
// mostly it is. To ask a file takes four locks and two pages, as each commit makes the reader's
// cache stale; this filter knows it without.
//
// "There is none" is certain; "there may be one" is wrong for some ids in a hundred, and for those
// that were purged. Nothing is missing, as only the holder of the shard's lease stores snapshots.
// Those that it stores are added as their commit is prepared (checkpoint.c). Those that were there
// before are read in pages, once the commit is over that was under way when it began. A page is
// read for every so many loads in vain: who starts nothing pays nothing, and to know a million ids
// costs no more than the loads do meanwhile.

#include "base/hash.h"
#include "runtime/jobs.h"
#include "store/store.h"

// A page that is being read. |job| and what it needs are the caller's.
struct pawl_known_page {
    struct pawl_job job;
    void *data;
    uint64_t shard;
    unsigned incarnation;
    struct pawl_hash_seed seed;
    struct pawl_buf id; // the last one of the page before; then of this one
    struct pawl_error error;
    size_t limit, count;
    uint64_t hashes[]; // of the ids
};

// Zero is a beginning: nothing is known.
struct pawl_known {
    uint64_t *words; // of four ids each; NULL: nothing is known
    size_t room;     // ids; a power of two, or 0
    size_t count;    // ids that changed a word
    bool whole;      // all pages were read
    bool waits;      // for a commit with ids that were not added, before the first page
    bool reading;    // one is
    unsigned missed; // loads in vain since the last one
    struct pawl_buf id;
    struct pawl_hash_seed seed;
};

// Whether the store has no snapshot of |id|, for certain.
bool pawl__known_lacks(const struct pawl_known *known, struct pawl_str id);

// A snapshot of |id| goes with the commit that is being prepared.
void pawl__known_add(struct pawl_known *known, struct pawl_str id);

// A load has found nothing. Returns the page that should be read now, of |limit| ids, or NULL.
// |in_commit|: a commit is under way.
struct pawl_known_page *pawl__known_missed(struct pawl_known *known, size_t limit, bool in_commit);

// A commit is over: readers see what it stored.
static inline void pawl__known_committed(struct pawl_known *known) {
    known->waits = false;
}

// Reads it, on the reader's thread.
void pawl__known_read(struct pawl_known_page *page, struct pawl_store *store);

// Takes over what was read, unless |known| is NULL, and frees |page|.
void pawl__known_take(struct pawl_known *known, struct pawl_known_page *page);

// Forgets all. A page that is being read is not to be taken over any more.
void pawl__known_drop(struct pawl_known *known);

#endif
