#include "base/name.h"

#include "base/utf8.h"

#include <string.h>

const char *pawl__name_flaw(const char *name) {
    enum {
        MOST = 255
    };
    const char *end = name + strlen(name);
    if (end - name > MOST) return "is too long: it may have 255 bytes";
    for (size_t len; name < end; name += len) {
        len = pawl__utf8_length(name, end);
        uint8_t first = (uint8_t)name[0], second = (uint8_t)name[1];
        if (!len) return "is not valid UTF-8 text";
        if (first < ' ' || first == 127 || (first == 0xc2 && second < 0xa0))
            return "has a control character in it";
    }
    return NULL;
}
