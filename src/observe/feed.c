#include "observe/feed.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

// For how long changes are noted after the last reader has left: it may come back.
#define FEED_LINGER (60 * PAWL_SECOND)

// A change on its way into the ring, and then in it.
struct pawl_feed_note {
    struct pawl_note note;
    struct pawl_feed *feed;
    struct pawl_feed_change change;
    char text[]; // id and name
};

// The first note of each batch.
struct pawl_feed_mark {
    struct pawl_note note;
    struct pawl_feed *feed;
    bool is_partial; // there are records in the batch of which no notes were made
};

static struct pawl_feed *feed_of(struct pawl_listener *listener) {
    return PAWL_CONTAINER(listener, struct pawl_feed, listener);
}

static size_t feed_size(const struct pawl_feed_note *note) {
    return sizeof *note + note->change.id.len + note->change.name.len;
}

static void feed_drop_first(struct pawl_feed *feed) {
    struct pawl_feed_note *note = feed->ring[feed->first++ % PAWL_FEED_CHANGES];
    feed->bytes -= feed_size(note);
    free(note);
}

static void feed_wake(struct pawl_feed *feed) {
    PAWL_LIST_EACH(struct pawl_feed_reader, reader, &feed->readers, link) {
        if (!reader->waits) continue;
        reader->waits = false;
        reader->wake(reader);
    }
}

// Numbers that stand for what was not noted: whoever is to read one of them has missed something.
void pawl__feed_break(struct pawl_feed *feed) {
    while (feed->first <= feed->last) feed_drop_first(feed);
    feed->first = ++feed->last + 1;
    feed->blind = false;
    feed_wake(feed);
}

static void feed_append(struct pawl_feed *feed, struct pawl_feed_note *note) {
    feed->bytes += feed_size(note);
    note->change.number = ++feed->last;
    while (feed->first < feed->last &&
           (feed->last - feed->first >= PAWL_FEED_CHANGES || feed->bytes > PAWL_FEED_BYTES))
        feed_drop_first(feed);
    feed->ring[feed->last % PAWL_FEED_CHANGES] = note;
    feed_wake(feed);
}

static void feed_settle(struct pawl_note *self, bool durable) {
    struct pawl_feed_note *note = (struct pawl_feed_note *)self;
    if (durable && note->feed->open)
        feed_append(note->feed, note);
    else
        free(note);
}

static void feed_settle_mark(struct pawl_note *self, bool durable) {
    struct pawl_feed_mark *mark = (struct pawl_feed_mark *)self;
    struct pawl_feed *feed = mark->feed;
    if (durable && feed->open && (mark->is_partial || feed->blind)) pawl__feed_break(feed);
    self->next = feed->marks;
    feed->marks = self;
}

// --- the listener --------------------------------------------------------------------------------

// Keeps one mark in reserve, so that a batch has one although memory is out for once.
static bool feed_keep_mark(struct pawl_feed *feed) {
    if (feed->marks) return true;
    struct pawl_feed_mark *mark = malloc(sizeof *mark);
    if (!mark) return false;
    mark->note.next = NULL;
    feed->marks = &mark->note;
    return true;
}

static void feed_mark(struct pawl_feed *feed, bool is_partial, struct pawl_notes *notes) {
    if (!feed_keep_mark(feed)) {
        feed->blind = true;
        return;
    }
    struct pawl_feed_mark *mark = (struct pawl_feed_mark *)feed->marks;
    feed->marks = feed->marks->next;
    *mark = (struct pawl_feed_mark){{.settle = feed_settle_mark}, feed, is_partial};
    pawl__notes_add(notes, &mark->note);
    feed_keep_mark(feed);
}

// A record of the batch that |notes| are of is not noted, as memory is out.
static void feed_miss(struct pawl_feed *feed, const struct pawl_notes *notes) {
    for (struct pawl_note *note = notes->first; note; note = note->next)
        if (note->settle == feed_settle_mark) {
            ((struct pawl_feed_mark *)note)->is_partial = true;
            return;
        }
    feed->blind = true;
}

static bool feed_begins(struct pawl_listener *listener, struct pawl_notes *notes) {
    struct pawl_feed *feed = feed_of(listener);
    bool is_left = pawl__list_empty(&feed->readers);
    if (feed->open && is_left && pawl__clock_steady() - feed->left_at > FEED_LINGER) {
        pawl__feed_break(feed);
        feed->open = false;
    }
    feed_mark(feed, !feed->open, notes);
    return feed->open;
}

// A note of |change|, with copies of its texts; NULL when memory is out.
static struct pawl_feed_note *feed_note(struct pawl_feed *feed,
                                        const struct pawl_feed_change *change) {
    struct pawl_str id = change->id, name = change->name;
    struct pawl_feed_note *note = malloc(sizeof *note + id.len + name.len);
    if (!note) return NULL;
    memcpy(note->text, id.data, id.len);
    if (name.len) memcpy(note->text + id.len, name.data, name.len);
    note->note = (struct pawl_note){.settle = feed_settle};
    note->feed = feed;
    note->change = *change;
    note->change.id.data = note->text;
    note->change.name.data = note->text + id.len;
    return note;
}

static void feed_changed(struct pawl_listener *listener, uint32_t number, uint64_t position,
                         const struct pawl_instance *instance, enum pawl_change change,
                         struct pawl_notes *notes) {
    struct pawl_feed *feed = feed_of(listener);
    const struct pawl_feed_change made = {
        .position = position,
        .shard = number,
        .change = change,
        .status = pawl__instance_status(instance),
        .id = pawl__instance_id(instance),
        .name = pawl__str(instance->name),
    };
    struct pawl_feed_note *note = feed_note(feed, &made);
    if (note)
        pawl__notes_add(notes, &note->note);
    else
        feed_miss(feed, notes);
}

void pawl__feed_put(struct pawl_feed *feed, const struct pawl_feed_change *change) {
    struct pawl_feed_note *note = feed_note(feed, change);
    if (note)
        feed_append(feed, note);
    else
        pawl__feed_break(feed);
}

static void feed_interrupted(struct pawl_listener *listener) {
    struct pawl_feed *feed = feed_of(listener);
    if (feed->open) pawl__feed_break(feed);
}

// --- readers -------------------------------------------------------------------------------------

void pawl__feed_join(struct pawl_feed *feed, struct pawl_feed_reader *reader) {
    feed->open = true;
    reader->next = feed->last + 1;
    reader->waits = true;
    pawl__list_add(&feed->readers, &reader->link);
}

void pawl__feed_rejoin(struct pawl_feed *feed, struct pawl_feed_reader *reader, uint64_t boot,
                       uint64_t number) {
    pawl__feed_join(feed, reader);
    bool is_ours = boot == feed->boot && number <= feed->last;
    reader->next = is_ours ? number + 1 : 0;
    reader->waits = is_ours && number == feed->last;
}

void pawl__feed_leave(struct pawl_feed *feed, struct pawl_feed_reader *reader) {
    pawl__list_remove(&reader->link);
    if (pawl__list_empty(&feed->readers)) feed->left_at = pawl__clock_steady();
}

enum pawl_feed_result pawl__feed_read(struct pawl_feed *feed, struct pawl_feed_reader *reader,
                                      const struct pawl_feed_change **out) {
    if (reader->next > feed->last) {
        reader->waits = true;
        return PAWL_FEED_NOTHING;
    }
    if (reader->next < feed->first) {
        reader->next = feed->last + 1;
        return PAWL_FEED_MISSED;
    }
    *out = &feed->ring[reader->next++ % PAWL_FEED_CHANGES]->change;
    return PAWL_FEED_CHANGE;
}

// --- life ----------------------------------------------------------------------------------------

bool pawl__feed_init(struct pawl_feed *feed) {
    *feed = (struct pawl_feed){
        .listener = {.begins = feed_begins,
                     .changed = feed_changed,
                     .interrupted = feed_interrupted},
        .ring = malloc(PAWL_FEED_CHANGES * sizeof(struct pawl_feed_note *)),
        .first = 2, // none has the number 1, so that who has read nothing has missed something
        .last = 1,
    };
    pawl__link_init(&feed->readers);
    pawl__random(&feed->boot, sizeof feed->boot);
    return feed->ring && feed_keep_mark(feed);
}

void pawl__feed_finish(struct pawl_feed *feed) {
    while (feed->first <= feed->last) feed_drop_first(feed);
    for (struct pawl_note *next; feed->marks; feed->marks = next) {
        next = feed->marks->next;
        free(feed->marks);
    }
    free(feed->ring);
}
