#ifndef PAWL_BASE_PATTERN_H
#define PAWL_BASE_PATTERN_H

// Regular expressions as Go's configuration files have them, and what they replace.
//
// They are POSIX's extended ones underneath, which take time in proportion to the text, since
// references back into the text (\1) are refused, as Go refuses them. Of Go's own syntax
// (https://github.com/google/re2/wiki/Syntax) these are understood: \d \D \w \W \s \S and a
// backslash in front of punctuation, also within brackets. What else stands behind a backslash or
// behind "(?", and repetitions that take as little as they can ("*?"), are refused, so that none
// means something else here. Of alternatives the longest wins, in Go the first. Texts are bytes.

#include <regex.h>

#include "base/buf.h"

enum {
    PAWL_PATTERN_MOST = 255,    // bytes of a pattern
    PAWL_PATTERN_REPEATS = 100, // that a count in braces may ask for
    PAWL_PATTERN_TOTAL = 1000   // product of counts within each other: regcomp writes out each copy
};

// Zero-initialised it is none.
struct pawl_pattern {
    regex_t regex;
    bool made;
};

// Why |text| is no pattern that is understood, in the words that end "it has to be ..."; NULL: it
// is one, and |out| is it.
const char *pawl__pattern_make(struct pawl_pattern *out, const char *text);
void pawl__pattern_finish(struct pawl_pattern *pattern);

// Appends |text| with all that the pattern matches replaced. In |replacement| $1 and ${1} are what
// a group has matched, and $$ is a dollar; a group that is not there is empty, and the name of one
// is as long as can be: $1x is not ${1}x. Empties |*out| when memory is out, and says false.
bool pawl__pattern_replace(const struct pawl_pattern *pattern, struct pawl_str text,
                           const char *replacement, struct pawl_buf *out);

#endif
