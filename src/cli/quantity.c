#include "cli/quantity.h"

#include <string.h>

#include "base/str.h"

// number * factor * 10^tens, where factor is a power of two.
struct quantity {
    int64_t number, factor, tens;
};

static bool quantity_digit(struct quantity *quantity, char digit) {
    return !__builtin_mul_overflow(quantity->number, 10, &quantity->number) &&
           !__builtin_add_overflow(quantity->number, digit - '0', &quantity->number);
}

// Reads the digits and goes behind them.
static bool quantity_number(const char **text, struct quantity *quantity) {
    const char *digits = "0123456789", *whole = *text, *point = whole + strspn(whole, digits);
    size_t fraction = *point == '.' ? strspn(point + 1, digits) : 0;
    *text = *point == '.' ? point + 1 + fraction : point;
    if (point == whole && !fraction) return false;
    while (fraction && point[fraction] == '0') fraction--; // zeros that would only overflow
    for (const char *at = whole; at < point; at++)
        if (!quantity_digit(quantity, *at)) return false;
    for (size_t i = 1; i <= fraction; i++)
        if (!quantity_digit(quantity, point[i])) return false;
    quantity->tens = -(int64_t)fraction;
    return true;
}

static bool quantity_suffix(const char *text, struct quantity *quantity) {
    static const struct {
        char suffix[3];
        int tens, twos;
    } units[] = {{"n", -9, 0},  {"u", -6, 0},  {"m", -3, 0},  {"", 0, 0},
                 {"k", 3, 0},   {"M", 6, 0},   {"G", 9, 0},   {"T", 12, 0},
                 {"P", 15, 0},  {"E", 18, 0},  {"Ki", 0, 10}, {"Mi", 0, 20},
                 {"Gi", 0, 30}, {"Ti", 0, 40}, {"Pi", 0, 50}, {"Ei", 0, 60}};
    quantity->factor = 1;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(text, units[i].suffix) == 0) {
            quantity->tens += units[i].tens;
            quantity->factor <<= units[i].twos;
            return true;
        }
    int64_t exponent;
    if (*text != 'e' && *text != 'E') return false;
    text += text[1] == '+' && text[2] != '-' ? 2 : 1;
    if (!pawl__str_to_int(pawl__str(text), -1000, 1000, &exponent)) return false;
    quantity->tens += exponent;
    return true;
}

bool pawl__quantity_parse(const char *text, int64_t *out) {
    struct quantity q = {0};
    bool negative = *text == '-';
    if (negative || *text == '+') text++;
    if (!quantity_number(&text, &q) || !quantity_suffix(text, &q)) return false;
    for (; q.number && q.tens > 0; q.tens--)
        if (__builtin_mul_overflow(q.number, 10, &q.number)) return false;
    for (; q.number && q.tens < 0; q.tens++) { // what is left over would be part of a byte
        if (q.number % 5) return false;
        q.number /= 5;
        if (q.number % 2 && q.factor == 1) return false;
        if (q.number % 2)
            q.factor /= 2;
        else
            q.number /= 2;
    }
    if (__builtin_mul_overflow(q.number, q.factor, out)) return false;
    if (negative) *out = -*out;
    return true;
}
