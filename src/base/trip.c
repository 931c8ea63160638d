#include "base/trip.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
    TRIP_DEPTH = 32
};

enum trip_kind {
    TRIP_INT,
    TRIP_REAL,
    TRIP_TRUTH,
    TRIP_FLAW // of a division by zero, or a number that is too large
};

// --- reading ------------------------------------------------------------------------------------

struct trip_reader {
    const char *text, *at;
    struct pawl_trip *out;
    int depth;
    const char *flaw;
    struct pawl_trip_step unused; // steps of a text that is refused
};

static const struct {
    const char *name;
    size_t place;
} trip_names[] = {
    {"requests", offsetof(struct pawl_trip_counts, requests)},
    {"totalSuccesses", offsetof(struct pawl_trip_counts, total_successes)},
    {"totalFailures", offsetof(struct pawl_trip_counts, total_failures)},
    {"consecutiveSuccesses", offsetof(struct pawl_trip_counts, consecutive_successes)},
    {"consecutiveFailures", offsetof(struct pawl_trip_counts, consecutive_failures)},
};

static enum trip_kind trip_or(struct trip_reader *reader);

static enum trip_kind trip_flaw(struct trip_reader *reader, const char *what) {
    if (!reader->flaw) reader->flaw = what;
    return TRIP_FLAW;
}

static struct pawl_trip_step *trip_emit(struct trip_reader *reader, enum pawl_trip_op op) {
    if (reader->out->count == PAWL_TRIP_STEPS) {
        trip_flaw(reader, "is too long");
        return &reader->unused;
    }
    struct pawl_trip_step *step = &reader->out->steps[reader->out->count++];
    *step = (struct pawl_trip_step){.op = op};
    return step;
}

static bool trip_take(struct trip_reader *reader, const char *token) {
    size_t len = strlen(token);
    reader->at += strspn(reader->at, " \t\r\n");
    if (strncmp(reader->at, token, len) != 0) return false;
    reader->at += len;
    return true;
}

static enum trip_kind trip_number(struct trip_reader *reader) {
    size_t len = strspn(reader->at, "0123456789");
    char *end;
    if (reader->at[len] == '.' || reader->at[len] == 'e' || reader->at[len] == 'E') {
        trip_emit(reader, PAWL_TRIP_REAL)->real = strtod(reader->at, &end);
        reader->at = end;
        return TRIP_REAL;
    }
    if (len > 18) return trip_flaw(reader, "has a number that is too large");
    trip_emit(reader, PAWL_TRIP_INT)->number = strtoll(reader->at, &end, 10);
    reader->at = end;
    return TRIP_INT;
}

static enum trip_kind trip_nested(struct trip_reader *reader) {
    if (++reader->depth > TRIP_DEPTH) return trip_flaw(reader, "nests too deeply");
    enum trip_kind kind = trip_or(reader);
    reader->depth--;
    return trip_take(reader, ")") ? kind : trip_flaw(reader, "lacks a closing parenthesis");
}

static enum trip_kind trip_name(struct trip_reader *reader) {
    const char *name = reader->at;
    size_t len = 0;
    while (isalnum((unsigned char)name[len]) || name[len] == '_') len++;
    reader->at += len;
    for (size_t i = 0; i < sizeof trip_names / sizeof *trip_names; i++) {
        if (strlen(trip_names[i].name) != len || memcmp(name, trip_names[i].name, len) != 0)
            continue;
        trip_emit(reader, PAWL_TRIP_COUNT)->number = (int64_t)trip_names[i].place;
        return TRIP_INT;
    }
    bool yes = len == 4 && memcmp(name, "true", 4) == 0;
    if (yes || (len == 5 && memcmp(name, "false", 5) == 0)) {
        trip_emit(reader, PAWL_TRIP_TRUTH)->number = yes;
        return TRIP_TRUTH;
    }
    if (len == 6 && memcmp(name, "double", 6) == 0 && trip_take(reader, "(")) {
        enum trip_kind kind = trip_nested(reader);
        if (kind == TRIP_INT) trip_emit(reader, PAWL_TRIP_TO_REAL);
        return kind == TRIP_TRUTH ? trip_flaw(reader, "makes a number of a truth value")
                                  : TRIP_REAL;
    }
    reader->at = name;
    return trip_flaw(reader, "has something other than a number or one of requests, "
                             "totalSuccesses, totalFailures, consecutiveSuccesses and "
                             "consecutiveFailures");
}

static enum trip_kind trip_unary(struct trip_reader *reader) {
    if (trip_take(reader, "(")) return trip_nested(reader);
    bool negates = trip_take(reader, "-"), denies = !negates && trip_take(reader, "!");
    if (!negates && !denies)
        return isdigit((unsigned char)*reader->at) ? trip_number(reader) : trip_name(reader);
    if (++reader->depth > TRIP_DEPTH) return trip_flaw(reader, "nests too deeply");
    enum trip_kind kind = trip_unary(reader);
    reader->depth--;
    if (denies && kind != TRIP_TRUTH) return trip_flaw(reader, "has a ! in front of a number");
    if (negates && kind == TRIP_TRUTH)
        return trip_flaw(reader, "has a - in front of a truth value");
    trip_emit(reader, denies ? PAWL_TRIP_NOT : PAWL_TRIP_NEGATE);
    return kind;
}

static enum trip_kind trip_calculate(struct trip_reader *reader, enum pawl_trip_op op,
                                     enum trip_kind a, enum trip_kind b) {
    if (a == TRIP_TRUTH || b == TRIP_TRUTH)
        return trip_flaw(reader, "calculates with a truth value");
    if (a != b)
        return trip_flaw(reader, "calculates with a whole number and one with a fraction; "
                                 "double(n) makes one of the other");
    if (op == PAWL_TRIP_REMAINDER && a == TRIP_REAL)
        return trip_flaw(reader, "has the remainder of a number with a fraction");
    trip_emit(reader, op);
    return a;
}

static enum trip_kind trip_product(struct trip_reader *reader) {
    enum trip_kind kind = trip_unary(reader);
    while (!reader->flaw) {
        enum pawl_trip_op op;
        if (trip_take(reader, "*"))
            op = PAWL_TRIP_MULTIPLY;
        else if (trip_take(reader, "/"))
            op = PAWL_TRIP_DIVIDE;
        else if (trip_take(reader, "%"))
            op = PAWL_TRIP_REMAINDER;
        else
            break;
        enum trip_kind right = trip_unary(reader);
        kind = trip_calculate(reader, op, kind, right);
    }
    return kind;
}

static enum trip_kind trip_sum(struct trip_reader *reader) {
    enum trip_kind kind = trip_product(reader);
    while (!reader->flaw) {
        bool adds = trip_take(reader, "+");
        if (!adds && !trip_take(reader, "-")) break;
        enum trip_kind right = trip_product(reader);
        kind = trip_calculate(reader, adds ? PAWL_TRIP_ADD : PAWL_TRIP_SUBTRACT, kind, right);
    }
    return kind;
}

static enum trip_kind trip_comparison(struct trip_reader *reader) {
    static const struct {
        const char *token;
        enum pawl_trip_op op;
    } rows[] = {
        {"<=", PAWL_TRIP_NOT_MORE}, {">=", PAWL_TRIP_NOT_LESS}, {"==", PAWL_TRIP_EQUAL},
        {"!=", PAWL_TRIP_OTHER},    {"<", PAWL_TRIP_LESS},      {">", PAWL_TRIP_MORE},
    };
    enum trip_kind left = trip_sum(reader);
    for (size_t i = 0; !reader->flaw && i < sizeof rows / sizeof *rows; i++) {
        if (!trip_take(reader, rows[i].token)) continue;
        enum trip_kind right = trip_sum(reader);
        if ((left == TRIP_TRUTH) != (right == TRIP_TRUTH))
            return trip_flaw(reader, "compares a number with a truth value");
        trip_emit(reader, rows[i].op);
        return TRIP_TRUTH;
    }
    return left;
}

static enum trip_kind trip_truths(struct trip_reader *reader, enum trip_kind left,
                                  enum trip_kind right, enum pawl_trip_op op) {
    if (left != TRIP_TRUTH || right != TRIP_TRUTH)
        return trip_flaw(reader, "takes a number for true or false");
    trip_emit(reader, op);
    return TRIP_TRUTH;
}

static enum trip_kind trip_and(struct trip_reader *reader) {
    enum trip_kind kind = trip_comparison(reader);
    while (!reader->flaw && trip_take(reader, "&&"))
        kind = trip_truths(reader, kind, trip_comparison(reader), PAWL_TRIP_AND);
    return kind;
}

static enum trip_kind trip_or(struct trip_reader *reader) {
    enum trip_kind kind = trip_and(reader);
    while (!reader->flaw && trip_take(reader, "||"))
        kind = trip_truths(reader, kind, trip_and(reader), PAWL_TRIP_OR);
    return kind;
}

const char *pawl__trip_parse(struct pawl_trip *out, const char *text, int *at) {
    struct trip_reader reader = {text, text, out};
    *out = (struct pawl_trip){0};
    enum trip_kind kind = trip_or(&reader);
    trip_take(&reader, "");
    if (*reader.at) trip_flaw(&reader, "goes on behind its end");
    if (kind != TRIP_TRUTH) trip_flaw(&reader, "is a number, not true or false");
    *at = (int)(reader.at - text);
    return reader.flaw;
}

// --- taking -------------------------------------------------------------------------------------

struct trip_value {
    enum trip_kind kind;
    int64_t number; // or truth
    double real;
};

static double trip_real(const struct trip_value *value) {
    return value->kind == TRIP_REAL ? value->real : (double)value->number;
}

static struct trip_value trip_truth(bool truth) {
    return (struct trip_value){TRIP_TRUTH, .number = truth};
}

static struct trip_value trip_whole(enum pawl_trip_op op, int64_t a, int64_t b) {
    struct trip_value out = {TRIP_INT};
    bool flawed = false;
    bool divides = op == PAWL_TRIP_DIVIDE || op == PAWL_TRIP_REMAINDER;
    if (divides && (!b || (b == -1 && a == INT64_MIN)))
        flawed = true;
    else if (op == PAWL_TRIP_ADD)
        flawed = __builtin_add_overflow(a, b, &out.number);
    else if (op == PAWL_TRIP_SUBTRACT)
        flawed = __builtin_sub_overflow(a, b, &out.number);
    else if (op == PAWL_TRIP_MULTIPLY)
        flawed = __builtin_mul_overflow(a, b, &out.number);
    else
        out.number = op == PAWL_TRIP_DIVIDE ? a / b : a % b;
    if (flawed) out.kind = TRIP_FLAW;
    return out;
}

static struct trip_value trip_fraction(enum pawl_trip_op op, double a, double b) {
    struct trip_value out = {TRIP_REAL};
    out.real = op == PAWL_TRIP_ADD        ? a + b
               : op == PAWL_TRIP_SUBTRACT ? a - b
               : op == PAWL_TRIP_MULTIPLY ? a * b
                                          : a / b; // by zero, as floating point has it
    return out;
}

static struct trip_value trip_compare(enum pawl_trip_op op, const struct trip_value *a,
                                      const struct trip_value *b) {
    bool reals = a->kind == TRIP_REAL || b->kind == TRIP_REAL;
    bool less = reals ? trip_real(a) < trip_real(b) : a->number < b->number;
    bool more = reals ? trip_real(a) > trip_real(b) : a->number > b->number;
    bool equal = reals ? trip_real(a) == trip_real(b) : a->number == b->number; // no NaN is
    switch (op) {
    case PAWL_TRIP_LESS: return trip_truth(less);
    case PAWL_TRIP_NOT_MORE: return trip_truth(less || equal);
    case PAWL_TRIP_MORE: return trip_truth(more);
    case PAWL_TRIP_NOT_LESS: return trip_truth(more || equal);
    case PAWL_TRIP_EQUAL: return trip_truth(equal);
    default: return trip_truth(!equal);
    }
}

// "false && x" is false and "true || x" is true, even where x is flawed.
static struct trip_value trip_join(bool decides, const struct trip_value *a,
                                   const struct trip_value *b) {
    if (a->kind == TRIP_TRUTH && a->number == decides) return *a;
    if (b->kind == TRIP_TRUTH && b->number == decides) return *b;
    return a->kind == TRIP_FLAW ? *a : *b;
}

static struct trip_value trip_two(enum pawl_trip_op op, const struct trip_value *a,
                                  const struct trip_value *b) {
    if (op == PAWL_TRIP_AND || op == PAWL_TRIP_OR) return trip_join(op == PAWL_TRIP_OR, a, b);
    if (a->kind == TRIP_FLAW || b->kind == TRIP_FLAW) return (struct trip_value){TRIP_FLAW};
    if (op >= PAWL_TRIP_LESS) return trip_compare(op, a, b);
    return a->kind == TRIP_REAL ? trip_fraction(op, a->real, b->real)
                                : trip_whole(op, a->number, b->number);
}

static void trip_one(enum pawl_trip_op op, struct trip_value *value) {
    if (value->kind == TRIP_FLAW) return;
    if (op == PAWL_TRIP_NOT) {
        value->number = !value->number;
    } else if (op == PAWL_TRIP_TO_REAL) {
        *value = (struct trip_value){TRIP_REAL, .real = (double)value->number};
    } else if (value->kind == TRIP_REAL) {
        value->real = -value->real;
    } else {
        *value = trip_whole(PAWL_TRIP_SUBTRACT, 0, value->number);
    }
}

bool pawl__trip_eval(const struct pawl_trip *trip, const struct pawl_trip_counts *counts) {
    struct trip_value stack[PAWL_TRIP_STEPS] = {0};
    int top = 0; // values on it: what was parsed takes none that is not there
    for (int i = 0; i < trip->count; i++) {
        const struct pawl_trip_step *step = &trip->steps[i];
        switch (step->op) {
        case PAWL_TRIP_INT:
            stack[top++] = (struct trip_value){TRIP_INT, .number = step->number};
            break;
        case PAWL_TRIP_TRUTH: stack[top++] = trip_truth(step->number); break;
        case PAWL_TRIP_REAL:
            stack[top++] = (struct trip_value){TRIP_REAL, .real = step->real};
            break;
        case PAWL_TRIP_COUNT:
            stack[top] = (struct trip_value){TRIP_INT};
            memcpy(&stack[top++].number, (const char *)counts + step->number, sizeof(int64_t));
            break;
        case PAWL_TRIP_NOT:
        case PAWL_TRIP_NEGATE:
        case PAWL_TRIP_TO_REAL: trip_one(step->op, &stack[top - 1]); break;
        default: top--; stack[top - 1] = trip_two(step->op, &stack[top - 1], &stack[top]);
        }
    }
    return top == 1 && stack[0].kind != TRIP_FLAW && stack[0].number;
}
