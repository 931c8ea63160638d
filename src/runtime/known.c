#include "runtime/known.h"

#include <stdlib.h>

enum {
    KNOWN_SHARE = 16,     // ids of a page, for each load in vain
    KNOWN_LEAST = 4,      // pages
    KNOWN_MOST = 1 << 24, // ids: 32 MiB
    KNOWN_GROWTH = 4,
    KNOWN_WORD = 4 // ids in a word
};

static uint64_t *known_word(const struct pawl_known *known, uint64_t hash) {
    return &known->words[hash & (known->room / KNOWN_WORD - 1)];
}

// Four bits of a word, chosen by the hash's upper half.
static uint64_t known_bits(uint64_t hash) {
    uint64_t bits = 0;
    for (int shift = 32; shift < 56; shift += 6) bits |= UINT64_C(1) << (hash >> shift & 63);
    return bits;
}

static void known_forget(struct pawl_known *known) {
    free(known->words);
    known->words = NULL;
    known->whole = false;
    known->missed = 0;
}

static void known_note(struct pawl_known *known, uint64_t hash) {
    uint64_t *word = known_word(known, hash), bits = known_bits(hash);
    if ((*word & bits) == bits) return;
    *word |= bits;
    known->count++;
}

bool pawl__known_lacks(const struct pawl_known *known, struct pawl_str id) {
    if (!known->whole) return false;
    uint64_t hash = pawl__hash(&known->seed, id), bits = known_bits(hash);
    return (*known_word(known, hash) & bits) != bits;
}

void pawl__known_add(struct pawl_known *known, struct pawl_str id) {
    if (!known->words) return;
    known_note(known, pawl__hash(&known->seed, id));
    if (known->count > known->room) known_forget(known); // most may have been purged: read anew
}

// --- pages --------------------------------------------------------------------------------------

// |waits|: what a commit under way stores was not added, and readers do not see it yet.
static bool known_begin(struct pawl_known *known, size_t limit, bool waits) {
    if (!known->room) {
        known->room = KNOWN_LEAST * limit;
        known->seed = pawl__hash_seed();
    }
    known->words = calloc(known->room / KNOWN_WORD, sizeof *known->words);
    known->count = 0;
    known->waits = waits;
    pawl__buf_clear(&known->id);
    return known->words;
}

static struct pawl_known_page *known_page(const struct pawl_known *known, size_t limit) {
    struct pawl_known_page *page = calloc(1, sizeof *page + limit * sizeof *page->hashes);
    if (!page) return NULL;
    page->limit = limit;
    page->seed = known->seed;
    pawl__buf_append_str(&page->id, pawl__buf_str(&known->id));
    return page;
}

struct pawl_known_page *pawl__known_missed(struct pawl_known *known, size_t limit, bool in_commit) {
    if (++known->missed < limit / KNOWN_SHARE || known->reading || known->whole) return NULL;
    if (known->room > KNOWN_MOST) return NULL;
    if (!known->words && !known_begin(known, limit, in_commit)) return NULL;
    if (known->waits) return NULL;
    struct pawl_known_page *page = known_page(known, limit);
    if (!page) return NULL;
    known->missed = 0;
    known->reading = true;
    return page;
}

static enum pawl_err known_on_id(void *arg, struct pawl_str id, struct pawl_error *error) {
    struct pawl_known_page *page = arg;
    page->hashes[page->count++] = pawl__hash(&page->seed, id);
    pawl__buf_clear(&page->id);
    pawl__buf_append_str(&page->id, id);
    return PAWL_OK;
}

void pawl__known_read(struct pawl_known_page *page, struct pawl_store *store) {
    struct pawl_buf after = page->id;
    page->id = (struct pawl_buf){0};
    enum pawl_err err = store->ops->ids(store, page->shard, pawl__buf_str(&after), page->limit,
                                        known_on_id, page, &page->error);
    if (!err && (after.failed || page->id.failed)) err = PAWL_E_NOMEM;
    page->error.code = err;
    pawl__buf_finish(&after);
}

static void known_take(struct pawl_known *known, struct pawl_known_page *page) {
    known->reading = false;
    if (!known->words) return; // it had too many meanwhile
    if (page->error.code) {
        known_forget(known);
        return;
    }
    for (size_t i = 0; i < page->count; i++) known_note(known, page->hashes[i]);
    pawl__buf_finish(&known->id);
    known->id = page->id;
    page->id = (struct pawl_buf){0};
    known->whole = page->count < page->limit;
    if (known->count <= known->room / 2) return;
    known_forget(known); // so that there is room for those to come
    known->room *= KNOWN_GROWTH;
}

void pawl__known_take(struct pawl_known *known, struct pawl_known_page *page) {
    if (known) known_take(known, page);
    pawl__buf_finish(&page->id);
    free(page);
}

void pawl__known_drop(struct pawl_known *known) {
    known_forget(known);
    pawl__buf_finish(&known->id);
    *known = (struct pawl_known){0};
}
