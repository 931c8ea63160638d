#include "observe/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/utf8.h"

// The ring holds lines as text, "1795963444390 a the text\n", from |written| - size to |written|.
struct pawl_lines_memory {
    char magic[8];
    _Atomic uint64_t written; // bytes, in all
    char bytes[PAWL_LINES_SIZE];
};

static const char lines_magic[8] = "pawl-ln1";
static const char lines_marks[] = {[PAWL_LINES_APP] = 'a', [PAWL_LINES_DAEMON] = 'd'};

enum {
    LINES_HEAD = 32 // bytes of the time and the mark, and more
};

// --- life ----------------------------------------------------------------------------------------

static enum pawl_err lines_map(struct pawl_lines *lines, int protection, struct pawl_error *error) {
    void *memory = mmap(NULL, sizeof *lines->memory, protection, MAP_SHARED, lines->fd, 0);
    if (memory == MAP_FAILED)
        return pawl__fail(error, PAWL_E_IO, "cannot map the log lines: %s", strerror(errno));
    lines->memory = memory;
    return PAWL_OK;
}

enum pawl_err pawl__lines_create(struct pawl_lines *lines, struct pawl_error *error) {
    *lines = (struct pawl_lines){.fd = memfd_create("pawl-lines", MFD_CLOEXEC)};
    if (lines->fd < 0 || ftruncate(lines->fd, sizeof *lines->memory)) {
        enum pawl_err err =
            pawl__fail(error, PAWL_E_IO, "cannot keep log lines: %s", strerror(errno));
        pawl__lines_close(lines);
        return err;
    }
    enum pawl_err err = lines_map(lines, PROT_READ | PROT_WRITE, error);
    if (err)
        pawl__lines_close(lines);
    else
        memcpy(lines->memory->magic, lines_magic, sizeof lines_magic);
    return err;
}

int pawl__lines_share(const struct pawl_lines *lines) {
    char path[32];
    if (!lines->memory) return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", lines->fd);
    return open(path, O_RDONLY | O_CLOEXEC);
}

enum pawl_err pawl__lines_open(struct pawl_lines *lines, int fd, struct pawl_error *error) {
    struct stat info;
    *lines = (struct pawl_lines){.fd = fd};
    bool fits = fd > STDERR_FILENO && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
                info.st_size == (off_t)sizeof *lines->memory;
    if (!fits) {
        *lines = (struct pawl_lines){.fd = -1}; // it is somebody else's
        return pawl__fail(error, PAWL_E_INVALID, "descriptor %d holds no log lines", fd);
    }
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    enum pawl_err err = lines_map(lines, PROT_READ, error);
    if (!err && memcmp(lines->memory->magic, lines_magic, sizeof lines_magic) != 0)
        err = pawl__fail(error, PAWL_E_INVALID, "descriptor %d holds no log lines", fd);
    if (err) pawl__lines_close(lines);
    return err;
}

void pawl__lines_close(struct pawl_lines *lines) {
    if (lines->memory) munmap(lines->memory, sizeof *lines->memory);
    if (lines->fd > 0) close(lines->fd);
    *lines = (struct pawl_lines){.fd = -1};
}

// --- writing -------------------------------------------------------------------------------------

static uint64_t lines_put(struct pawl_lines_memory *memory, uint64_t at, const char *bytes,
                          size_t len) {
    size_t place = at % PAWL_LINES_SIZE, first = PAWL_LINES_SIZE - place;
    if (first > len) first = len;
    memcpy(memory->bytes + place, bytes, first);
    memcpy(memory->bytes, bytes + first, len - first);
    return at + len;
}

void pawl__lines_add(struct pawl_lines *lines, enum pawl_lines_from from, int64_t at,
                     struct pawl_str text) {
    struct pawl_lines_memory *memory = lines->memory;
    char head[LINES_HEAD];
    if (!memory) return;
    uint64_t place = atomic_load_explicit(&memory->written, memory_order_relaxed);
    int len = snprintf(head, sizeof head, "%lld %c ", (long long)(at / PAWL_MILLISECOND),
                       lines_marks[from]);
    if (text.len > PAWL_LINES_LONGEST) text.len = PAWL_LINES_LONGEST;
    place = lines_put(memory, place, head, (size_t)len);
    place = lines_put(memory, place, text.data, text.len);
    place = lines_put(memory, place, "\n", 1);
    // A reader that sees bytes of the next line has to see this, too.
    atomic_store_explicit(&memory->written, place, memory_order_seq_cst);
    atomic_thread_fence(memory_order_seq_cst);
}

// --- reading -------------------------------------------------------------------------------------

// The oldest byte that no writer is about to overwrite.
static uint64_t lines_oldest(uint64_t written) {
    const uint64_t room = PAWL_LINES_SIZE - PAWL_LINES_LONGEST - LINES_HEAD - 1;
    return written > room ? written - room : 0;
}

static void lines_copy(const struct pawl_lines_memory *memory, uint64_t from, char *out,
                       size_t len) {
    size_t place = from % PAWL_LINES_SIZE, first = PAWL_LINES_SIZE - place;
    if (first > len) first = len;
    memcpy(out, memory->bytes + place, first);
    memcpy(out + first, memory->bytes, len - first);
}

bool pawl__lines_view(const struct pawl_lines *lines, uint64_t from, struct pawl_arena *arena,
                      struct pawl_lines_view *out) {
    const struct pawl_lines_memory *memory = lines->memory;
    *out = (struct pawl_lines_view){0};
    if (!memory) return true;
    uint64_t written = atomic_load_explicit(&memory->written, memory_order_acquire);
    uint64_t begin = lines_oldest(written);
    if (from > begin && from <= written) begin = from;
    out->end = written;
    out->len = (size_t)(written - begin);
    out->text = pawl__arena_alloc(arena, out->len + 1);
    if (!out->text) return false;
    lines_copy(memory, begin, out->text, out->len);
    // What was overwritten meanwhile is dropped from the front, and the rest of a line with it.
    uint64_t left = lines_oldest(atomic_load_explicit(&memory->written, memory_order_seq_cst));
    if (left > begin) out->at = left - begin < out->len ? (size_t)(left - begin) : out->len;
    bool is_whole = begin + out->at == from || begin + out->at == 0;
    if (!is_whole) {
        const char *end = memchr(out->text + out->at, '\n', out->len - out->at);
        out->at = end ? (size_t)(end - out->text) + 1 : out->len;
    }
    out->missed = from && !is_whole;
    return true;
}

// Bytes that are no UTF-8, and NUL, become '?'.
static void lines_mend(char *at, const char *end) {
    while (at < end) {
        size_t len = pawl__utf8_length(at, end);
        if (!len || !*at) *at = '?';
        at += len ? len : 1;
    }
}

bool pawl__lines_next(struct pawl_lines_view *view, struct pawl_line *out) {
    while (view->at < view->len) {
        char *begin = view->text + view->at;
        char *end = memchr(begin, '\n', view->len - view->at);
        if (!end) return false;
        view->at = (size_t)(end - view->text) + 1;
        struct pawl_str rest = {begin, (size_t)(end - begin)}, at = pawl__str_cut(&rest, ' '),
                        mark = pawl__str_cut(&rest, ' ');
        if (!rest.data || mark.len != 1 || !pawl__str_to_int(at, 0, INT64_MAX, &out->at)) continue;
        out->from = *mark.data == lines_marks[PAWL_LINES_APP] ? PAWL_LINES_APP : PAWL_LINES_DAEMON;
        out->text = rest;
        lines_mend((char *)rest.data, end);
        return true;
    }
    return false;
}
