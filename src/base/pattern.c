#include "base/pattern.h"

#include <ctype.h>
#include <stdlib.h>

enum {
    PATTERN_GROUPS = 10 // $0 to $9
};

static const char pattern_flaw[] = "a regular expression of at most 255 bytes, without what POSIX "
                                   "lacks: (?...), \\p, \\b, *?, {1000}";

// --- making one ----------------------------------------------------------------------------------

// Appends what stands for \|c|; |inside|: of brackets. False: it is not understood.
static bool pattern_escape(struct pawl_buf *out, char c, bool inside) {
    static const struct {
        char c;
        const char *outside, *inside; // NULL: not there
    } classes[] = {
        {'d', "[0-9]", "0-9"},
        {'D', "[^0-9]", NULL},
        {'w', "[0-9A-Za-z_]", "0-9A-Za-z_"},
        {'W', "[^0-9A-Za-z_]", NULL},
        {'s', "[\t\n\f\r ]", "\t\n\f\r "},
        {'S', "[^\t\n\f\r ]", NULL},
    };
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        const char *text = inside ? classes[i].inside : classes[i].outside;
        if (classes[i].c == c) return text && pawl__buf_format(out, "%s", text);
    }
    if (!ispunct((unsigned char)c)) return false;
    // Brackets take what stands in them as it is, but for these, whose place there has a meaning.
    if (inside) return !strchr("[]^-", c) && pawl__buf_append(out, &c, 1);
    return pawl__buf_format(out, strchr(".[]{}()\\*+?^$|", c) ? "\\%c" : "%c", c);
}

// Steps over the counts of "{2,5}", of which |*most| is the last. False when they are too high, or
// are none.
static bool pattern_counts(const char **at, long *most) {
    char *end;
    *most = strtol(*at, &end, 10);
    if (end == *at) return false;
    if (*end == ',' && isdigit((unsigned char)end[1]))
        *most = strtol(end + 1, &end, 10);
    else if (*end == ',')
        end++;
    *at = end;
    return *end == '}' && *most >= 0 && *most <= PAWL_PATTERN_REPEATS;
}

// Copies of the innermost part, so far: of the group at each depth, and of what stands last.
struct pattern_copies {
    long groups[PAWL_PATTERN_MOST + 1], last;
    size_t depth;
};

// |last| stands at the current depth. False: it is too much.
static bool pattern_copies(struct pattern_copies *copies, long last) {
    long *group = &copies->groups[copies->depth];
    copies->last = last;
    if (*group < last) *group = last;
    return last <= PAWL_PATTERN_TOTAL;
}

// Takes what stands at |at|, which is not in brackets; |most|: of a count.
static bool pattern_weigh(struct pattern_copies *copies, char at, long most) {
    if (at == '(') {
        copies->groups[++copies->depth] = 1;
        return true;
    }
    if (at == ')' && copies->depth) {
        copies->depth--;
        return pattern_copies(copies, copies->groups[copies->depth + 1]);
    }
    if (at == '{') return pattern_copies(copies, copies->last * (most ? most : 1));
    return pattern_copies(copies, 1);
}

// Writes the pattern as POSIX has it. False: it has what is not understood.
static bool pattern_translate(struct pawl_buf *out, const char *text) {
    bool inside = false, repeated = false;
    struct pattern_copies copies = {.groups = {1}, .last = 1};
    for (const char *at = text; *at; at++) {
        const char *from = at;
        bool repeats = false, opens = !inside;
        long most = 1;
        if (*at == '\\') {
            if (!*++at || !pattern_escape(out, *at, inside)) return false;
            repeated = false;
            copies.last = 1;
            continue;
        }
        if (inside) {
            if (*at == '[' && strchr(":.=", at[1])) return false;
            inside = *at != ']';
        } else if (*at == '[') {
            inside = true;
            if (at[1] == '^') at++;
            if (at[1] == ']') return false; // Go takes it as it is, as POSIX does, but few know
        } else if (*at == '(') {
            if (at[1] == '?') return false;
        } else if (strchr("*+?{", *at)) {
            repeats = true;
            if (repeated || (*at == '{' && (at++, !pattern_counts(&at, &most)))) return false;
        }
        if (opens && !pattern_weigh(&copies, *from, most)) return false;
        repeated = repeats;
        pawl__buf_append(out, from, (size_t)(at - from) + 1);
    }
    return !inside;
}

const char *pawl__pattern_make(struct pawl_pattern *out, const char *text) {
    struct pawl_buf posix = {0};
    *out = (struct pawl_pattern){0};
    bool ok = strlen(text) <= PAWL_PATTERN_MOST && pattern_translate(&posix, text) &&
              pawl__buf_append(&posix, "", 1);
    out->made = ok && regcomp(&out->regex, (const char *)posix.data, REG_EXTENDED) == 0;
    pawl__buf_finish(&posix);
    return out->made ? NULL : pattern_flaw;
}

void pawl__pattern_finish(struct pawl_pattern *pattern) {
    if (pattern->made) regfree(&pattern->regex);
    pattern->made = false;
}

// --- replacing -----------------------------------------------------------------------------------

// Appends the group that |at|, behind a dollar, names, and returns what comes behind the name;
// NULL: it names none.
static const char *pattern_group(struct pawl_buf *out, const char *at, struct pawl_str text,
                                 const regmatch_t *groups) {
    bool braced = *at == '{';
    const char *name = at + braced, *end = name;
    while (isalnum((unsigned char)*end) || *end == '_') end++;
    if (end == name || (braced && *end != '}')) return NULL;
    char *stop;
    unsigned long number = strtoul(name, &stop, 10);
    if (stop == end && number < PATTERN_GROUPS && groups[number].rm_so >= 0)
        pawl__buf_append(out, text.data + groups[number].rm_so,
                         (size_t)(groups[number].rm_eo - groups[number].rm_so));
    return end + braced;
}

static void pattern_expand(struct pawl_buf *out, const char *replacement, struct pawl_str text,
                           const regmatch_t *groups) {
    for (const char *at = replacement; *at;) {
        const char *behind = *at == '$' ? pattern_group(out, at + 1, text, groups) : NULL;
        if (!behind) {
            pawl__buf_append(out, at, 1);
            behind = at + 1 + (*at == '$' && at[1] == '$');
        }
        at = behind;
    }
}

bool pawl__pattern_replace(const struct pawl_pattern *pattern, struct pawl_str text,
                           const char *replacement, struct pawl_buf *out) {
    size_t at = 0, copied = 0;
    if (!text.data) text = PAWL_STR("");
    while (at <= text.len) {
        regmatch_t groups[PATTERN_GROUPS] = {{.rm_so = (regoff_t)at, .rm_eo = (regoff_t)text.len}};
        if (regexec(&pattern->regex, text.data, PATTERN_GROUPS, groups,
                    REG_STARTEND | (at ? REG_NOTBOL : 0)))
            break;
        size_t from = (size_t)groups[0].rm_so, to = (size_t)groups[0].rm_eo;
        pawl__buf_append(out, text.data + copied, from - copied);
        // As in Go: nothing that is matched right behind another match is no match.
        if (to > copied || from == 0) pattern_expand(out, replacement, text, groups);
        copied = to;
        at = to > from ? to : to + 1;
    }
    if (copied < text.len) pawl__buf_append(out, text.data + copied, text.len - copied);
    if (out->failed) pawl__buf_finish(out);
    return !out->failed;
}
