#include "base/quote.h"

#include "base/utf8.h"

static void quote_control(struct pawl_buf *buf, unsigned char c) {
    static const char digits[] = "0123456789abcdef", letters[] = "btn?fr"; // of 8 to 13
    char escape[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
    bool has_letter = c >= 8 && c <= 13 && c != 11;
    if (has_letter) escape[1] = letters[c - 8];
    pawl__buf_append(buf, escape, has_letter ? 2 : sizeof escape);
}

bool pawl__buf_quote(struct pawl_buf *buf, struct pawl_str text) {
    const char *at = text.data, *end = text.len ? at + text.len : at, *plain = at;
    pawl__buf_append(buf, "\"", 1);
    while (at < end) {
        unsigned char c = (unsigned char)*at;
        size_t size = pawl__utf8_length(at, end);
        bool escaped = c < 0x20 || c == '"' || c == '\\' || !size;
        at += size ? size : 1;
        if (!escaped) continue;
        pawl__buf_append(buf, plain, (size_t)(at - plain) - 1);
        plain = at;
        if (!size)
            pawl__buf_append(buf, "\xef\xbf\xbd", 3);
        else if (c < 0x20)
            quote_control(buf, c);
        else
            pawl__buf_append(buf, (const char[]){'\\', (char)c}, 2);
    }
    pawl__buf_append(buf, plain, (size_t)(end - plain));
    return pawl__buf_append(buf, "\"", 1);
}
