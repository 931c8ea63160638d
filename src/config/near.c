#include "config/near.h"

enum {
    NEAR_MAX = 64
};

static char near_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

// The matrix by Levenshtein, with Damerau's swaps, of which three rows are needed at a time.
size_t pawl__distance(struct pawl_str a, struct pawl_str b) {
    if (a.len >= NEAR_MAX || b.len >= NEAR_MAX) return NEAR_MAX;
    size_t rows[3][NEAR_MAX];
    for (size_t j = 0; j <= b.len; j++) rows[0][j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *second = rows[(i + 1) % 3];
        char here = near_lower(a.data[i - 1]);
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            char there = near_lower(b.data[j - 1]);
            size_t best = above[j - 1] + (here != there);
            if (above[j] + 1 < best) best = above[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            bool swapped = i > 1 && j > 1 && here == near_lower(b.data[j - 2]) &&
                           there == near_lower(a.data[i - 2]);
            if (swapped && second[j - 2] + 1 < best) best = second[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[a.len % 3][b.len];
}

// Whether a name at |distance| from a text of |len| bytes is one that was meant.
static bool near_is_slip(size_t distance, size_t len) {
    return distance <= (len < 4 ? 1 : len < 8 ? 2 : 3);
}

const char *pawl__nearest(const char *text, const char *const *known) {
    struct pawl_str given = pawl__str(text);
    const char *near = NULL;
    size_t least = NEAR_MAX;
    for (size_t i = 0; known[i]; i++) {
        size_t distance = pawl__distance(given, pawl__str(known[i]));
        if (strcmp(text, known[i]) == 0) return known[i];
        if (distance >= least || !near_is_slip(distance, given.len)) continue;
        least = distance;
        near = known[i];
    }
    return near;
}
